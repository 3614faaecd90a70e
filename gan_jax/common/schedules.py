"""Numbers that change during training, by the names of optax's schedules.

Where a config takes a number of a game, an optimizer or an average, it may have {'schedule': a name in
`SCHEDULES`, **its arguments} instead.
"""

import math
from collections.abc import Callable, Iterable, Mapping
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

_REFUSALS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""The errors by which code that does not check an argument fails."""


def is_schedule(value: Any) -> bool:
  """Returns whether a value of a config is a schedule: a mapping with the key 'schedule'."""
  return isinstance(value, Mapping) and 'schedule' in value


def find(spec: Any, prefix: str = '') -> dict[str, Mapping[str, Any]]:
  """Returns the schedules at any depth inside of a part of a config, {path: schedule}.

  Args:
    spec: mappings, lists and values. It is not a schedule itself, even if it has the key 'schedule'.
    prefix: of all paths, with a final dot.
  """
  found = {}
  for key, value in _items(spec):
    path = f'{prefix}{key}'
    found |= {path: value} if is_schedule(value) else find(value, f'{path}.')
  return found


def replaced(spec: Any, values: Mapping[str, Any], prefix: str = '') -> Any:
  """Returns a copy of a part of a config with other values at the paths that `find` returns."""
  put = lambda key, value: (
    values[f'{prefix}{key}']
    if f'{prefix}{key}' in values
    else replaced(value, values, f'{prefix}{key}.')
  )
  if isinstance(spec, Mapping):
    return {key: put(key, value) for key, value in spec.items()}
  if isinstance(spec, list | tuple):
    return [put(index, value) for index, value in enumerate(spec)]
  return spec


def _items(spec: Any) -> Iterable[tuple[Any, Any]]:
  if isinstance(spec, Mapping):
    return spec.items()
  return enumerate(spec) if isinstance(spec, list | tuple) else ()


def at_start(spec: Any) -> Any:
  """Returns a copy of a part of a config whose schedules are replaced by their numbers at count 0."""
  made = {}
  for path, given in find(spec).items():
    with at(path):
      made[path] = make_schedule(given, least=-math.inf)
  return replaced(spec, _numbers(made, 0))


def make_schedule(spec: Mapping[str, Any], least: float = 0, below: float = math.inf) -> optax.Schedule:
  """Returns a schedule: count of updates or steps, from 0 -> number in [least, below).

  Args:
    spec: {'schedule': one of SCHEDULES, **its arguments by optax's names}. As JSON has only texts as
      keys, `boundaries_and_scales` is {'1000': 0.1, ...}.
    least: the least value.
    below: what all values are below.

  Raises:
    ConfigError: an unknown name, bad arguments, or a value that is out of the range or not finite.
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
    schedule, values = _tried(getattr(optax, name), arguments)
    _check_range(values, least, below)
  return schedule


def _boundaries(scales: Any) -> dict[int, Any]:
  """The argument of piecewise schedules with whole numbers as keys."""
  try:
    return {int(count): float(scale) for count, scale in scales.items()}
  except (AttributeError, TypeError, ValueError) as error:
    raise ConfigError(
      f'boundaries_and_scales={scales!r}: of the wrong kind (a mapping of counts to factors); write '
      '{"COUNT": FACTOR}'
    ) from error


def _tried(
  factory: Callable[..., optax.Schedule], arguments: Mapping[str, Any]
) -> tuple[optax.Schedule, np.ndarray]:
  """Returns a schedule of optax and its values at `_COUNTS`; optax does not check its arguments."""
  try:
    schedule = lookup.call(factory, arguments)
    # A study makes games and optimizers while it traces a program.
    with jax.ensure_compile_time_eval():
      return schedule, np.asarray(jax.vmap(lambda count: jnp.float32(schedule(count)))(_COUNTS))
  except _REFUSALS as error:
    raise ConfigError(
      f'optax refuses the arguments ({type(error).__name__}: {error}); change them'
    ) from error


def _check_range(values: np.ndarray, least: float, below: float) -> None:
  wrong = ~(np.isfinite(values) & (values >= least) & (values < below))
  if wrong.any():
    index = int(np.argmax(wrong))
    bounds = {f' of at least {least:g}': least, f', below {below:g}': below}
    within = ''.join(words for words, bound in bounds.items() if math.isfinite(bound))
    raise ConfigError(
      f'{values[index]:g} at count {_COUNTS[index]}: out of range (a finite number{within}); '
      'change the arguments'
    )


def make_schedules(
  given: Mapping[str, Mapping[str, Any]],
  use: Callable[[Mapping[str, Any]], object],
  range_of: Callable[[str], tuple[float, float]],
) -> dict[str, optax.Schedule]:
  """Returns schedules after a trial of what uses their numbers.

  Args:
    given: {path of a number in a config: its schedule}, see `make_schedule`.
    use: builds an object with the numbers {path: number}. It is called with the numbers at several
      counts, so that its own checks see them. It is also called with each number as it is inside a
      compiled program, where its value is not known.
    range_of: path -> (least, below), see `make_schedule`.

  Raises:
    ConfigError: a bad schedule; a number that `use` refuses; or a number whose value it must know.
  """
  made = {}
  for path, spec in given.items():
    with at(path):
      made[path] = make_schedule(spec, *range_of(path))
  start = _numbers(made, 0)
  use(start)
  for path, spec in given.items():
    _check_traced(path, spec, lambda number, path=path: use({**start, path: number}))
  tried = [start]
  for count in _COUNTS:
    numbers = _numbers(made, count)
    if numbers not in tried:
      tried.append(numbers)
      with at(f'at count {count}'):
        use(numbers)
  return made


def _numbers(made: Mapping[str, optax.Schedule], count: int) -> dict[str, float]:
  """The numbers at a count; a whole one is an int, which a config may have in place of any number."""
  with jax.ensure_compile_time_eval():
    numbers = {path: float(np.asarray(schedule(np.int32(count)))) for path, schedule in made.items()}
  return {path: int(n) if n.is_integer() else n for path, n in numbers.items()}


def _check_traced(path: str, spec: Mapping[str, Any], use: Callable[[jax.Array], object]) -> None:
  """Raises ConfigError if a function, which takes a constant, takes no number of unknown value."""

  def traced(number: jax.Array) -> jax.Array:
    use(number)
    return number

  try:
    jax.eval_shape(traced, jax.ShapeDtypeStruct((), jnp.float32))
  except (ConfigError, *_REFUSALS) as error:
    raise ConfigError(
      f'{path}={spec!r}: changes during training (a number that decides how the program is built stays '
      'the same); write a number'
    ) from error
