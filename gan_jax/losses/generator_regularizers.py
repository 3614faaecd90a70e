"""Penalties of a game's generator, by name and weight in a config.

A regularizer maps a `GeneratorPenaltyInputs` to values [B]. Their weighted mean is added to the
generator's loss. `gan_jax.losses.regularizers` has the type `Regularizer`, and the penalties of the
discriminator.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from gan_jax.common import numerics
from gan_jax.common.types import PyTree
from gan_jax.losses import penalties
from gan_jax.losses.regularizers import Regularizer


class GeneratorPenaltyInputs(NamedTuple):
  """The inputs of a regularizer of the generator.

  Attributes:
    generate: latents [B, ..., L] -> examples [B, ...], the generator with its current weights. Labels
      and random layers are the same in each call.
    latents: [B, ..., L], other draws than those of the adversarial loss.
    key: [B] keys.
    gather: this device's examples -> the examples of all devices, see `game.Inputs`.
    memory: the regularizer's memory.
  """

  generate: Callable[[jax.Array], jax.Array]
  latents: jax.Array
  key: chex.PRNGKey
  gather: Callable[[jax.Array], jax.Array]
  memory: PyTree


def path_length(decay: float = 0.99) -> Regularizer:
  """Returns the path length penalty of StyleGAN2, (|J^T y| - a)^2; the usual weight is 2.

  J is the generator's Jacobian, see `penalties.path_lengths`. The target a is the moving average of the
  lengths in earlier steps that computed the penalty; it starts at 0. The authors' code adds the
  lengths of the current batch to the average before use, and takes half of a batch.

  The mean length is the metric 'mean_path_length'.

  Args:
    decay: of the average, in [0, 1); the authors' code calls 1 - decay = 0.01 the decay.

  Raises:
    ValueError: the decay is outside its range.

  Source: Karras et al. 2020 (arXiv:1912.04958), equation 4.
  """
  if not numerics.is_within(decay, below=1):
    raise ValueError(f'decay={decay!r}: out of range (at least 0, below 1); 0.99 is usual')
  measure = 'mean_path_length'

  def penalty(inputs: GeneratorPenaltyInputs) -> tuple[jax.Array, dict[str, jax.Array]]:
    lengths = penalties.path_lengths(inputs.generate, inputs.latents, inputs.key)
    return (lengths - inputs.memory[measure]) ** 2, {measure: lengths}

  def update_memory(memory: PyTree, metrics: Mapping[str, jax.Array]) -> PyTree:
    return {measure: decay * memory[measure] + (1 - decay) * metrics[measure]}

  return Regularizer(penalty, lambda: {measure: jnp.zeros(())}, update_memory, (measure,))


FACTORIES = (path_length,)
"""The regularizers that a config can name."""
