"""BEGAN: Berthelot et al. 2017 (arXiv:1703.10717)."""

import math
from collections.abc import Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax.common import numerics, rng
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import PyTree
from gan_jax.game import Aux, Game, Inputs, Variables
from gan_jax.gans.parts import diagnostics
from gan_jax.gans.parts.generator_discriminator import Pair, make_pair


def error(examples: jax.Array, reconstructions: jax.Array) -> jax.Array:
  """The mean absolute error of each example [B, ...] -> [B] (equation 1 with eta = 1)."""
  chex.assert_equal_shape([examples, reconstructions])
  return (
    jnp.abs(examples - reconstructions)
    .reshape(len(examples), math.prod(examples.shape[1:]))
    .mean(axis=1)
  )


def _play(
  pair: Pair, variables: Variables, inputs: Inputs
) -> tuple[jax.Array, jax.Array, jax.Array, Variables]:
  """The errors [B] of real examples and of fakes, the fakes, and the variables after both."""
  latent_key, generator_key, real_key, fake_key = rng.split(inputs.key, 4)
  fake, variables = pair.generate(variables, latent_key, generator_key)
  real = inputs.batch['real']
  (copies, _), variables = pair.reconstruct(variables, real, real_key)
  (fake_copies, _), variables = pair.reconstruct(variables, fake, fake_key)
  return error(real, copies), error(fake, fake_copies), fake, variables


def make(
  networks: Mapping[str, nn.Module],
  *,
  prior: Mapping[str, Any],
  diversity: float = 0.5,
  rate: float = 1e-3,
) -> Game:
  """An autoencoder game that holds E[L(fake)] / E[L(real)] at `diversity` (section 3.4).

  discriminator: L(x) - k L(G(z));  generator: L(G(z));  k <- clip(k + rate (diversity L(x) -
  L(G(z))), 0, 1), which starts at 0 and is the game's memory. The generator's metric 'convergence' is
  the paper's measure M = L(x) + |diversity L(x) - L(G(z))| (section 3.4.1). For the discriminator's
  'accuracy' the lower error is the more real: at a diversity below 1 the game holds it below 1/2.

  Args:
    networks: 'generator'; 'discriminator', examples -> (reconstructions of their shape, codes [B, D]).
    prior: as in `two_player.make`.
    diversity: gamma, in [0, 1]: lower is sharper and less varied.
    rate: lambda_k, at least 0; 1e-3 in the paper.

  Raises:
    ConfigError: the diversity or the rate is outside its range.
  """
  if not 0 <= diversity <= 1:
    raise ConfigError(f'diversity is {diversity}; it must be from 0 to 1')
  if not numerics.is_within(rate):
    raise ConfigError(f'rate={rate!r}: out of range (a finite number of at least 0); 1e-3 is usual')
  pair = make_pair(networks, prior)

  def discriminator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    errors, fake_errors, made, variables = _play(pair, variables, inputs)
    real, fake, k = errors.mean(), fake_errors.mean(), inputs.memory['k']
    metrics = {
      'real_error': real,
      'fake_error': fake,
      'k': k,
      'accuracy': diagnostics.accuracy(-errors, -fake_errors),
      **diagnostics.distances(inputs, made),
    }
    return real - k * fake, Aux(variables, metrics)

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    errors, fake_errors, _, variables = _play(pair, variables, inputs)
    real, fake = errors.mean(), fake_errors.mean()
    convergence = real + jnp.abs(inputs.mean(diversity * real - fake))
    return fake, Aux(variables, {'fake_error': fake, 'convergence': convergence})

  def update_memory(memory: PyTree, variables: Variables, metrics: Mapping[str, jax.Array]) -> PyTree:
    balance = diversity * metrics['discriminator/real_error'] - metrics['generator/fake_error']
    return {'k': jnp.clip(memory['k'] + rate * balance, 0, 1)}

  def score(variables: Variables, examples: jax.Array) -> jax.Array:
    return error(examples, pair.score(variables, examples)[0])

  return pair.game(
    discriminator_loss,
    generator_loss,
    init_memory=lambda key, batch: {'k': jnp.zeros(())},
    update_memory=update_memory,
    score=score,
  )
