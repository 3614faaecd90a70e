"""Penalties of a game's discriminator, by name and weight in a config.

A regularizer maps a `PenaltyInputs` to values [B]. Their weighted mean is added to the discriminator's
loss. `gan_jax.losses.generator_regularizers` has those of the generator.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp

from gan_jax.common import numerics, rng
from gan_jax.common.types import PyTree
from gan_jax.losses import penalties


class PenaltyInputs(NamedTuple):
  """The inputs of a regularizer of the discriminator.

  Attributes:
    critic: points [B, ...] -> logits [B], the discriminator with its current weights.
    real: real examples [B, ...].
    fake: generated ones, of the same shape.
    real_logits: [B].
    fake_logits: [B].
    key: [B] keys.
    gather: this device's examples -> the examples of all devices, see `game.Inputs`.
    memory: the regularizer's memory.
  """

  critic: penalties.Critic
  real: jax.Array
  fake: jax.Array
  real_logits: jax.Array
  fake_logits: jax.Array
  key: chex.PRNGKey
  gather: Callable[[jax.Array], jax.Array]
  memory: PyTree


def _no_memory() -> PyTree:
  return {}


def _same_memory(memory: PyTree, metrics: Mapping[str, jax.Array]) -> PyTree:
  return memory


class Regularizer(NamedTuple):
  """A penalty, with the memory that it carries from step to step.

  Attributes:
    penalty: inputs -> values [B]; with measures, inputs -> (values [B], {measure: [B]}).
    init_memory: () -> the memory before the first step.
    update_memory: (memory, metrics of the player) -> the memory after a step. The metrics include
      the means of the measures.
    measures: the names of what the penalty computes besides its values. Their means are metrics of the
      player. With measures, the memory changes only in steps in which the penalty is computed.
  """

  penalty: Callable[[Any], Any]
  init_memory: Callable[[], PyTree] = _no_memory
  update_memory: Callable[[PyTree, Mapping[str, jax.Array]], PyTree] = _same_memory
  measures: tuple[str, ...] = ()

  def means(self, name: str, inputs: Any) -> dict[str, jax.Array]:
    """Returns the mean of the values, under the name of the penalty, and the means of the measures."""
    outputs = self.penalty(inputs)
    values, measured = outputs if self.measures else (outputs, {})
    return {name: values.mean()} | {measure: measured[measure].mean() for measure in self.measures}


class LazyPenalty(NamedTuple):
  """A weighted regularizer that is computed in every n-th step, with n times its weight.

  Attributes:
    regularizer: the penalty.
    weight: its factor in the loss, at least 0.
    every: n, at least 1.

  Source: Karras et al. 2020 (arXiv:1912.04958), section 3.1.
  """

  regularizer: Regularizer
  weight: float | jax.Array
  every: int

  def evaluate(
    self, name: str, inputs: Any, step: jax.Array, last: Mapping[str, jax.Array]
  ) -> tuple[dict[str, jax.Array], jax.Array]:
    """Computes the penalty of a step.

    Args:
      name: of the penalty.
      inputs: of the regularizer.
      step: the number of completed steps.
      last: {metric: its last computed mean}, in the floating-point type of the loss.

    Returns:
      {metric: mean}, which are `last` in a step that does not compute them; and the term of the loss.
    """

    def compute_means() -> dict[str, jax.Array]:
      means = self.regularizer.means(name, inputs)
      return {metric: mean.astype(last[metric].dtype) for metric, mean in means.items()}

    if self.every == 1:
      means = compute_means()
      return means, self.weight * means[name]
    due = self._is_due(step)
    means = jax.lax.cond(due, compute_means, lambda: dict(last))
    return means, jnp.where(due, self.weight * self.every * means[name], 0)

  def update_memory(self, memory: PyTree, metrics: Mapping[str, jax.Array]) -> PyTree:
    """Returns the memory of the regularizer after a step, see `LazyPenalties.update_memory`."""
    updated = self.regularizer.update_memory(memory, metrics)
    if self.every == 1 or not self.regularizer.measures:
      return updated
    due = self._is_due(metrics['step'])
    return jax.tree.map(lambda new, old: jnp.where(due, new, old), updated, memory)

  def _is_due(self, step: jax.Array) -> jax.Array:
    return step % self.every == 0


class LazyPenalties(NamedTuple):
  """The penalties of a player.

  Their memory is {'regularizers': {name: its memory}, 'last': {metric: its last mean}}.

  Attributes:
    by_name: {name: penalty}.
  """

  by_name: Mapping[str, LazyPenalty]

  def evaluate(
    self,
    make_inputs: Callable[[chex.PRNGKey, PyTree], Any],
    key: chex.PRNGKey,
    memory: PyTree,
    step: jax.Array,
    dtype: jnp.dtype,
  ) -> tuple[jax.Array | float, dict[str, jax.Array]]:
    """Computes all penalties of a step.

    Args:
      make_inputs: ([B] keys, memory of the regularizer) -> the inputs of one regularizer.
      key: [B] keys.
      memory: of all penalties.
      step: the number of completed steps.
      dtype: the floating-point type of the loss.

    Returns:
      The sum of the weighted penalties, and {metric: mean} of penalties and measures.
    """
    total, means = 0.0, {}
    keys = rng.split(key, len(self.by_name) + 1)
    for penalty_key, (name, lazy) in zip(keys, self.by_name.items(), strict=False):
      inputs = make_inputs(penalty_key, memory['regularizers'][name])
      last = {metric: memory['last'][metric].astype(dtype) for metric in self._metrics(name)}
      own_means, weighted = lazy.evaluate(name, inputs, step, last)
      means |= own_means
      total += weighted
    return total, means

  def init_memory(self) -> dict[str, PyTree]:
    """Returns the memory before the first step."""
    return {
      'regularizers': {name: lazy.regularizer.init_memory() for name, lazy in self.by_name.items()},
      'last': {m: jnp.zeros((), jnp.float32) for name in self.by_name for m in self._metrics(name)},
    }

  def update_memory(self, memory: PyTree, metrics: Mapping[str, jax.Array]) -> dict[str, PyTree]:
    """Returns the memory after a step.

    Args:
      memory: of all penalties.
      metrics: of the player, and 'step', see `game.Game`.
    """
    regularizers = {
      name: lazy.update_memory(memory['regularizers'][name], metrics)
      for name, lazy in self.by_name.items()
    }
    last = {m: jnp.float32(metrics[m]) for name in self.by_name for m in self._metrics(name)}
    return {'regularizers': regularizers, 'last': last}

  def _metrics(self, name: str) -> tuple[str, ...]:
    return name, *self.by_name[name].regularizer.measures


def gradient_penalty(target: float = 1.0, one_sided: bool = False) -> Regularizer:
  """Returns the penalty of WGAN-GP, at points between real and fake; the usual weight is 10.

  Args:
    target: the desired gradient norm, at least 0; see `penalties.gradient_penalty`.
    one_sided: whether only larger norms are penalized.

  Raises:
    ValueError: the target is negative or not finite.
  """
  numerics.check_finite('target', target, least=0)

  def penalty(inputs: PenaltyInputs) -> jax.Array:
    points = penalties.interpolate(inputs.key, inputs.real, inputs.fake)
    return penalties.gradient_penalty(inputs.critic, points, target, one_sided)

  return Regularizer(penalty)


def dragan(target: float = 1.0, one_sided: bool = False, scale: float = 0.5) -> Regularizer:
  """Returns the penalty of DRAGAN, at points around the real ones; the usual weight is 10.

  Args:
    target: the desired gradient norm, at least 0; see `penalties.gradient_penalty`.
    one_sided: whether only larger norms are penalized.
    scale: of the noise, at least 0; see `penalties.dragan_points`.

  Raises:
    ValueError: the target or the scale is negative or not finite.
  """
  numerics.check_finite('target', target, least=0)
  numerics.check_finite('scale', scale, least=0)

  def penalty(inputs: PenaltyInputs) -> jax.Array:
    std = inputs.gather(inputs.real).std()
    points = penalties.dragan_points(inputs.key, inputs.real, std, scale)
    return penalties.gradient_penalty(inputs.critic, points, target, one_sided)

  return Regularizer(penalty)


def r1() -> Regularizer:
  """Returns the squared gradient norm at real points; the weight is gamma / 2.

  See `penalties.zero_centered`.
  """
  return Regularizer(lambda inputs: penalties.zero_centered(inputs.critic, inputs.real))


def r2() -> Regularizer:
  """Returns the squared gradient norm at fake points; the weight is gamma / 2.

  See `penalties.zero_centered`.
  """
  return Regularizer(lambda inputs: penalties.zero_centered(inputs.critic, inputs.fake))


def lecam(decay: float = 0.99) -> Regularizer:
  """Returns the LeCam penalty, with moving averages of real and fake logits; see `penalties.lecam`.

  Args:
    decay: of the averages, in [0, 1); they start at 0.

  Raises:
    ValueError: the decay is outside its range.
  """
  if not numerics.is_within(decay, below=1):
    raise ValueError(f'decay={decay!r}: out of range (at least 0, below 1); 0.99 is usual')
  kinds = ('real_score', 'fake_score')

  def penalty(inputs: PenaltyInputs) -> jax.Array:
    means = (inputs.memory[kind] for kind in kinds)
    return penalties.lecam(inputs.real_logits, inputs.fake_logits, *means)

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
