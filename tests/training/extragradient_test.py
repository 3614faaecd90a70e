"""Extragradient play, on games of two scalars."""

import numpy as np
import optax
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.config import build
from gan_jax.config.run_config import UpdatesConfig
from gan_jax.training import optimizers
from helpers.toy_games import RATE, play, run, scalars, values


def bilinear():
  """min over x, max over y of x y."""
  return scalars(lambda x, y, *_: x * y, lambda x, y, *_: -x * y, x=1.0, y=2.0)


def test_extragradient_step_matches_hand_computation():
  state, metrics = run(bilinear(), play(order='extragradient'))
  x, y, h = 1.0, 2.0, RATE
  # Ahead to x - h y and y + h x; from the start with the gradients there.
  np.testing.assert_allclose(values(state), [x - h * (y + h * x), y + h * (x - h * y)], rtol=1e-6)
  # Metrics are those of the point ahead: x - h y = 0.8, y + h x = 2.1.
  assert float(metrics['discriminator/loss'][0]) == pytest.approx(0.8 * 2.1)
  assert float(metrics['discriminator/gradient_norm'][0]) == pytest.approx(2.1)
  assert float(metrics['generator/gradient_norm'][0]) == pytest.approx(0.8)


@pytest.mark.parametrize(
  ('order', 'growth'),
  [
    # In a bilinear game every step multiplies the squared distance from (0, 0):
    # (x - h y, y + h x) by 1 + h^2;
    ('simultaneous', 1.25),
    # ((1 - h^2) x - h y, (1 - h^2) y + h x) by (1 - h^2)^2 + h^2.
    ('extragradient', 0.8125),
  ],
)
def test_extragradient_converges_where_simultaneous_play_diverges(order, growth):
  state, _ = run(bilinear(), play(order=order, rate=0.5), steps=20)
  np.testing.assert_allclose(np.square(values(state)).sum(), 5 * growth**20, rtol=1e-4)


def test_extragradient_with_momentum_updates_the_optimizer_twice_per_step():
  # With trace t the update is g + m t. Ahead: t = g, then g' + m g from where the step began.
  how = play(order='extragradient')._replace(
    optimizers={n: optax.sgd(RATE, momentum=0.5) for n in ('discriminator', 'generator')}
  )
  state, _ = run(bilinear(), how)
  x, y, h, m = 1.0, 2.0, RATE, 0.5
  ahead_x, ahead_y = x - h * y, y + h * x
  np.testing.assert_allclose(
    values(state), [x - h * (ahead_y + m * y), y + h * (ahead_x + m * x)], rtol=1e-6
  )


def test_extragradient_gradient_transforms_see_the_lookahead_weights():
  # A penalty of c x^2 / 2 in the loss, or its gradient c x added to the gradient.
  c = 0.7
  spec = {'optimizer': 'sgd', 'learning_rate': RATE}
  added, _ = optimizers.make_optimizer(
    {**spec, 'gradient_transforms': {'add_decayed_weights': {'weight_decay': c}}}
  )
  plain, _ = optimizers.make_optimizer(spec)
  names = ('discriminator', 'generator')
  penalized = scalars(
    lambda x, y, *_: x * y + c * x**2 / 2, lambda x, y, *_: -x * y + c * y**2 / 2, y=2.0
  )
  how = play(order='extragradient')
  wanted, _ = run(penalized, how._replace(optimizers=dict.fromkeys(names, plain)), steps=3)
  found, _ = run(bilinear(), how._replace(optimizers=dict.fromkeys(names, added)), steps=3)
  np.testing.assert_allclose(values(found), values(wanted), rtol=1e-5)


def test_extragradient_uses_two_batches_per_step_shared_by_players():
  _, metrics = run(bilinear(), play(order='extragradient'), steps=2)
  # Row 0 of draw d is 16 d. Draws 0 and 2 are for looking ahead, 1 and 3 are what is reported.
  np.testing.assert_array_equal(metrics['discriminator/draw'], [16, 48])
  np.testing.assert_array_equal(metrics['generator/draw'], [16, 48])


def test_extragradient_with_several_updates_or_shared_networks_is_rejected():
  def config(steps, order='extragradient'):
    player = {'optimizer': 'sgd', 'learning_rate': 0.1}
    players = {'discriminator': {**player, 'updates_per_step': steps}, 'generator': player}
    return UpdatesConfig(players, order, ema={})

  assert build.make_update_schedule(config(1), bilinear()).draws == 2
  assert build.make_update_schedule(config(2, 'alternating'), bilinear()).draws == 2
  with pytest.raises(ConfigError, match='every player must have one update per step'):
    build.make_update_schedule(config(2), bilinear())
  shared = bilinear()
  shared = shared._replace(
    players=(shared.players[0], shared.players[1]._replace(trains=('discriminator',)))
  )
  with pytest.raises(ConfigError, match="two players train the network 'discriminator'"):
    build.make_update_schedule(config(1), shared)
