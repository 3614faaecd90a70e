"""Cramer GAN: Bellemare et al. 2017 (arXiv:1705.10743)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import chex
import jax
from flax import linen as nn

from gan_jax.common import numerics, rng
from gan_jax.common.errors import ConfigError
from gan_jax.divergences import mmd
from gan_jax.game import Aux, Game, Inputs, Variables
from gan_jax.gans.parts import diagnostics
from gan_jax.gans.parts.generator_discriminator import (
  check_outputs,
  make_game,
  make_pair,
  reference_fakes,
)
from gan_jax.losses import penalties
from gan_jax.losses.penalties import norm


class _ForwardPass(NamedTuple):
  """Features [B, D] of real examples and of two independent sets of fakes.

  Attributes:
    fake: the first set of fakes, [B, ...].
    real_features: h(x).
    fake_features: h(y), of the first set.
    other_features: h(y'), of the second set.
    points: [B, ...], between real examples and the first set.
    critic_key: [B] keys for the discriminator at `points`.
  """

  fake: jax.Array
  real_features: jax.Array
  fake_features: jax.Array
  other_features: jax.Array
  points: jax.Array
  critic_key: chex.PRNGKey

  def f(self, features: jax.Array) -> jax.Array:
    """Returns f [B] at examples with `features` [B, D], see `make`."""
    return norm(features - self.other_features) - norm(features)


def make(networks: Mapping[str, nn.Module], *, prior: Mapping[str, Any], weight: float = 10.0) -> Game:
  """Returns a game of the energy distance between features h of real and fake (algorithm 1).

  With x real, and y, y' two independent fakes:

      generator: |h(x) - h(y)| + |h(x) - h(y')| - |h(y) - h(y')|;
      discriminator: f(y) - f(x) + weight (|grad f| - 1)^2 between x and y,
      with f(x) = |h(x) - h(y')| - |h(x)|.

  The generator's loss is an unbiased estimate of the energy distance, up to a constant that no
  generator changes. In f, |h(x)| replaces the mean distance to another real example. This f is the
  paper's; it is the witness of the energy distance only if h is 0 on real examples.

  `Game.critic` is f, averaged over fakes y'. The metric 'accuracy' compares f(x) with f(y), for the y'
  that they share.

  Args:
    networks: 'generator'; 'discriminator', examples -> features [B, D].
    prior: as in `two_player.make`.
    weight: lambda of the gradient penalty, at least 0.

  Raises:
    ConfigError: the weight is negative or not finite.
  """
  if not numerics.is_within(weight):
    raise ConfigError(f'weight={weight!r}: out of range (a finite number of at least 0); 10 is usual')
  pair = make_pair(networks, prior)

  def forward_pass(variables: Variables, inputs: Inputs) -> tuple[_ForwardPass, Variables]:
    keys = rng.split(inputs.key, 9)
    real = inputs.batch['real']
    fake, variables = pair.generate(variables, keys[0], keys[1])
    other, variables = pair.generate(variables, keys[2], keys[3])
    real_features, variables = pair.discriminate(variables, real, keys[4])
    fake_features, variables = pair.discriminate(variables, fake, keys[5])
    other_features, variables = pair.discriminate(variables, other, keys[6])
    check_outputs(real_features, rank=2)
    points = penalties.interpolate(keys[7], real, fake)
    return _ForwardPass(fake, real_features, fake_features, other_features, points, keys[8]), variables

  def discriminator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = forward_pass(variables, inputs)
    features = lambda points: pair.discriminate(variables, points, forward.critic_key)[0]
    f_at = lambda points: forward.f(features(points))
    penalty = penalties.gradient_penalty(f_at, forward.points).mean()
    real_f, fake_f = forward.f(forward.real_features), forward.f(forward.fake_features)
    surrogate = (real_f - fake_f).mean()
    metrics = {
      'surrogate': surrogate,
      'gradient_penalty': penalty,
      'accuracy': diagnostics.accuracy(real_f, fake_f),
      **diagnostics.distances(inputs, forward.fake),
    }
    return weight * penalty - surrogate, Aux(variables, metrics)

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = forward_pass(variables, inputs)
    real, fake, other = forward.real_features, forward.fake_features, forward.other_features
    value = norm(real - fake) + norm(real - other) - norm(fake - other)
    return value.mean(), Aux(variables, {})

  def critic(variables: Variables, examples: jax.Array) -> jax.Array:
    features = pair.discriminate_eval(variables, examples)
    fake_features = pair.discriminate_eval(variables, reference_fakes(pair, variables))
    return mmd.distances(features, fake_features).mean(axis=1) - norm(features)

  return make_game(pair, discriminator_loss, generator_loss, critic=critic)
