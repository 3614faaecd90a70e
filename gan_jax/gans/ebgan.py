"""EBGAN: Zhao et al. 2017 (arXiv:1609.03126)."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import chex
import jax
from flax import linen as nn

from gan_jax import losses
from gan_jax.common import numerics, rng
from gan_jax.common.errors import ConfigError
from gan_jax.game import Aux, Game, Inputs, Variables
from gan_jax.gans.parts import diagnostics
from gan_jax.gans.parts.generator_discriminator import make_game, make_pair, reconstruct
from gan_jax.losses import penalties


def energy(examples: jax.Array, reconstructions: jax.Array) -> jax.Array:
  """Returns the mean squared error of each example, [B, ...] -> [B]: low for real-looking examples."""
  chex.assert_equal_shape([examples, reconstructions])
  return (
    ((examples - reconstructions) ** 2)
    .reshape(len(examples), math.prod(examples.shape[1:]))
    .mean(axis=1)
  )


class _ForwardPass(NamedTuple):
  """The generated examples [B, ...] and their codes [B, D], and the energies [B] of both kinds."""

  fake: jax.Array
  fake_codes: jax.Array
  real_energies: jax.Array
  fake_energies: jax.Array


def make(
  networks: Mapping[str, nn.Module],
  *,
  prior: Mapping[str, Any],
  margin: float = 1.0,
  pull_away: float = 0.1,
) -> Game:
  """Returns a game whose discriminator is an autoencoder (section 2.3).

  The energy of an example is its reconstruction error. It is a mean over coordinates, so the margin is
  on the scale of one coordinate. The metric 'accuracy' takes the example with the lower energy for the
  real one.

  Args:
    networks: 'generator'; 'discriminator', examples -> (reconstructions of their shape, codes [B, D]).
    prior: as in `two_player.make`.
    margin: m, see `losses.energy_margin`.
    pull_away: weight in the generator's loss of `penalties.pull_away` on the codes of fakes (section
      2.4); 0.1 in the paper's EBGAN-PT, 0 for the plain EBGAN.

  Raises:
    ConfigError: `pull_away` is negative or not finite.
    ValueError: the margin is not positive and finite.
  """
  if not numerics.is_within(pull_away):
    raise ConfigError(
      f'pull_away={pull_away!r}: out of range (a finite number of at least 0); 0.1 is usual'
    )
  pair, loss = make_pair(networks, prior), losses.energy_margin(margin)

  def forward_pass(variables: Variables, inputs: Inputs) -> tuple[_ForwardPass, Variables]:
    latent_key, generator_key, real_key, fake_key = rng.split(inputs.key, 4)
    fake, variables = pair.generate(variables, latent_key, generator_key)
    real = inputs.batch['real']
    (real_copies, _), variables = reconstruct(pair, variables, real, real_key)
    (fake_copies, fake_codes), variables = reconstruct(pair, variables, fake, fake_key)
    energies = energy(real, real_copies), energy(fake, fake_copies)
    return _ForwardPass(fake, fake_codes, *energies), variables

  def discriminator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = forward_pass(variables, inputs)
    real, fake = forward.real_energies, forward.fake_energies
    metrics = {
      'real_energy': real.mean(),
      'fake_energy': fake.mean(),
      'accuracy': diagnostics.accuracy(-real, -fake),
      **diagnostics.distances(inputs, forward.fake),
    }
    return loss.discriminator(real, fake).mean(), Aux(variables, metrics)

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = forward_pass(variables, inputs)
    real, fake = forward.real_energies, forward.fake_energies
    repulsion = penalties.pull_away(inputs.gather(forward.fake_codes))
    metrics = {'fake_energy': fake.mean(), 'pull_away': repulsion}
    return loss.generator(real, fake).mean() + pull_away * repulsion, Aux(variables, metrics)

  def critic(variables: Variables, examples: jax.Array) -> jax.Array:
    return energy(examples, pair.discriminate_eval(variables, examples)[0])

  return make_game(pair, discriminator_loss, generator_loss, critic=critic)
