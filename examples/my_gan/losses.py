"""Adversarial losses: functions that return an `AdversarialLoss`, listed in `FACTORIES`."""

import jax
import jax.numpy as jnp

from gan_jax.losses import AdversarialLoss


def exponential(limit: float = 5.0) -> AdversarialLoss:
  """Returns the loss exp(-D(real)) + exp(D(fake)) of boosting; the generator minimizes exp(-D(fake)).

  Args:
    limit: bound of the logits, positive; it keeps the exponentials finite.

  Raises:
    ValueError: the limit is not positive.
  """
  if limit <= 0:
    raise ValueError(f'limit={limit!r}: out of range (a positive number); 5 is usual')
  bounded = lambda logits: limit * jnp.tanh(logits / limit)

  def discriminator(real: jax.Array, fake: jax.Array) -> jax.Array:
    return jnp.exp(-bounded(real)) + jnp.exp(bounded(fake))

  def generator(real: jax.Array, fake: jax.Array) -> jax.Array:
    return jnp.exp(-bounded(fake))

  return AdversarialLoss(discriminator, generator)


FACTORIES = (exponential,)
