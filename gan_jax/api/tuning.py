"""Settings for speed that change the whole process; only commands and `tune` make them."""

import gc

from gan_jax.runtime import devices, environment


def tune() -> None:
  """Makes this process faster, as the commands do; losses may differ in their last digits.

  Compiled programs are kept in the user's cache folder, so that the next start is fast. On CPU, a
  faster implementation computes the same random numbers. Garbage collection becomes rare. Call it
  before anything else uses JAX. GAN_JAX_TUNING=0 leaves out all but the cache.

  Raises:
    ConfigError: a setting of JAX prevents compilation.

  Example:
    >>> import gan_jax
    >>> gan_jax.tune()
  """
  devices.prepare()
  if environment.is_tuned():
    gc.set_threshold(environment.OBJECTS)
