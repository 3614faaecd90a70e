"""Metrics of a batch that games report beside their losses."""

import chex
import jax
import jax.numpy as jnp

from gan_jax.game import Inputs


def accuracy(real_scores: jax.Array, fake_scores: jax.Array) -> jax.Array:
  """The share of pairs, a real and a fake example of one place, in which the real one scores higher.

  It is how often a discriminator is right that must say which of the two is real: 1/2 if it cannot
  tell, 1 if it has won. It needs no threshold, and is the same however the batch is divided. Equal
  scores count one half. Where lower scores mean more real, as energies do, hand over their negatives.

  Args:
    real_scores: float [B].
    fake_scores: float [B].

  Returns:
    A scalar in [0, 1]; NaN if a score is.
  """
  chex.assert_rank([real_scores, fake_scores], 1)
  chex.assert_equal_shape([real_scores, fake_scores])
  ahead = jax.lax.stop_gradient(real_scores - fake_scores)
  return ((1 + jnp.sign(ahead)) / 2).mean()


def distances(inputs: Inputs, fake: jax.Array) -> dict[str, jax.Array]:
  """How far apart two examples of the batch are, of the real one and of the fake one.

  The root of the mean over all pairs of different examples of their squared distance, which is
  sqrt(2 B / (B - 1) mean_i |x_i - mean|^2), over the batch, see
  `schema.default` for which. A generator that has
  collapsed to one example has 0; one that has collapsed to a few far apart does not show it here.

  Args:
    inputs: of the loss; the real examples are those of the data, without any noise of the game's.
    fake: of the shape of the real examples, likewise without noise.

  Returns:
    Scalars 'real_distance' and 'fake_distance'; 0 for a batch of one.
  """
  real = inputs.batch['real']
  chex.assert_equal_shape([real, fake])
  return {'real_distance': _distance(inputs, real), 'fake_distance': _distance(inputs, fake)}


def _distance(inputs: Inputs, examples: jax.Array) -> jax.Array:
  points = jax.lax.stop_gradient(examples).reshape(len(examples), -1)
  over_all = lambda value: inputs.gather(value[None]).mean(axis=0)
  # Only the length is used of what is gathered, so no example is sent.
  count = len(inputs.gather(points[:, 0]))
  # Around the mean: sums of squares less squares of sums would cancel far from the origin.
  apart = points - over_all(points.mean(axis=0))
  square = over_all((apart**2).sum(axis=1).mean())
  return jnp.sqrt(2 * count / max(count - 1, 1) * square)
