"""Penalties of the discriminator: functions that return a `Regularizer`, listed in `FACTORIES`."""

from gan_jax.losses.regularizers import Regularizer


def small_logits() -> Regularizer:
  """Returns the penalty D(real)^2 + D(fake)^2 for each pair of examples."""
  return Regularizer(lambda inputs: inputs.real_logits**2 + inputs.fake_logits**2)


FACTORIES = (small_logits,)
