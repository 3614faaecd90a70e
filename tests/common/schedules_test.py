"""Schedules by the names and arguments of optax."""

import json
import math

import numpy as np
import optax
import pytest

from gan_jax.common import schedules
from gan_jax.common.errors import ConfigError
from helpers.schedule_specs import linear

WARMUP = {
  'schedule': 'warmup_cosine_decay_schedule',
  'init_value': 0.0,
  'peak_value': 0.1,
  'warmup_steps': 10,
  'decay_steps': 110,
  'end_value': 0.02,
}

CASES = (
  ({'schedule': 'constant_schedule', 'value': 0.25}, {0: 0.25, 10**6: 0.25}),
  (
    {'schedule': 'linear_schedule', 'init_value': 1.0, 'end_value': 0.0, 'transition_steps': 8},
    {0: 1.0, 2: 0.75, 8: 0.0, 9: 0.0},
  ),
  # Half of the cosine at half of the decay: 0.5 (1 + cos(pi / 2)) = 0.5.
  ({'schedule': 'cosine_decay_schedule', 'init_value': 2.0, 'decay_steps': 10}, {0: 2.0, 5: 1.0}),
  (
    {
      'schedule': 'exponential_decay',
      'init_value': 1.0,
      'transition_steps': 10,
      'decay_rate': 0.5,
      'transition_begin': 10,
    },
    {10: 1.0, 20: 0.5, 30: 0.25, 25: 0.5**1.5},
  ),
  (
    {
      'schedule': 'polynomial_schedule',
      'init_value': 1.0,
      'end_value': 0.0,
      'power': 2,
      'transition_steps': 10,
    },
    {5: 0.25},
  ),
  (
    {
      'schedule': 'piecewise_constant_schedule',
      'init_value': 1.0,
      'boundaries_and_scales': {'10': 0.1, '20': 0.5},
    },
    {9: 1.0, 11: 0.1, 21: 0.05},
  ),
  # A tenth of the way in the warmup; at half of the decay the mean of the peak and the end.
  (WARMUP, {0: 0.0, 1: 0.01, 10: 0.1, 60: 0.06, 110: 0.02}),
  (
    {
      'schedule': 'sgdr_schedule',
      'cosine_kwargs': [
        {'init_value': 0.0, 'peak_value': 1.0, 'warmup_steps': 2, 'decay_steps': 10},
        {'init_value': 0.0, 'peak_value': 0.5, 'warmup_steps': 2, 'decay_steps': 10},
      ],
    },
    {2: 1.0, 6: 0.5, 12: 0.5},
  ),
)


@pytest.mark.parametrize(('spec', 'values'), CASES)
def test_schedule_has_its_values_after_a_round_trip_through_json(spec, values):
  schedule = schedules.make_schedule(json.loads(json.dumps(spec)))
  for count, value in values.items():
    assert float(schedule(np.int32(count))) == pytest.approx(value, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize('name', schedules.SCHEDULES)
def test_names_are_schedules_of_optax(name):
  assert callable(getattr(optax.schedules, name))


@pytest.mark.parametrize(
  ('spec', 'message'),
  [
    ({}, r'^\{\}: the name is missing'),
    ({'schedule': 'cosine'}, "^schedule: unknown name 'cosine'"),
    ({'schedule': 'join_schedules', 'schedules': []}, "^schedule: unknown name 'join_schedules'"),
    ({'schedule': 'constant_schedule'}, "^constant_schedule: missing argument 'value'"),
    ({**WARMUP, 'steps': 3}, "^warmup_cosine_decay_schedule: unexpected argument 'steps'"),
    (
      {**WARMUP, 'decay_steps': 1.5},
      'decay_schedule.decay_steps=1.5: of the wrong kind',
    ),
    ({**WARMUP, 'peak_value': 'x'}, '^warmup_cosine_decay_schedule: optax refuses the arguments'),
    ({**WARMUP, 'peak_value': math.nan}, '^warmup_cosine_decay_schedule: nan at count 0: out of range'),
    ({**WARMUP, 'decay_steps': 5}, '^warmup_cosine_decay_schedule: .*decay_steps'),
    (
      {'schedule': 'linear_schedule', 'init_value': 0.1, 'end_value': -0.1, 'transition_steps': 4},
      '^linear_schedule: -0.1 at count 4: out of range',
    ),
    (
      {'schedule': 'piecewise_constant_schedule', 'init_value': 1, 'boundaries_and_scales': {'x': 1}},
      '^boundaries_and_scales=.*: of the wrong kind',
    ),
  ],
)
def test_bad_schedules_are_refused(spec, message):
  with pytest.raises(ConfigError, match=message):
    schedules.make_schedule(spec)


@pytest.mark.parametrize(
  ('begin', 'end', 'bounds', 'message'),
  [
    (0.9, 1.0, {'below': 1}, r'1 at count 4: out of range \(a finite number of at least 0, below 1\)'),
    (-1.0, 0.5, {'least': -0.5, 'below': 1}, r'-1 at count 0: .* of at least -0\.5, below 1\)'),
    (-1.0, math.inf, {'least': -math.inf}, r'out of range \(a finite number\); change the arguments'),
  ],
)
def test_values_out_of_the_range_of_the_caller_are_refused(begin, end, bounds, message):
  with pytest.raises(ConfigError, match=f'^linear_schedule: .*{message}'):
    schedules.make_schedule(linear(begin, end, 4), **bounds)


def test_negative_values_are_accepted_if_the_caller_allows_them():
  schedule = schedules.make_schedule(linear(-1.0, 0.5, 4), least=-1, below=1)
  assert [float(schedule(count)) for count in (0, 2, 9)] == [-1.0, -0.25, 0.5]


SPEC = {
  'schedule': 'a name at the top is an argument',
  'penalties': {'r2': {'weight': linear(1.0, 0.0, 4)}, 'r1': {'weight': 1.0}},
  'alphas': [0.5, linear(-2.0, 0.0, 4)],
}


def test_schedules_are_found_and_replaced_at_any_depth():
  found = schedules.find(SPEC)
  assert found == {'penalties.r2.weight': linear(1.0, 0.0, 4), 'alphas.1': linear(-2.0, 0.0, 4)}
  changed = schedules.replaced(SPEC, {'penalties.r2.weight': 3.0, 'alphas.1': 4.0})
  assert changed == {
    'schedule': 'a name at the top is an argument',
    'penalties': {'r2': {'weight': 3.0}, 'r1': {'weight': 1.0}},
    'alphas': [0.5, 4.0],
  }
  # The order of penalties decides their random numbers.
  assert list(changed['penalties']) == ['r2', 'r1']
  assert schedules.find(changed) == {}
  assert schedules.at_start(SPEC) == schedules.replaced(
    SPEC, {'penalties.r2.weight': 1, 'alphas.1': -2}
  )
