"""A player that is judged against what another will be, on games of two scalars."""

import jax
import numpy as np
import optax
import pytest

from gan_jax import latents
from helpers.toy_games import RATE, play, run, scalars, values


def looking_ahead(x_loss, y_loss, count, **start):
  """A game where y plays against x as it will be after `count` more updates."""

  def against_the_future(x, y, inputs, variables):
    later = inputs.unrolled_update('discriminator', variables, inputs, count)
    return y_loss(later.params['discriminator']['value'], y, inputs)

  return scalars(x_loss, against_the_future, **start)


def with_momentum(momentum, rate=RATE, **more):
  return play(**more)._replace(
    optimizers={n: optax.sgd(rate, momentum) for n in ('discriminator', 'generator')}
  )


@pytest.mark.parametrize('count', [1, 2, 3])
def test_unrolled_update_uses_optimizer_state_and_is_differentiable(count):
  # x minimizes (x - y)^2 / 2, y minimizes (x' - 3)^2 / 2 of the x' that x will be.
  game = looking_ahead(
    lambda x, y, *_: 0.5 * (x - y) ** 2, lambda x, *_: 0.5 * (x - 3) ** 2, count, y=2.0
  )
  h, m, steps = RATE, 0.5, 2
  state, metrics = run(game, with_momentum(m), steps=steps)
  x, y, trace, y_trace, losses = 1.0, 2.0, 0.0, 0.0, []
  for _ in range(steps):
    trace = (x - y) + m * trace
    x = x - h * trace
    # The future and its gradients in y, which are 0 at the present.
    later, later_trace, slope, slope_trace = x, trace, 0.0, 0.0
    for _ in range(count):
      later_trace, slope_trace = (later - y) + m * later_trace, (slope - 1) + m * slope_trace
      later, slope = later - h * later_trace, slope - h * slope_trace
    losses.append(0.5 * (later - 3) ** 2)
    y_trace = (later - 3) * slope + m * y_trace
    y = y - h * y_trace
  if count == 2:
    # In closed form: h, then h (1 - h) + h (1 + m) of the second update.
    assert slope == pytest.approx(h * (2 + m - h))
  # The future is forgotten: x is after its own update of the step, and so is its trace.
  np.testing.assert_allclose(values(state), [x, y], rtol=1e-6)
  np.testing.assert_allclose(jax.tree.leaves(state.opt['discriminator']), [trace], rtol=1e-6)
  np.testing.assert_allclose(metrics['generator/loss'], losses, rtol=1e-5)


def test_unrolled_update_on_eight_devices_matches_one():
  # Every device has other examples, and every update ahead other keys.
  def x_loss(x, y, inputs, variables):
    noise = latents.normal(1)(inputs.key)[:, 0]
    return 0.5 * ((x - y * (inputs.batch['real'] / 64 + noise)) ** 2).mean()

  def y_loss(x, y, inputs):
    return 0.5 * ((x - 3 * inputs.batch['real'] / 64) ** 2).mean()

  # y is judged on each device's examples, against an x that those of all devices moved.
  game = looking_ahead(x_loss, y_loss, 3, y=2.0)
  results = [run(game, with_momentum(0.5), steps=2, devices=devices) for devices in (1, 8)]
  (one, first), (eight, metrics) = results
  np.testing.assert_allclose(values(eight), values(one), rtol=1e-5)
  for name in first:
    if not name.endswith('draw'):
      np.testing.assert_allclose(metrics[name], first[name], rtol=1e-5)
  # y moves by gradients that go through the future alone.
  assert (metrics['generator/gradient_norm'] > 1e-3).all()


def test_unrolled_update_in_simultaneous_play_starts_from_step_start():
  game = looking_ahead(lambda x, y, *_: 0.5 * (x - y) ** 2, lambda x, *_: 0.5 * (x - 3) ** 2, 1, y=2.0)
  _, metrics = run(game, with_momentum(0.5, order='simultaneous'))
  # One update from x = 1 and no trace: 1 - 0.1 (1 - 2) = 1.1.
  np.testing.assert_allclose(metrics['generator/loss'], [0.5 * (1.1 - 3) ** 2], rtol=1e-6)
