"""Penalties put into a game: what is penalised where, by name and weight in a config.

A regulariser turns what a discriminator's loss has at hand, a `PenaltyInputs`, into values [B] that are
averaged, weighted and added to that loss.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from gan_jax.common import numerics
from gan_jax.common.types import PyTree
from gan_jax.losses import penalties


class PenaltyInputs(NamedTuple):
  """What a regulariser of the discriminator may look at.

  Attributes:
    critic: points [B, ...] -> scores [B], the discriminator with its present weights.
    real: real examples [B, ...].
    fake: generated ones, of the same shape.
    real_scores: [B].
    fake_scores: [B].
    key: [B] keys.
    gather: from this device's part of a batch to the whole, see `game.Inputs`.
    memory: what this regulariser remembers.
  """

  critic: penalties.Critic
  real: jax.Array
  fake: jax.Array
  real_scores: jax.Array
  fake_scores: jax.Array
  key: chex.PRNGKey
  gather: Callable[[jax.Array], jax.Array]
  memory: PyTree


def _nothing() -> PyTree:
  return {}


def _unchanged(memory: PyTree, metrics: Mapping[str, jax.Array]) -> PyTree:
  return memory


class Regularizer(NamedTuple):
  """A penalty, and what it remembers from step to step.

  Attributes:
    penalty: its values [B].
    init_memory: () -> what it remembers before the first step.
    update_memory: (memory, metrics of the discriminator) -> memory, after each step.
  """

  penalty: Callable[[PenaltyInputs], jax.Array]
  init_memory: Callable[[], PyTree] = _nothing
  update_memory: Callable[[PyTree, Mapping[str, jax.Array]], PyTree] = _unchanged


def _check_target(target: float) -> None:
  if not numerics.is_within(target):
    raise ValueError(f'target is {target}; it must be at least 0')


def gradient_penalty(target: float = 1.0, one_sided: bool = False) -> Regularizer:
  """WGAN-GP's, on points between real and fake; see `penalties.gradient_penalty`. Weight 10.

  Raises:
    ValueError: the target is negative or not finite.
  """
  _check_target(target)

  def penalty(inputs: PenaltyInputs) -> jax.Array:
    points = penalties.interpolate(inputs.key, inputs.real, inputs.fake)
    return penalties.gradient_penalty(inputs.critic, points, target, one_sided)

  return Regularizer(penalty)


def dragan(target: float = 1.0, one_sided: bool = False, scale: float = 0.5) -> Regularizer:
  """DRAGAN's, on points around the real ones; see `penalties.dragan_points`. Weight 10.

  Raises:
    ValueError: the target or the scale is negative or not finite.
  """
  _check_target(target)
  numerics.check_finite('scale', scale, least=0)

  def penalty(inputs: PenaltyInputs) -> jax.Array:
    deviation = inputs.gather(inputs.real).std()
    points = penalties.dragan_points(inputs.key, inputs.real, deviation, scale)
    return penalties.gradient_penalty(inputs.critic, points, target, one_sided)

  return Regularizer(penalty)


def r1() -> Regularizer:
  """The squared gradient norm on real points; the weight is gamma / 2. See `zero_centered`."""
  return Regularizer(lambda inputs: penalties.zero_centered(inputs.critic, inputs.real))


def r2() -> Regularizer:
  """The squared gradient norm on fake points; the weight is gamma / 2. See `zero_centered`."""
  return Regularizer(lambda inputs: penalties.zero_centered(inputs.critic, inputs.fake))


def lecam(decay: float = 0.99) -> Regularizer:
  """The squared distance of scores from the moving average of the other kind's; see `penalties`.

  Args:
    decay: of the averages, in [0, 1); they start at 0.

  Raises:
    ValueError: the decay is outside its range.
  """
  if not 0 <= decay < 1:
    raise ValueError(f'decay is {decay}; it must be in [0, 1)')
  kinds = ('real_score', 'fake_score')

  def penalty(inputs: PenaltyInputs) -> jax.Array:
    means = (inputs.memory[kind] for kind in kinds)
    return penalties.lecam(inputs.real_scores, inputs.fake_scores, *means)

  def update_memory(memory: PyTree, metrics: Mapping[str, jax.Array]) -> PyTree:
    return {kind: decay * memory[kind] + (1 - decay) * metrics[kind] for kind in kinds}

  return Regularizer(penalty, lambda: {kind: jnp.zeros(()) for kind in kinds}, update_memory)


FACTORIES = (
  dragan,
  gradient_penalty,
  lecam,
  r1,
  r2,
)
"""The regularizers that a config can name."""
