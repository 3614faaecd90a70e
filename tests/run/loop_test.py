"""The training loop, with a program that only counts."""

import pytest

from gan_jax.run import loop


def events(hooks, last=8, stop_at=None):
  """The calls, readings and actions of a training with two steps per call, in their order."""
  happened = []

  def program(state, step):
    happened.append(f'call {step}')
    return state + 1, f'metrics {step + 2}'

  def hook(name, every, **more):
    action = lambda step, state: happened.append(f'{name} {step} {state}')
    return loop.Hook(every, action, **more)

  calls = loop.calls(
    program,
    0,
    loop.Steps(0, last, 2),
    lambda step, metrics: happened.append(f'read {step} {metrics}'),
    [hook(name, every, **more) for name, every, more in hooks],
    lambda step: step == stop_at,
  )
  step, state, _ = list(calls)[-1]
  assert (step, state) == (stop_at or last, (stop_at or last) // 2)
  return happened


def test_metrics_of_a_call_are_read_during_the_next_one():
  assert events([('save', (8,), {})])[:5] == [
    'call 0',
    'call 2',
    'read 2 metrics 2',
    'call 4',
    'read 4 metrics 4',
  ]


def test_all_metrics_are_read_before_an_action():
  happened = events([('draw', (4,), {}), ('save', (8,), {})])
  assert happened == [
    'call 0',
    'call 2',
    'read 2 metrics 2',
    'read 4 metrics 4',
    'draw 4 2',
    'call 4',
    'call 6',
    'read 6 metrics 6',
    'read 8 metrics 8',
    'draw 8 4',
    'save 8 4',
  ]


def test_only_hooks_on_stop_act_where_training_stops():
  happened = events([('draw', (4,), {}), ('save', (8,), {'on_stop': True})], stop_at=6)
  assert happened[-3:] == ['call 4', 'read 6 metrics 6', 'save 6 3']


@pytest.mark.parametrize(('left_at', 'last'), [(2, 'save 2 1'), (4, 'save 4 2')])
def test_closed_calls_read_their_metrics_and_act_once_on_stop(left_at, last):
  happened = []
  calls = loop.calls(
    lambda state, step: (state + 1, f'metrics {step + 2}'),
    0,
    loop.Steps(0, 8, 2),
    lambda step, metrics: happened.append(f'read {step}'),
    [
      loop.Hook((4,), lambda step, state: happened.append(f'save {step} {state}'), on_stop=True),
      loop.Hook((8,), lambda step, state: happened.append('draw')),
    ],
    lambda step: False,
  )
  for step, state, metrics in calls:
    assert (state, metrics) == (step // 2, f'metrics {step}')
    if step == left_at:
      calls.close()
  assert happened == [*(f'read {step}' for step in range(2, left_at + 1, 2)), last]


@pytest.mark.parametrize(
  ('every', 'step', 'stopping', 'due'),
  [
    ((4,), 4, False, True),
    ((4,), 6, False, False),
    ((4,), 10, False, True),
    ((4,), 6, True, True),
    ((0,), 10, False, False),
    ((4, 6), 6, False, True),
  ],
)
def test_hook_is_due_at_multiples_at_the_end_and_on_stop(every, step, stopping, due):
  assert loop.Hook(every, print, on_stop=True).is_due(step, 10, stopping) == due


def test_before_metrics_precedes_the_reading_of_the_step():
  order = []
  calls = loop.calls(
    lambda state, step: (state, None),
    0,
    loop.Steps(0, 4, 2),
    lambda step, metrics: order.append(step),
    [loop.Hook((2,), lambda step, state: None, before_metrics=lambda: order.append('wait'))],
    lambda step: False,
  )
  assert len(list(calls)) == 2
  assert order == ['wait', 2, 'wait', 4]
