"""Schedules of configs, for tests."""


def linear(begin, end, steps):
  """From `begin` at step 0 to `end` at step `steps`."""
  return {
    'schedule': 'linear_schedule',
    'init_value': begin,
    'end_value': end,
    'transition_steps': steps,
  }


def same(value):
  """A number that changes in its form only: programs do not know it."""
  return linear(value, value, 3)
