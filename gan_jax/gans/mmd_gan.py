"""MMD GAN: Li et al. 2017 (arXiv:1705.08584), Binkowski et al. 2018 (arXiv:1801.01401).

And its scaled form, SMMD: Arbel et al. 2018 (arXiv:1805.11565).
"""

from collections.abc import Mapping
from typing import Any

import jax
from flax import linen as nn

from gan_jax.common import lookup, numerics, rng
from gan_jax.common.errors import ConfigError, at
from gan_jax.divergences import mmd
from gan_jax.game import Aux, Game, Inputs, Variables
from gan_jax.gans.parts import diagnostics
from gan_jax.gans.parts.generator_discriminator import check_outputs, make_pair
from gan_jax.losses import penalties


def make(
  networks: Mapping[str, nn.Module],
  *,
  prior: Mapping[str, Any],
  kernel: Mapping[str, Any] = {'name': 'rational_quadratic'},
  unbiased: bool = True,
  penalty: float = 1.0,
  scaling: float = 0.0,
) -> Game:
  """The squared MMD between features of real and fake: the critic raises it, the generator lowers it.

  discriminator: -s MMD^2 + penalty E(|grad witness| - 1)^2 between real and fake (Binkowski, section
  4);  generator: s MMD^2, with s = 1 / (1 + scaling E|J|_F^2), J the Jacobian of the features at real
  examples. A positive scaling and no penalty is SMMD: Arbel's factor for a kernel of unit width, 1 /
  (lambda + 1 + E|J|^2) (equation 4 and proposition 3), is this up to a constant with scaling 1 / (1 +
  lambda); larger values only weigh the slope more. The game's score of an example is the part of the
  witness that needs no real examples: minus its mean kernel with fakes. There is no metric 'accuracy':
  the witness at an example of the batch is partly of its kernel with itself, which favours the real.

  Args:
    networks: 'generator'; 'discriminator', examples -> features [B, D].
    prior: as in `two_player.make`.
    kernel: {'name': a factory of `gan_jax.divergences.mmd`, **its arguments}. With `polynomial`, whose
      gradient has no bound, the penalty overflows float32 where features are beyond some 1e3.
    unbiased: the estimator, see `mmd.mmd2`.
    penalty: weight of the gradient penalty on the witness function.
    scaling: the weight of the critic's slope in s; 0 for no scaling.

  Raises:
    ConfigError: a kernel that there is not, a negative weight, or a batch of one for the unbiased
      estimator.
  """
  if not numerics.is_within(penalty) or not numerics.is_within(scaling):
    raise ConfigError(f'penalty is {penalty} and scaling {scaling}; both must be at least 0')
  with at('kernel'):
    compare = lookup.make(mmd, kernel)
  pair = make_pair(networks, prior)

  def play(variables: Variables, inputs: Inputs):
    latent_key, generator_key, critic_key, real_key, fake_key, key = rng.split(inputs.key, 6)
    fake, variables = pair.generate(variables, latent_key, generator_key)
    real = inputs.batch['real']
    real_features, variables = pair.discriminate(variables, real, real_key)
    fake_features, variables = pair.discriminate(variables, fake, fake_key)
    check_outputs(real_features, rank=2)
    features = lambda points: pair.discriminate(variables, points, critic_key)[0]
    gathered = inputs.gather(real_features), inputs.gather(fake_features)
    distance = _distance(compare, *gathered, unbiased)
    if scaling:
      slope = inputs.gather(penalties.jacobian_squared_norm(features, real)).mean()
      distance /= 1 + scaling * slope
    return distance, (real, fake, features, gathered, key), variables

  def discriminator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    distance, (real, fake, features, gathered, key), variables = play(variables, inputs)
    value, metrics = -distance, {'mmd2': distance, **diagnostics.distances(inputs, fake)}
    if penalty:
      points = penalties.interpolate(key, real, fake)
      critic = lambda points: mmd.witness(compare, features(points), *gathered)
      metrics['gradient_penalty'] = penalties.gradient_penalty(critic, points).mean()
      value += penalty * metrics['gradient_penalty']
    return value, Aux(variables, metrics)

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    distance, _, variables = play(variables, inputs)
    return distance, Aux(variables, {'mmd2': distance})

  def score(variables: Variables, examples: jax.Array) -> jax.Array:
    fakes = pair.score(variables, pair.references(variables))
    return -compare(pair.score(variables, examples), fakes).mean(axis=1)

  return pair.game(discriminator_loss, generator_loss, score=score)


def _distance(compare: mmd.Kernel, real: jax.Array, fake: jax.Array, unbiased: bool) -> jax.Array:
  """The squared MMD of features; refuses what has no unbiased estimate."""
  if unbiased and len(real) < 2:
    raise ConfigError(
      'batch_size is 1; an unbiased MMD needs at least 2 (or set gan.unbiased to False)'
    )
  return mmd.mmd2(compare, real, fake, unbiased=unbiased)
