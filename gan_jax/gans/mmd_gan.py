"""MMD GAN: Li et al. 2017 (arXiv:1705.08584), Binkowski et al. 2018 (arXiv:1801.01401).

Its scaled form is SMMD: Arbel et al. 2018 (arXiv:1805.11565).
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import chex
import jax
from flax import linen as nn

from gan_jax.common import lookup, numerics, rng
from gan_jax.common.errors import ConfigError, at
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


class _ForwardPass(NamedTuple):
  """A batch, its features, and their distance.

  Attributes:
    real: real examples [B, ...].
    fake: generated ones, of the same shape.
    features: points [B, ...] -> features [B, D] for the penalty.
    real_features: features of the real examples of the whole batch.
    fake_features: features of the fake examples of the whole batch.
    distance: the squared MMD between these features, a scalar, scaled if the game scales it.
    key: [B] keys of the points of the penalty.
  """

  real: jax.Array
  fake: jax.Array
  features: Callable[[jax.Array], jax.Array]
  real_features: jax.Array
  fake_features: jax.Array
  distance: jax.Array
  key: chex.PRNGKey


def make(
  networks: Mapping[str, nn.Module],
  *,
  prior: Mapping[str, Any],
  kernel: Mapping[str, Any] = {'name': 'rational_quadratic'},
  unbiased: bool = True,
  penalty: float = 1.0,
  scaling: float = 0.0,
) -> Game:
  """Returns a game of the squared MMD between features of real and fake examples.

  The critic maximizes it, the generator minimizes it (Binkowski, section 4):

      discriminator: -s MMD^2 + penalty E(|grad witness| - 1)^2 between real and fake;
      generator: s MMD^2;
      s = 1 / (1 + scaling E|J|_F^2), with J the Jacobian of the features at real examples.

  A positive scaling without a penalty is SMMD. Arbel's factor for a kernel of unit width is
  1 / (lambda + 1 + E|J|^2) (equation 4 and proposition 3). It equals s up to a constant if scaling is
  1 / (1 + lambda). Larger values only increase the weight of the Jacobian.

  `Game.critic` is the part of the witness that needs no real examples: minus the mean kernel with
  fakes. The game has no metric 'accuracy': the witness at an example of the batch includes the kernel
  of the example with itself, which favors the real one.

  Args:
    networks: 'generator'; 'discriminator', examples -> features [B, D].
    prior: as in `two_player.make`.
    kernel: {'name': a factory of `gan_jax.divergences.mmd`, **its arguments}. The gradient of
      `polynomial` has no bound: with it the penalty overflows float32 for features beyond about 1e3.
    unbiased: the estimator, see `mmd.mmd2`.
    penalty: weight of the gradient penalty on the witness function, at least 0.
    scaling: weight of the Jacobian in s, at least 0; 0 for no scaling.

  Raises:
    ConfigError: an unknown kernel, a negative weight, or a batch of one with the unbiased estimator.
  """
  for name, value in {'penalty': penalty, 'scaling': scaling}.items():
    if not numerics.is_within(value):
      raise ConfigError(
        f'{name}={value!r}: out of range (a finite number of at least 0); change {name}'
      )
  with at('kernel'):
    kernel_function = lookup.make(mmd, kernel)
  pair = make_pair(networks, prior)

  def forward_pass(variables: Variables, inputs: Inputs) -> tuple[_ForwardPass, Variables]:
    latent_key, generator_key, critic_key, real_key, fake_key, key = rng.split(inputs.key, 6)
    fake, variables = pair.generate(variables, latent_key, generator_key)
    real = inputs.batch['real']
    real_features, variables = pair.discriminate(variables, real, real_key)
    fake_features, variables = pair.discriminate(variables, fake, fake_key)
    check_outputs(real_features, rank=2)
    features = lambda points: pair.discriminate(variables, points, critic_key)[0]
    real_features, fake_features = inputs.gather(real_features), inputs.gather(fake_features)
    _check_batch(len(real_features), unbiased)
    distance = mmd.mmd2(kernel_function, real_features, fake_features, unbiased=unbiased)
    if not _is_zero(scaling):
      jacobian = inputs.gather(penalties.jacobian_squared_norm(features, real)).mean()
      distance = distance / (1 + scaling * jacobian)
    return _ForwardPass(real, fake, features, real_features, fake_features, distance, key), variables

  def witness_penalty(forward: _ForwardPass) -> jax.Array:
    """Returns the mean gradient penalty on the witness, between real and fake examples."""
    points = penalties.interpolate(forward.key, forward.real, forward.fake)

    def witness(points: jax.Array) -> jax.Array:
      batches = forward.real_features, forward.fake_features
      return mmd.witness(kernel_function, forward.features(points), *batches)

    return penalties.gradient_penalty(witness, points).mean()

  def discriminator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = forward_pass(variables, inputs)
    value = -forward.distance
    metrics = {'mmd2': forward.distance, **diagnostics.distances(inputs, forward.fake)}
    if _is_zero(penalty):
      return value, Aux(variables, metrics)
    mean_penalty = witness_penalty(forward)
    metrics['gradient_penalty'] = mean_penalty
    return value + penalty * mean_penalty, Aux(variables, metrics)

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = forward_pass(variables, inputs)
    return forward.distance, Aux(variables, {'mmd2': forward.distance})

  def critic(variables: Variables, examples: jax.Array) -> jax.Array:
    fake_features = pair.discriminate_eval(variables, reference_fakes(pair, variables))
    return -kernel_function(pair.discriminate_eval(variables, examples), fake_features).mean(axis=1)

  return make_game(pair, discriminator_loss, generator_loss, critic=critic)


def _is_zero(weight: float) -> bool:
  """Returns whether a term is left out; a weight that changes during training leaves nothing out."""
  return not numerics.is_traced(weight) and weight == 0


def _check_batch(count: int, unbiased: bool) -> None:
  if unbiased and count < 2:
    raise ConfigError(
      f'batch_size={count}: too small for an unbiased MMD (at least 2); raise it, or set '
      'gan.unbiased=False'
    )
