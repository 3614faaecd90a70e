"""Cramer GAN: Bellemare et al. 2017 (arXiv:1705.10743)."""

from collections.abc import Mapping
from typing import Any

import jax
from flax import linen as nn

from gan_jax.common import numerics, rng
from gan_jax.common.errors import ConfigError
from gan_jax.divergences import mmd
from gan_jax.game import Aux, Game, Inputs, Variables
from gan_jax.gans.parts import diagnostics
from gan_jax.gans.parts.generator_discriminator import check_outputs, make_pair
from gan_jax.losses import penalties
from gan_jax.losses.penalties import norm


def make(networks: Mapping[str, nn.Module], *, prior: Mapping[str, Any], weight: float = 10.0) -> Game:
  """The energy distance between features h of real and fake (algorithm 1).

  With x real, and y, y' two independent fakes:
  generator: |h(x) - h(y)| + |h(x) - h(y')| - |h(y) - h(y')|, an unbiased estimate of the energy
  distance up to what no generator changes;
  discriminator: f(y) - f(x) + weight (|grad f| - 1)^2 between x and y, with f(x) = |h(x) - h(y')| -
  |h(x)|. The last term stands for the mean distance to another real example: this f is the paper's,
  and not the witness of the energy distance unless h(x) is 0 on real examples. The game's score of an
  example is its f, averaged over fakes y'; the metric 'accuracy' compares f(x) with f(y), which the
  discriminator drives apart, of the one y' that they share.

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

  def play(variables: Variables, inputs: Inputs):
    pairs = rng.split(inputs.key, 9)
    real = inputs.batch['real']
    fake, variables = pair.generate(variables, pairs[0], pairs[1])
    other, variables = pair.generate(variables, pairs[2], pairs[3])
    on_real, variables = pair.discriminate(variables, real, pairs[4])
    on_fake, variables = pair.discriminate(variables, fake, pairs[5])
    on_other, variables = pair.discriminate(variables, other, pairs[6])
    check_outputs(on_real, rank=2)
    points = penalties.interpolate(pairs[7], real, fake)
    return (on_real, on_fake, on_other), (fake, points), pairs[8], variables

  def discriminator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    (real, fake, other), (made, points), key, variables = play(variables, inputs)
    f = lambda features: norm(features - other) - norm(features)
    critic = lambda points: f(pair.discriminate(variables, points, key)[0])
    penalty = penalties.gradient_penalty(critic, points).mean()
    surrogate = (f(real) - f(fake)).mean()
    metrics = {
      'surrogate': surrogate,
      'gradient_penalty': penalty,
      'accuracy': diagnostics.accuracy(f(real), f(fake)),
      **diagnostics.distances(inputs, made),
    }
    return weight * penalty - surrogate, Aux(variables, metrics)

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    (real, fake, other), _, _, variables = play(variables, inputs)
    value = norm(real - fake) + norm(real - other) - norm(fake - other)
    return value.mean(), Aux(variables, {})

  def score(variables: Variables, examples: jax.Array) -> jax.Array:
    features = pair.score(variables, examples)
    fakes = pair.score(variables, pair.references(variables))
    return mmd.distances(features, fakes).mean(axis=1) - norm(features)

  return pair.game(discriminator_loss, generator_loss, score=score)
