"""The assembly of two players, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common import rng
from gan_jax.common.errors import ConfigError
from gan_jax.gans import two_player
from helpers.toy_networks import (
  FAKE,
  FAKE_SCORES,
  PRIOR,
  REAL,
  REAL_SCORES,
  SEEN,
  SLOPE,
  Bowl,
  Linear,
  Matrix,
  Points,
  begin,
  gradient,
  inputs,
  loss,
  make,
  sigmoid,
  softplus,
)


def test_losses_and_metrics_match_hand_computation():
  value, metrics = loss(make(), 'discriminator', REAL)
  assert value == pytest.approx((softplus(-REAL_SCORES) + softplus(FAKE_SCORES)).mean(), rel=1e-6)
  assert metrics == pytest.approx(SEEN)
  value, metrics = loss(make(), 'generator', REAL)
  assert value == pytest.approx(-softplus(FAKE_SCORES).mean(), rel=1e-6)
  assert metrics == pytest.approx({'fake_score': 0.0})


def test_gradients_match_hand_computation():
  # d softplus(-r) / dw = -sigmoid(-r) x, d softplus(f) / dw = sigmoid(f) y; means of two.
  slopes = gradient(make(), 'discriminator', REAL)
  by_hand = sigmoid(FAKE_SCORES) @ np.array(FAKE) - sigmoid(-REAL_SCORES) @ np.array(REAL)
  np.testing.assert_allclose(slopes['discriminator']['weights'], by_hand / 2, rtol=1e-5)
  slopes = gradient(make(), 'generator', REAL)
  by_hand = -sigmoid(FAKE_SCORES)[:, None] * np.array(SLOPE) / 2
  np.testing.assert_allclose(slopes['generator']['points'], by_hand, rtol=1e-5)


def test_nested_loss_is_named_in_the_config():
  networks = {'generator': Points(FAKE), 'discriminator': Linear(SLOPE)}
  spec = {'name': 'relativistic_paired', 'base': {'name': 'non_saturating'}}
  game = two_player.make(networks, loss=spec, prior=PRIOR)
  apart = REAL_SCORES - FAKE_SCORES
  assert loss(game, 'discriminator', REAL)[0] == pytest.approx(softplus(-apart).mean(), rel=1e-6)
  assert loss(game, 'generator', REAL)[0] == pytest.approx(softplus(apart).mean(), rel=1e-6)


def test_only_batch_losses_receive_outputs_of_all_devices():
  networks = {'generator': Points(FAKE), 'discriminator': Linear(SLOPE)}
  spec = {'name': 'relativistic_average', 'base': {'name': 'hinge'}}
  game = two_player.make(networks, loss=spec, prior=PRIOR)
  # Another device is pretended to have the same scores thrice as far from 0.
  gather = lambda x: jnp.concatenate([x, 3 * x])
  real, fake = (np.concatenate([x, 3 * x]) for x in (REAL_SCORES, FAKE_SCORES))
  above, below = real - fake.mean(), fake - real.mean()
  by_hand = (np.maximum(0, 1 - above) + np.maximum(0, 1 + below)).mean()
  assert loss(game, 'discriminator', REAL, gather=gather)[0] == pytest.approx(by_hand, rel=1e-6)
  by_hand = (np.maximum(0, 1 - below) + np.maximum(0, 1 + above)).mean()
  assert loss(game, 'generator', REAL, gather=gather)[0] == pytest.approx(by_hand, rel=1e-6)
  for player in ('discriminator', 'generator'):
    assert loss(make(), player, REAL, gather=gather)[0] == loss(make(), player, REAL)[0]


def test_penalties_are_weighted_and_added_only_to_the_discriminator_loss():
  penalties = {
    'r1': {'weight': 0.5},
    'r2': {'weight': 0.25},
    'gradient_penalty': {'weight': 10, 'target': 2.0},
    'dragan': {'weight': 3.0},
  }
  game, plain = make(penalties=penalties), make()
  value, metrics = loss(game, 'discriminator', REAL)
  # The gradient of a linear critic is its weights, |(0.5, -1)|^2 = 1.25.
  length = np.sqrt(1.25)
  values = {'r1': 1.25, 'r2': 1.25, 'gradient_penalty': (length - 2) ** 2, 'dragan': (length - 1) ** 2}
  assert {name: metrics[name] for name in values} == pytest.approx(values, rel=1e-5)
  added = sum(penalties[name]['weight'] * values[name] for name in values)
  assert value == pytest.approx(loss(plain, 'discriminator', REAL)[0] + added, rel=1e-5)
  assert loss(game, 'generator', REAL) == loss(plain, 'generator', REAL)


def test_penalties_are_evaluated_at_their_points():
  # The squared gradient of the bowl at x is |x|^2: 5 and 1 on real points, 9 and 2 on fake ones.
  terms = {
    'r1': {'weight': 1.0},
    'r2': {'weight': 1.0},
    'dragan': {'weight': 1.0, 'target': 0.0, 'scale': 0.5},
  }
  game = make(Bowl(), penalties=terms)
  # With a standard deviation of 0 over all examples, the noise around real examples would be 0.
  _, still = loss(game, 'discriminator', REAL, gather=lambda x: 0 * x)
  assert still['r1'] == still['dragan'] == pytest.approx(3.0)
  assert still['r2'] == pytest.approx(5.5)
  _, moved = loss(game, 'discriminator', REAL)
  assert abs(moved['dragan'] - 3.0) > 0.01


def test_lazy_penalty_applies_every_nth_step_with_n_times_the_weight():
  plain, _ = loss(make(), 'discriminator', REAL)
  game = make(penalties={'r1': {'weight': 0.5, 'every': 4}})
  memory = {'regularizers': {'r1': {}}, 'last': {'r1': jnp.float32(7)}}
  for step in range(9):
    value, metrics = loss(game, 'discriminator', REAL, step=step, memory=memory)
    due = step in (0, 4, 8)
    # Between, the metric is what it was last.
    assert metrics['r1'] == (1.25 if due else 7)
    assert value == pytest.approx(plain + due * 4 * 0.5 * 1.25, rel=1e-6)


def test_penalty_memory_starts_at_0_and_is_updated_every_step():
  game = make(penalties={'lecam': {'weight': 0.1, 'decay': 0.9}, 'r1': {'weight': 1.0}})
  memory = game.init_memory(jax.random.key(0), {})
  assert memory == {
    'regularizers': {'lecam': {'real_score': 0, 'fake_score': 0}, 'r1': {}},
    'last': {'lecam': 0, 'r1': 0},
  }
  seen = {
    'discriminator/lecam': 3.0,
    'discriminator/r1': 5.0,
    'discriminator/real_score': 2.0,
    'discriminator/fake_score': -4.0,
    'generator/fake_score': 9.0,
  }
  for _ in range(2):
    memory = game.update_memory(memory, None, seen, {})
  # 0.1 of what is seen at first, then 0.9 * 0.1 + 0.1 = 0.19 of it.
  averages = memory['regularizers']['lecam']
  assert averages == pytest.approx({'real_score': 0.38, 'fake_score': -0.76})
  assert memory['last'] == {'lecam': 3, 'r1': 5}
  _, metrics = loss(game, 'discriminator', REAL, memory=memory)
  by_hand = ((REAL_SCORES + 0.76) ** 2 + (FAKE_SCORES - 0.38) ** 2).mean()
  assert metrics['lecam'] == pytest.approx(by_hand, rel=1e-5)


def test_instance_noise_decays_linearly_and_is_absent_outside_training():
  seen, count = [], 2000
  game = make(
    Linear((1.0,), note=seen.append),
    Points(((0.0,),)),
    noise={'scale': 0.5, 'steps': 4},
  )
  real = np.zeros((count, 1))
  # Metrics of the examples are of those without noise.
  distances = {'real_distance': 0.0, 'fake_distance': 0.0}
  # The standard deviation of n draws has a relative standard error of 1 / sqrt(2 n) = 1.6 %.
  for step, level in ((0, 0.5), (3, 0.125), (4, 0), (9, 0)):
    _, metrics = loss(game, 'discriminator', real, step=step)
    assert {name: metrics[name] for name in distances} == distances
    shown = [np.asarray(x)[:, 0] for x in seen[-2:]]
    for points in shown:
      assert points.std() == pytest.approx(level, rel=0.065)
    if level:
      assert abs(np.corrcoef(*shown)[0, 1]) < 4 / np.sqrt(count)
  variables = begin(game, real)
  np.testing.assert_array_equal(game.critic(variables, jnp.ones((3, 1))), [1, 1, 1])
  keys = rng.sample_keys(0, 0, 3)
  np.testing.assert_array_equal(game.sample(variables, keys), np.zeros((3, 1)))


def test_latents_are_determined_by_their_key():
  drawn = []
  game = make(generator=Matrix(((1.0, 0.0), (0.0, 1.0)), note=drawn.append))
  variables, given = begin(game, REAL), inputs(REAL)
  other = given.replace(key=rng.example_keys(jax.random.key(8), jnp.arange(2)))
  drawn.clear()
  for use in (given, given, other):
    game.players[0].loss(variables, use)
  np.testing.assert_array_equal(drawn[0], drawn[1])
  assert len(np.unique(np.concatenate([drawn[0], drawn[2]]).round(6))) == 8


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'loss': 'minmax'}, "unknown name 'minmax' .*did you mean 'minimax'"),
    ({'penalties': {'r3': {'weight': 1.0}}}, "unknown name 'r3'"),
    ({'penalties': {'r1': {}}}, 'penalties.r1={}: the weight is missing'),
    ({'penalties': {'r1': {'weight': -1}}}, 'penalties.r1.weight=-1: out of range'),
    ({'penalties': {'r1': {'weight': True}}}, 'penalties.r1.weight=True: out of range'),
    ({'penalties': {'r1': {'weight': 1, 'every': 0}}}, 'penalties.r1.every=0: out of range'),
    ({'penalties': {'r1': {'weight': 1, 'every': 1.5}}}, 'penalties.r1.every=1.5: out of range'),
    ({'penalties': {'r1': {'weight': 1, 'target': 1}}}, "unexpected argument 'target'"),
    ({'augment': {'name': 'translation', 'share': 0.1}}, 'augment: share: renamed .* .now fraction'),
    ({'noise': {'scale': 0.5}}, "missing argument 'steps'"),
    ({'noise': {'scale': -0.5, 'steps': 4}}, 'noise.scale=-0.5: out of range'),
    ({'noise': {'scale': 0.5, 'steps': 0}}, 'noise.steps=0: out of range'),
  ],
)
def test_invalid_arguments_are_rejected(change, message):
  with pytest.raises(ConfigError, match=message):
    make(**change)


def test_decay_out_of_range_is_rejected():
  with pytest.raises(ConfigError, match='penalties.lecam.decay=1.0: out of range'):
    make(penalties={'lecam': {'weight': 1, 'decay': 1.0}})


def test_discriminator_with_several_outputs_is_rejected():
  with pytest.raises(ConfigError, match='networks.discriminator: outputs of the shapes .* rank 1'):
    loss(make(discriminator=Matrix(((1.0, 0.0), (0.0, 1.0)))), 'discriminator', REAL)
