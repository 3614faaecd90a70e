"""BEGAN: Berthelot et al. 2017 (arXiv:1703.10717)."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax.common import numerics, rng
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import PyTree
from gan_jax.game import Aux, Game, Inputs, Variables
from gan_jax.gans.parts import diagnostics
from gan_jax.gans.parts.generator_discriminator import Pair, make_game, make_pair, reconstruct


def error(examples: jax.Array, reconstructions: jax.Array) -> jax.Array:
  """Returns the mean absolute error of each example, [B, ...] -> [B] (equation 1 with eta = 1)."""
  chex.assert_equal_shape([examples, reconstructions])
  return (
    jnp.abs(examples - reconstructions)
    .reshape(len(examples), math.prod(examples.shape[1:]))
    .mean(axis=1)
  )


class _ForwardPass(NamedTuple):
  """The generated examples [B, ...], and the reconstruction errors [B] of real and fake examples."""

  fake: jax.Array
  real_errors: jax.Array
  fake_errors: jax.Array


def _forward(pair: Pair, variables: Variables, inputs: Inputs) -> tuple[_ForwardPass, Variables]:
  latent_key, generator_key, real_key, fake_key = rng.split(inputs.key, 4)
  fake, variables = pair.generate(variables, latent_key, generator_key)
  real = inputs.batch['real']
  (real_copies, _), variables = reconstruct(pair, variables, real, real_key)
  (fake_copies, _), variables = reconstruct(pair, variables, fake, fake_key)
  return _ForwardPass(fake, error(real, real_copies), error(fake, fake_copies)), variables


def make(
  networks: Mapping[str, nn.Module],
  *,
  prior: Mapping[str, Any],
  diversity: float = 0.5,
  rate: float = 1e-3,
) -> Game:
  """Returns an autoencoder game that keeps E[L(fake)] / E[L(real)] at `diversity` (section 3.4).

  L is the reconstruction error of the discriminator, an autoencoder:

      discriminator: L(x) - k L(G(z));
      generator: L(G(z));
      k <- clip(k + rate (diversity L(x) - L(G(z))), 0, 1), from 0.

  k is the game's memory. The generator's metric 'convergence' is the paper's measure
  M = L(x) + |diversity L(x) - L(G(z))| (section 3.4.1). The metric 'accuracy' takes the example with
  the lower error for the real one; at a diversity below 1 the game keeps it below 1/2.

  Args:
    networks: 'generator'; 'discriminator', examples -> (reconstructions of their shape, codes [B, D]).
    prior: as in `two_player.make`.
    diversity: gamma, in [0, 1]; samples of a lower one are sharper and less varied.
    rate: lambda_k, at least 0; 1e-3 in the paper.

  Raises:
    ConfigError: the diversity or the rate is outside its range.
  """
  if not numerics.is_between(diversity, 0, 1):
    raise ConfigError(f'diversity={diversity!r}: out of range (from 0 to 1); change diversity')
  if not numerics.is_within(rate):
    raise ConfigError(f'rate={rate!r}: out of range (a finite number of at least 0); 1e-3 is usual')
  pair = make_pair(networks, prior)

  def discriminator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = _forward(pair, variables, inputs)
    real_error, fake_error = forward.real_errors.mean(), forward.fake_errors.mean()
    k = inputs.memory['k']
    metrics = {
      'real_error': real_error,
      'fake_error': fake_error,
      'k': k,
      'accuracy': diagnostics.accuracy(-forward.real_errors, -forward.fake_errors),
      **diagnostics.distances(inputs, forward.fake),
    }
    return real_error - k * fake_error, Aux(variables, metrics)

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = _forward(pair, variables, inputs)
    real_error, fake_error = forward.real_errors.mean(), forward.fake_errors.mean()
    convergence = real_error + jnp.abs(inputs.mean(diversity * real_error - fake_error))
    return fake_error, Aux(variables, {'fake_error': fake_error, 'convergence': convergence})

  def update_memory(
    memory: PyTree,
    variables: Variables,
    metrics: Mapping[str, jax.Array],
    record: Mapping[str, jax.Array],
  ) -> PyTree:
    balance = diversity * metrics['discriminator/real_error'] - metrics['generator/fake_error']
    return {'k': jnp.clip(memory['k'] + rate * balance, 0, 1)}

  def critic(variables: Variables, examples: jax.Array) -> jax.Array:
    return error(examples, pair.discriminate_eval(variables, examples)[0])

  return make_game(
    pair,
    discriminator_loss,
    generator_loss,
    init_memory=lambda key, batch: {'k': jnp.zeros(())},
    update_memory=update_memory,
    critic=critic,
  )
