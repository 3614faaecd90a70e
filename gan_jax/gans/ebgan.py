"""EBGAN: Zhao et al. 2017 (arXiv:1609.03126)."""

import math
from collections.abc import Mapping
from typing import Any

import chex
import jax
from flax import linen as nn

from gan_jax import losses
from gan_jax.common import numerics, rng
from gan_jax.common.errors import ConfigError
from gan_jax.game import Aux, Game, Inputs, Variables
from gan_jax.gans.parts import diagnostics
from gan_jax.gans.parts.generator_discriminator import make_pair
from gan_jax.losses import penalties


def energy(examples: jax.Array, reconstructions: jax.Array) -> jax.Array:
  """The mean squared error of each example [B, ...] -> [B]: low for what the autoencoder knows."""
  chex.assert_equal_shape([examples, reconstructions])
  return (
    ((examples - reconstructions) ** 2)
    .reshape(len(examples), math.prod(examples.shape[1:]))
    .mean(axis=1)
  )


def make(
  networks: Mapping[str, nn.Module],
  *,
  prior: Mapping[str, Any],
  margin: float = 1.0,
  pull_away: float = 0.1,
) -> Game:
  """The discriminator is an autoencoder, and its reconstruction error the energy (section 2.3).

  The energy is the mean squared error, so the margin is on the scale of one coordinate. For the metric
  'accuracy' the lower energy is the more real.

  Args:
    networks: 'generator'; 'discriminator', examples -> (reconstructions of their shape, codes [B, D]).
    prior: as in `two_player.make`.
    margin: m, see `losses.energy_margin`.
    pull_away: weight of `penalties.pull_away` of the codes of fakes, in the generator's loss (section
      2.4); 0.1 in the paper's EBGAN-PT, 0 for the plain EBGAN.

  Raises:
    ConfigError: the weight pull_away is negative or not finite.
    ValueError: the margin is not positive and finite.
  """
  if not numerics.is_within(pull_away):
    raise ConfigError(
      f'pull_away={pull_away!r}: out of range (a finite number of at least 0); 0.1 is usual'
    )
  pair, loss = make_pair(networks, prior), losses.energy_margin(margin)

  def play(variables: Variables, inputs: Inputs):
    latent_key, generator_key, real_key, fake_key = rng.split(inputs.key, 4)
    fake, variables = pair.generate(variables, latent_key, generator_key)
    real = inputs.batch['real']
    (copies, _), variables = pair.reconstruct(variables, real, real_key)
    (fake_copies, codes), variables = pair.reconstruct(variables, fake, fake_key)
    return energy(real, copies), energy(fake, fake_copies), (fake, codes), variables

  def discriminator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    real, fake, (made, _), variables = play(variables, inputs)
    metrics = {
      'real_energy': real.mean(),
      'fake_energy': fake.mean(),
      'accuracy': diagnostics.accuracy(-real, -fake),
      **diagnostics.distances(inputs, made),
    }
    return loss.discriminator(real, fake).mean(), Aux(variables, metrics)

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    real, fake, (_, codes), variables = play(variables, inputs)
    repulsion = penalties.pull_away(inputs.gather(codes))
    metrics = {'fake_energy': fake.mean(), 'pull_away': repulsion}
    return loss.generator(real, fake).mean() + pull_away * repulsion, Aux(variables, metrics)

  def score(variables: Variables, examples: jax.Array) -> jax.Array:
    return energy(examples, pair.score(variables, examples)[0])

  return pair.game(discriminator_loss, generator_loss, score=score)
