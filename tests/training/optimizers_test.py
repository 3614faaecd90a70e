"""Optimizers and transformations by the names that a config gives them."""

import math

import numpy as np
import optax
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.training import optimizers, transforms
from helpers.toy_games import dirac, play, run, values


@pytest.mark.parametrize('name', [*optimizers.OPTIMIZERS, *optimizers.TRANSFORMS])
def test_names_are_functions_of_optax(name):
  assert callable(getattr(optax, name))
  assert not hasattr(transforms, name)


@pytest.mark.parametrize(
  'name', ['chain', 'apply_updates', 'scale_by_adam', '__loader__', 'sgd.x', None]
)
def test_optimizer_by_any_other_name_is_refused(name):
  with pytest.raises(ConfigError, match='^optimizer: unknown name'):
    optimizers.make_optimizer({'optimizer': name, 'learning_rate': 0.1})


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'b1': 'x'}, '^optimizer: optax refuses the arguments'),
    ({'b3': 1.0}, "^optimizer: unexpected argument 'b3'"),
    ({'learning_rate': math.nan}, '^learning_rate=nan: out of range'),
    ({'learning_rate': '0.1'}, "^learning_rate='0.1': out of range"),
    ({'updates_per_step': 0}, '^updates_per_step=0: out of range'),
    ({'updates_per_step': True}, '^updates_per_step=True: out of range'),
    ({'gradient_transforms': 5}, '^gradient_transforms: 5 is not a mapping'),
    ({'update_transforms': {'scale': {'step_size': 'x'}}}, '^update_transforms: scale: optax refuses'),
    ({'before': {}}, '^before: renamed in version 0.2'),
    ({'learning_rate': {}}, r'^learning_rate: \{\}: the name is missing'),
    ({'learning_rate': {'schedule': 'linear'}}, "^learning_rate: schedule: unknown name 'linear'"),
    (
      {'learning_rate': {'schedule': 'constant_schedule', 'value': -1.0}},
      '^learning_rate: constant_schedule: -1 at count 0: out of range',
    ),
  ],
)
def test_bad_settings_are_refused(change, message):
  spec = {'optimizer': 'adam', 'learning_rate': 1e-3, **change}
  with pytest.raises(ConfigError, match=message):
    optimizers.make_optimizer(spec)


def test_fault_in_a_transformation_of_ours_keeps_the_error(monkeypatch):
  def broken():
    raise TypeError('a fault of the program')

  broken.__name__ = 'max_norm'
  monkeypatch.setattr(transforms, 'FACTORIES', (broken,))
  spec = {'optimizer': 'adam', 'learning_rate': 1e-3, 'weight_constraints': {'max_norm': {}}}
  with pytest.raises(TypeError, match='a fault of the program'):
    optimizers.make_optimizer(spec)


LINEAR = {'schedule': 'linear_schedule', 'init_value': 0.4, 'end_value': 0.0, 'transition_steps': 8}


@pytest.mark.parametrize('name', ['adam', 'sgd', 'lion', 'adafactor', 'optimistic_adam_v2'])
def test_optimizers_accept_a_schedule(name):
  made, updates = optimizers.make_optimizer({'optimizer': name, 'learning_rate': LINEAR})
  params = {'w': np.ones((2, 2), np.float32)}
  changes, _ = made.update(params, made.init(params), params)
  assert np.abs(changes['w']).max() > 0
  assert updates == 1


def test_optimizer_that_takes_only_a_number_refuses_a_schedule():
  with pytest.raises(ConfigError, match='^optimizer: optax refuses the arguments'):
    optimizers.make_optimizer({'optimizer': 'rprop', 'learning_rate': LINEAR})


def test_scheduled_rate_counts_the_updates_of_the_player_and_is_logged():
  spec = {'optimizer': 'sgd', 'learning_rate': LINEAR}
  made, _ = optimizers.make_optimizer(spec)
  how = play(updates=(2, 1))
  how = how._replace(
    optimizers={**how.optimizers, 'discriminator': made},
    scheduled={'discriminator': optimizers.scheduled_numbers(spec)},
  )
  state, metrics = run(dirac(), how, steps=2)
  # Two updates per step: the first updates of the steps are numbers 0 and 2 of 8.
  np.testing.assert_allclose(metrics['discriminator/learning_rate'], [0.4, 0.3], rtol=1e-6)
  assert 'generator/learning_rate' not in metrics
  psi, theta = 1.0, 1.0
  sigmoid = lambda x: 1 / (1 + math.exp(-x))
  for rates in ((0.4, 0.35), (0.3, 0.25)):
    for rate in rates:
      psi -= rate * sigmoid(psi * theta) * theta
    theta += 0.1 * sigmoid(-psi * theta) * psi
  np.testing.assert_allclose(values(state), [psi, theta], rtol=1e-5)


def test_missing_optimizer_is_named():
  with pytest.raises(ConfigError, match='^optimizer: missing .known: adabelief,.*; add it'):
    optimizers.make_optimizer({'learning_rate': 0.1})
