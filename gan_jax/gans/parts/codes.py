"""Codes of InfoGAN: parts of the latents that samples carry information about."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import losses
from gan_jax.common import rng, validation
from gan_jax.common.errors import ConfigError
from gan_jax.game import Traversal

ENTROPY = math.log(2)
"""The entropy in nats of a continuous code, which is uniform on [-1, 1)."""

_LEAST_STD = 1e-2
_STEPS = 10


class Posterior(NamedTuple):
  """A distribution of the codes of N examples.

  Attributes:
    logits: of each categorical code, [N, K] each.
    means: of the continuous codes, [N, D].
    stds: standard deviations of the continuous codes, [N, D], positive.
  """

  logits: tuple[jax.Array, ...]
  means: jax.Array
  stds: jax.Array


class Codes(NamedTuple):
  """The codes of a game: categorical codes, one-hot, followed by continuous codes.

  Attributes:
    categories: number of classes of each categorical code.
    continuous: number of continuous codes.
  """

  categories: tuple[int, ...]
  continuous: int

  @property
  def size(self) -> int:
    """The number of latents that the codes take."""
    return sum(self.categories) + self.continuous

  @property
  def bounds(self) -> list[int]:
    """The position after each categorical code."""
    return [int(end) for end in np.cumsum(self.categories)]

  def draw(self, key: chex.PRNGKey) -> jax.Array:
    """Returns codes, float32 [N, size], from keys [N]."""
    *category_keys, last_key = rng.split(key, len(self.categories) + 1)
    hot = [
      jax.vmap(lambda k, n=count: jax.nn.one_hot(jax.random.randint(k, (), 0, n), n))(keys)
      for count, keys in zip(self.categories, category_keys, strict=True)
    ]
    uniform = lambda k: jax.random.uniform(k, (self.continuous,), jnp.float32, minval=-1.0)
    return jnp.concatenate([*hot, jax.vmap(uniform)(last_key)], axis=1)

  def posterior(self, outputs: jax.Array) -> Posterior:
    """Returns the distribution that a recognition network predicts.

    Args:
      outputs: [N, sum(categories) + 2 * continuous]: logits, means, and standard deviations before
        softplus.

    Raises:
      ConfigError: the network has another number of outputs.
    """
    wanted = sum(self.categories) + 2 * self.continuous
    if outputs.ndim != 2 or outputs.shape[1] != wanted:
      raise ConfigError(
        f'networks.recognition: outputs of shape {outputs.shape[1:]} ({wanted}: logits, means and '
        'standard deviations of the codes); change its size'
      )
    *logits, rest = jnp.split(outputs, self.bounds, axis=1)
    means, stds = jnp.split(rest, 2, axis=1)
    return Posterior(tuple(logits), means, jax.nn.softplus(stds) + _LEAST_STD)

  def information(self, posterior: Posterior, codes: jax.Array) -> jax.Array:
    """Returns a lower bound of the mutual information of each code, [N, codes], in nats.

    Args:
      posterior: the distribution predicted from N examples.
      codes: the codes [N, size] that the examples were generated from.
    """
    *hot, continuous = jnp.split(codes, self.bounds, axis=1)
    categorical = [
      losses.categorical_information(logits, code.argmax(axis=1))
      for logits, code in zip(posterior.logits, hot, strict=True)
    ]
    gaussian = losses.gaussian_information(posterior.means, posterior.stds, continuous, ENTROPY)
    return jnp.concatenate([*(values[:, None] for values in categorical), gaussian], axis=1)

  def traversals(self, first: int) -> tuple[Traversal, ...]:
    """Returns the traversals of each code; `first` is the position of the codes among the latents."""
    found, position = [], first
    for index, count in enumerate(self.categories):
      found.append(Traversal(f'code {index}, categorical', position, np.eye(count, dtype=np.float32)))
      position += count
    for index in range(self.continuous):
      values = np.linspace(-1, 1, _STEPS, dtype=np.float32)[:, None]
      found.append(Traversal(f'code {len(self.categories) + index}, continuous', position, values))
      position += 1
    return tuple(found)


def make_codes(categories: Sequence[int], continuous: int) -> Codes:
  """Returns codes.

  Args:
    categories: number of classes of each categorical code, at least 2 each.
    continuous: number of continuous codes, at least 0.

  Raises:
    ConfigError: a number is out of its range, or both kinds of codes are missing.
  """
  for count in categories:
    validation.check_size('categories', count, least=2)
  if not categories and not continuous:
    raise ConfigError('categories=(): no code (one or more of either kind); add a code')
  return Codes(tuple(categories), continuous)
