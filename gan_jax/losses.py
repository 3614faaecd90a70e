"""Adversarial losses on the raw scores (logits) of a discriminator.

A loss is a pair of elementwise functions of real and fake scores of equal shape; both are minimised
and both return an array of that shape. The mean is taken where a game is put together.
"""

from collections.abc import Callable
from typing import NamedTuple

import chex
import jax

Elementwise = Callable[[chex.Array, chex.Array], chex.Array]


class AdversarialLoss(NamedTuple):
  """What each player minimises, given (real_scores, fake_scores)."""

  discriminator: Elementwise
  generator: Elementwise


def _cross_entropy(real_label: float) -> Elementwise:
  if not 0.5 <= real_label <= 1:
    raise ValueError(f'real_label is {real_label}; it must be from 0.5 to 1')

  def discriminator(real: chex.Array, fake: chex.Array) -> chex.Array:
    chex.assert_equal_shape([real, fake])
    on_real = real_label * jax.nn.softplus(-real) + (1 - real_label) * jax.nn.softplus(real)
    return on_real + jax.nn.softplus(fake)

  return discriminator


def minimax(real_label: float = 1.0) -> AdversarialLoss:
  """The zero-sum game of the first GAN: D(x) = sigmoid(score).

  discriminator: -log D(real) - log(1 - D(fake));  generator: log(1 - D(fake)).
  The generator's gradient vanishes where the discriminator is sure that a sample is fake.

  Args:
    real_label: the target for real examples, in [0.5, 1]; below 1 it is the one-sided label
      smoothing of Salimans et al. 2016 (arXiv:1606.03498), section 3.4.

  Raises:
    ValueError: real_label is outside its range.

  Source: Goodfellow et al. 2014 (arXiv:1406.2661), equation 1.
  """

  def generator(real: chex.Array, fake: chex.Array) -> chex.Array:
    chex.assert_equal_shape([real, fake])
    return -jax.nn.softplus(fake)

  return AdversarialLoss(_cross_entropy(real_label), generator)


def non_saturating(real_label: float = 1.0) -> AdversarialLoss:
  """The discriminator of `minimax`; generator: -log D(fake), whose gradient does not vanish early.

  Args:
    real_label: as in `minimax`.

  Source: Goodfellow et al. 2014 (arXiv:1406.2661), section 3, after equation 1.
  """

  def generator(real: chex.Array, fake: chex.Array) -> chex.Array:
    chex.assert_equal_shape([real, fake])
    return jax.nn.softplus(-fake)

  return AdversarialLoss(_cross_entropy(real_label), generator)
