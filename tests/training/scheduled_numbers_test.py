"""Training with numbers that are schedules: of games, of optimizers, and of averages."""

import functools
import json
import math

import jax
import numpy as np
import optax
import pytest

from gan_jax import testing
from gan_jax.common import schedules
from gan_jax.common.errors import ConfigError
from gan_jax.config import build
from gan_jax.config.run_config import UpdatesConfig
from gan_jax.runtime import devices
from gan_jax.storage import checkpoints
from gan_jax.training import optimizers
from helpers.experiments import ROOT, experiment
from helpers.runs import assert_same_arrays
from helpers.schedule_specs import linear, same
from helpers.toy_games import RATE, dirac, play, run, values

LABEL = {'name': 'non_saturating', 'real_label': 0.75}
PARTS = {
  'loss': LABEL,
  'penalties': {'r1': {'weight': 0.25, 'every': 2}, 'lecam': {'weight': 0.125, 'decay': 0.75}},
  'noise': {'scale': 0.5, 'steps': 8},
}
"""Parts of a two-player game."""

CASES = {
  'lecam': (
    PARTS,
    ('loss.real_label', 'penalties.r1.weight', 'penalties.lecam.weight', 'penalties.lecam.decay')
    + ('noise.scale', 'noise.steps'),
  ),
  'began': ({'diversity': 0.5, 'rate': 0.25}, ('diversity', 'rate')),
  'consensus': ({'loss': LABEL, 'weight': 0.125}, ('loss.real_label', 'weight')),
  'cramer': ({'weight': 0.125}, ('weight',)),
  'ebgan': ({'margin': 0.125, 'pull_away': 0.125}, ('margin', 'pull_away')),
  'mmd_gan': ({'penalty': 0.5, 'scaling': 0.25}, ('penalty', 'scaling')),
  'pacgan': ({'loss': LABEL}, ('loss.real_label',)),
  'unrolled': ({'loss': LABEL}, ('loss.real_label',)),
  'wgan_gp': ({'weight': 0.125, 'target': 0.5}, ('weight', 'target')),
}
"""{experiment: numbers of its game, and the paths of those that are scheduled}."""


def config_of(name, **gan):
  config = experiment(ROOT / 'experiments' / f'{name}.py', 'ring-test', steps_per_call=1)
  # Adam would make large steps of the rounding errors of a gradient near 0.
  players = dict.fromkeys(config['players'], {'optimizer': 'sgd', 'learning_rate': 0.01})
  return {**config, 'players': players, 'gan': {**config['gan'], **gan}}


def number_at(spec, path):
  first, _, rest = path.partition('.')
  return number_at(spec[first], rest) if rest else spec[first]


def arrays(state):
  return checkpoints.to_arrays(devices.local(state))


def assert_close(found, wanted):
  assert found.keys() == wanted.keys()
  for name, array in wanted.items():
    np.testing.assert_allclose(found[name], array, rtol=1e-4, atol=1e-6, err_msg=name)


@functools.cache
def trained(name, schedule=None):
  """The arrays and metrics after six steps whose numbers are constants, or schedules of them."""
  gan, paths = CASES[name]
  config = config_of(name, **gan)
  if schedule:
    changed = {path: schedule(number_at(config['gan'], path)) for path in paths}
    config['gan'] = schedules.replaced(config['gan'], changed)
    assert schedules.find(config['gan']) == changed
  state, metrics = testing.Subject(config).train(6)
  return arrays(state), metrics


def constant(value):
  return {'schedule': 'constant_schedule', 'value': value}


QUICK = ('lecam', 'began', 'wgan_gp')
"""Two-player games, a game with a memory, and a game of few arguments; the others are slow tests."""


def each():
  for name in CASES:
    yield pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])


@pytest.mark.parametrize('name', [*each()])
def test_constant_schedules_equal_constants_bit_for_bit(name):
  for found, wanted in zip(trained(name, constant), trained(name), strict=True):
    assert_same_arrays(found, wanted)


@pytest.mark.slow
@pytest.mark.parametrize('name', [*each()])
def test_schedules_with_equal_numbers_match_constants_up_to_rounding(name):
  # XLA simplifies products with constants, which it does not know here.
  for found, wanted in zip(trained(name, same), trained(name), strict=True):
    assert_close(found, wanted)


EVERYTHING = {
  'gan': {
    'loss': {'name': 'non_saturating', 'real_label': linear(1.0, 0.5, 5)},
    'penalties': {'lecam': {'weight': linear(0.1, 0.3, 5), 'decay': linear(0.5, 0.9, 5)}},
    'noise': {'scale': linear(0.5, 0.1, 5), 'steps': 100},
  },
  'players': {
    'discriminator': {
      'optimizer': 'adam',
      'learning_rate': linear(1e-3, 1e-4, 9),
      'b1': 0.5,
      'b2': linear(0.9, 0.99, 9),
      'updates_per_step': 2,
    },
    'generator': {
      'optimizer': 'adamw',
      'learning_rate': 1e-3,
      'weight_decay': linear(0.0, 0.1, 9),
      'gradient_transforms': {'clip_by_global_norm': {'max_norm': linear(2.0, 1.0, 9)}},
    },
  },
  'ema': {'generator': linear(0.05, 0.4, 5)},
}


def config_of_everything(**changes):
  config = config_of('lecam')
  gan = {**config['gan'], **EVERYTHING['gan']}
  return {**config, **EVERYTHING, 'gan': gan, **changes}


def test_resumed_training_with_schedules_is_bit_identical():
  subject = testing.Subject(json.loads(json.dumps(config_of_everything())))
  whole, metrics = subject.train(6)
  half, _ = subject.train(3)
  like = jax.eval_shape(subject.start)
  resumed, rest = testing.Subject(subject.config).train(
    3, state=checkpoints.from_arrays(arrays(half), like)
  )
  assert_same_arrays(arrays(resumed), arrays(whole))
  assert_same_arrays(rest, {name: values[3:] for name, values in metrics.items()})


def test_schedules_keep_the_contract_of_games():
  subject = testing.Subject(config_of_everything())
  testing.check_config(subject.config)
  metrics = testing.check_steps(subject)
  testing.check_ownership(subject)
  testing.check_samples(subject)
  testing.check_state(subject)
  assert testing.check_devices(subject, 2) < 1e-5
  # Two updates in each step: b2 goes from 0.9 to 0.99 in nine updates.
  np.testing.assert_allclose(metrics['discriminator/b2'], [0.9, 0.92, 0.94], rtol=1e-6)
  np.testing.assert_allclose(metrics['discriminator/learning_rate'], [1e-3, 8e-4, 6e-4], rtol=1e-5)
  np.testing.assert_allclose(metrics['generator/weight_decay'], [0, 0.1 / 9, 0.2 / 9], rtol=1e-5)
  clipped = metrics['generator/gradient_transforms.clip_by_global_norm.max_norm']
  np.testing.assert_allclose(clipped, [2, 17 / 9, 16 / 9], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize('change', [{'microbatches': 2}, {'update_rule': 'extragradient'}])
def test_constant_schedules_match_constants_in_parts_and_in_extragradient_play(change):
  adam = {'optimizer': 'adam', 'learning_rate': 1e-3, 'b1': 0.5, 'b2': 0.75}
  config = {**config_of('lecam', **PARTS), **change, 'ema': {'generator': 0.5}}
  config['players'] = {'discriminator': adam, 'generator': adam}
  numbers = {'noise.scale': constant(0.5), 'penalties.lecam.decay': constant(0.75)}
  changed = {
    **config,
    'gan': schedules.replaced(config['gan'], numbers),
    'players': schedules.replaced(config['players'], {'generator.b1': constant(0.5)}),
    'ema': {'generator': constant(0.5)},
  }
  wanted, logged = testing.Subject(config).train(4)
  found, also = testing.Subject(changed).train(4)
  np.testing.assert_array_equal(also.pop('generator/b1'), [0.5] * 4)
  for part in ('variables', 'memory', 'ema'):
    assert_close(arrays(getattr(found, part)), arrays(getattr(wanted, part)))
  assert_close(also, logged)


def updates_of(spec, gradients):
  """The updates of an optimizer of one number that stays 0."""
  made, _ = optimizers.make_optimizer(spec)
  params = {'w': np.zeros((), np.float32)}
  state, updates = made.init(params), []
  for gradient in gradients:
    changes, state = made.update({'w': np.float32(gradient)}, state, params)
    updates.append(float(changes['w']))
  return updates


GRADIENTS = (1.0, -0.5, 2.0, 0.25, -1.5)


def test_adam_with_scheduled_b2_matches_adam_by_hand():
  spec = {'optimizer': 'adam', 'learning_rate': 0.1, 'b1': 0.5, 'b2': linear(0.5, 0.9, 4), 'eps': 0.0}
  wanted, m, v = [], 0.0, 0.0
  for t, g in enumerate(GRADIENTS):
    b2 = 0.5 + 0.1 * t
    m, v = 0.5 * m + 0.5 * g, b2 * v + (1 - b2) * g**2
    wanted.append(-0.1 * m / (1 - 0.5 ** (t + 1)) / math.sqrt(v / (1 - b2 ** (t + 1))))
  np.testing.assert_allclose(updates_of(spec, GRADIENTS), wanted, rtol=1e-5)


def test_sgd_with_momentum_that_begins_negative_matches_sgd_by_hand():
  spec = {'optimizer': 'sgd', 'learning_rate': 0.1, 'momentum': linear(-0.5, 0.5, 4)}
  wanted, trace = [], 0.0
  for t, g in enumerate(GRADIENTS):
    trace = g + (-0.5 + 0.25 * t) * trace
    wanted.append(-0.1 * trace)
  np.testing.assert_allclose(updates_of(spec, GRADIENTS), wanted, rtol=1e-5)


def test_transformations_with_schedules_match_hand_computation():
  spec = {
    'optimizer': 'sgd',
    'learning_rate': 0.5,
    'gradient_transforms': {'clip_by_global_norm': {'max_norm': linear(2.0, 1.0, 2)}},
    'update_transforms': {'scale': {'step_size': linear(1.0, -1.0, 2)}},
    'weight_constraints': {'clip_weights': {'limit': linear(1.0, 0.25, 3)}},
  }
  # Gradients of 4 are clipped to 2, 1.5 and 1; the steps -1, -0.75 and -0.5 are scaled by 1, 0 and -1;
  # from 0, the last one of 0.5 is limited to 1 - 2 * 0.25.
  np.testing.assert_allclose(updates_of(spec, (4.0, 4.0, 4.0)), [-1.0, 0.0, 0.5], atol=1e-6)
  numbers = optimizers.scheduled_numbers(spec)
  assert {name: float(schedule(1)) for name, schedule in numbers.items()} == {
    'gradient_transforms.clip_by_global_norm.max_norm': 1.5,
    'update_transforms.scale.step_size': 0.0,
    'weight_constraints.clip_weights.limit': 0.75,
  }


def test_other_numbers_of_a_scheduled_optimizer_stay_out_of_its_state():
  made, _ = optimizers.make_optimizer(
    {'optimizer': 'adam', 'learning_rate': linear(0.1, 0.2, 2), 'b2': linear(0.5, 0.75, 2)}
  )
  state = made.init({'w': np.zeros((2, 2), np.float32)})
  injected = [s for s in jax.tree.leaves(state, is_leaf=_is_injected) if _is_injected(s)]
  assert [set(s.hyperparams) for s in injected] == [{'b2'}]


def _is_injected(value):
  return hasattr(value, 'hyperparams')


def test_extragradient_counts_two_updates_per_step():
  spec = {'optimizer': 'sgd', 'learning_rate': RATE, 'momentum': linear(0.0, 0.8, 8)}
  made, _ = optimizers.make_optimizer(spec)
  names = ('discriminator', 'generator')
  how = play(order='extragradient')._replace(
    optimizers=dict.fromkeys(names, made),
    scheduled=dict.fromkeys(names, optimizers.scheduled_numbers(spec)),
  )
  _, metrics = run(dirac(), how, steps=3)
  for name in names:
    np.testing.assert_allclose(metrics[f'{name}/momentum'], [0.0, 0.2, 0.4], atol=1e-7)


def decay(spec):
  """The decay of a config for the generator of the Dirac-GAN."""
  sgd = {'optimizer': 'sgd', 'learning_rate': RATE}
  config = UpdatesConfig(dict.fromkeys(('discriminator', 'generator'), sgd), 'alternating', spec)
  game = dirac()._replace(networks=dict.fromkeys(('discriminator', 'generator')))
  return build.make_update_schedule(config, game).ema


def test_average_with_scheduled_decay_matches_hand_computation():
  how = play(ema=decay({'generator': linear(0.05, 0.25, 2)}))
  state, _ = run(dirac(), how, steps=2)
  once, twice = (values(run(dirac(), play(), steps=steps)[0])[1] for steps in (1, 2))
  # The decays are min(0.05, 1/10) and min(0.15, 2/11).
  first = 0.05 * 1 + 0.95 * once
  second = 0.15 * first + 0.85 * twice
  np.testing.assert_allclose(state.ema['generator']['params']['value'], second, rtol=1e-6)


@pytest.mark.parametrize(
  ('spec', 'message'),
  [
    (linear(0.9, 1.0, 4), r'^ema: generator: linear_schedule: 1 at count 4: .*at least 0, below 1\)'),
    (linear(-0.1, 0.9, 4), '^ema: generator: linear_schedule: -0.1 at count 0: out of range'),
    ({'schedule': 'x'}, "^ema: generator: schedule: unknown name 'x'"),
    ({}, r'^ema.generator=\{\}: out of range \(at least 0, below 1\)'),
    (1.0, '^ema.generator=1.0: out of range'),
  ],
)
def test_bad_decays_are_rejected(spec, message):
  with pytest.raises(ConfigError, match=message):
    decay({'generator': spec})


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'b2': linear(0.9, 1.0, 4)}, '^b2: linear_schedule: 1 at count 4: .*at least 0, below 1'),
    ({'eps': linear(1.0, -1.0, 4)}, '^eps: linear_schedule: -1 at count 4: out of range'),
    ({'b4': same(0.5)}, "^optimizer: unexpected argument 'b4'"),
    ({'nesterov': same(1.0)}, '^(optimizer.)?nesterov=.*of the wrong kind'),
    ({'updates_per_step': same(2.0)}, r'^updates_per_step=\{.*out of range'),
    ({'optimizer': same(2.0)}, '^optimizer: unknown name'),
    (
      {'update_transforms': {'linear_decay': {'begin': same(1.0), 'end': 4}}},
      r'^update_transforms\.linear_decay\.begin=\{.*: changes during training',
    ),
    (
      {'weight_constraints': {'clip_weights': {'limit': linear(1.0, 0.0, 4)}}},
      r'^weight_constraints: clip_weights: at count 4: limit=0: out of range',
    ),
    ({'gradient_transforms': {'clip': same(1.0)}}, '^gradient_transforms: clip: unexpected argument'),
  ],
)
def test_bad_schedules_of_optimizers_are_rejected(change, message):
  spec = {'optimizer': 'adam', 'learning_rate': 1e-3, **change}
  with pytest.raises(ConfigError, match=message):
    optimizers.make_optimizer(spec)


def test_optimizer_that_must_know_a_number_rejects_its_schedule(monkeypatch):
  def knowing(learning_rate: float, size: float) -> optax.GradientTransformation:
    return optax.sgd(learning_rate if size > 1 else 0.0)

  monkeypatch.setattr(optax, 'sgd_of_size', knowing, raising=False)
  monkeypatch.setattr(optimizers, 'OPTIMIZERS', ('sgd_of_size',))
  with pytest.raises(ConfigError, match=r'^size=\{.*: changes during training'):
    optimizers.make_optimizer({'optimizer': 'sgd_of_size', 'learning_rate': 0.1, 'size': same(2.0)})
