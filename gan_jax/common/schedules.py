"""Numbers that change during training, by the names of optax's schedules."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax.common import lookup
from gan_jax.common.errors import ConfigError, at

SCHEDULES = (
  'constant_schedule',
  'cosine_decay_schedule',
  'cosine_onecycle_schedule',
  'exponential_decay',
  'linear_onecycle_schedule',
  'linear_schedule',
  'piecewise_constant_schedule',
  'piecewise_interpolate_schedule',
  'polynomial_schedule',
  'sgdr_schedule',
  'warmup_constant_schedule',
  'warmup_cosine_decay_schedule',
  'warmup_exponential_decay_schedule',
)
"""The schedules of optax that a config can name: those whose arguments JSON can hold."""

_COUNTS = np.unique(np.concatenate([np.arange(3), 2 ** np.arange(31)])).astype(np.int32)
"""Counts at which a schedule is tried: small ones, and powers of two up to 2**30."""


def make_schedule(spec: Mapping[str, Any]) -> optax.Schedule:
  """Returns a schedule: count of updates or steps, from 0 -> number of at least 0.

  Args:
    spec: {'schedule': one of SCHEDULES, **its arguments by optax's names}. As JSON has only texts as
      keys, `boundaries_and_scales` is {'1000': 0.1, ...}.

  Raises:
    ConfigError: an unknown name, bad arguments, or a value that is negative or not finite.
  """
  arguments = dict(spec)
  name = arguments.pop('schedule', None)
  if name is None:
    raise ConfigError(
      f'{spec!r}: the name is missing ({{"schedule": NAME, ARGUMENT: VALUE}}); add one of: '
      f'{", ".join(SCHEDULES)}'
    )
  with at('schedule'):
    lookup.choose(name, SCHEDULES)
  if 'boundaries_and_scales' in arguments:
    arguments['boundaries_and_scales'] = _boundaries(arguments['boundaries_and_scales'])
  with at(name):
    return _tried(getattr(optax, name), arguments)


def _boundaries(scales: Any) -> dict[int, Any]:
  """The argument of piecewise schedules with whole numbers as keys."""
  try:
    return {int(count): float(scale) for count, scale in scales.items()}
  except (AttributeError, TypeError, ValueError) as error:
    raise ConfigError(
      f'boundaries_and_scales={scales!r}: of the wrong kind (a mapping of counts to factors); write '
      '{"COUNT": FACTOR}'
    ) from error


def _tried(factory: Callable[..., optax.Schedule], arguments: Mapping[str, Any]) -> optax.Schedule:
  """Returns a schedule of optax after a trial, since optax does not check its arguments."""
  try:
    schedule = lookup.call(factory, arguments)
    # A study makes optimizers while it traces a program.
    with jax.ensure_compile_time_eval():
      values = np.asarray(jax.vmap(lambda count: jnp.float32(schedule(count)))(_COUNTS))
  except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
    raise ConfigError(
      f'optax refuses the arguments ({type(error).__name__}: {error}); change them'
    ) from error
  wrong = ~(np.isfinite(values) & (values >= 0))
  if wrong.any():
    index = int(np.argmax(wrong))
    raise ConfigError(
      f'{values[index]:g} at count {_COUNTS[index]}: out of range (a finite number of at least 0); '
      'change the arguments'
    )
  return schedule
