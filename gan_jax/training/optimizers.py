"""The optimizer of a player, from its config."""

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax.common import lookup, numerics, renamed, schedules, validation
from gan_jax.common.errors import ConfigError, at
from gan_jax.training import transforms

OPTIMIZERS = (
  'adabelief',
  'adadelta',
  'adafactor',
  'adagrad',
  'adam',
  'adamax',
  'adamaxw',
  'adamw',
  'adan',
  'amsgrad',
  'fromage',
  'lamb',
  'lars',
  'lbfgs',
  'lion',
  'noisy_sgd',
  'novograd',
  'optimistic_adam',
  'optimistic_adam_v2',
  'optimistic_gradient_descent',
  'radam',
  'rmsprop',
  'rprop',
  'sgd',
  'sign_sgd',
  'signum',
  'sm3',
  'yogi',
)
"""The optimizers of optax that a config can name: those that take a learning rate."""

TRANSFORMS = (
  'adaptive_grad_clip',
  'add_decayed_weights',
  'add_noise',
  'apply_every',
  'apply_if_finite',
  'centralize',
  'clip',
  'clip_by_block_rms',
  'clip_by_global_norm',
  'ema',
  'freeze',
  'identity',
  'keep_params_nonnegative',
  'lookahead',
  'normalize_by_update_norm',
  'scale',
  'scale_by_adadelta',
  'scale_by_adam',
  'scale_by_adamax',
  'scale_by_adan',
  'scale_by_amsgrad',
  'scale_by_belief',
  'scale_by_distance_over_gradients',
  'scale_by_lbfgs',
  'scale_by_learning_rate',
  'scale_by_lion',
  'scale_by_novograd',
  'scale_by_optimistic_gradient',
  'scale_by_param_block_norm',
  'scale_by_param_block_rms',
  'scale_by_radam',
  'scale_by_rms',
  'scale_by_rprop',
  'scale_by_rss',
  'scale_by_schedule',
  'scale_by_sign',
  'scale_by_sm3',
  'scale_by_stddev',
  'scale_by_trust_ratio',
  'scale_by_yogi',
  'selective_transform',
  'set_to_zero',
  'snapshot',
  'stateless',
  'stateless_with_tree_map',
  'trace',
  'zero_nans',
)
"""The transformations of optax that a config can name, besides those of `training.transforms`."""

STAGES = ('gradient_transforms', 'update_transforms', 'weight_constraints')
"""Keys of a player whose values are transformations {name: arguments}, in the order of their use."""

FUNCTIONS = ('learning_rate', 'step_size_fn')
"""Arguments that optax itself takes as functions of the updates."""

RANGES: Mapping[str, tuple[float, float]] = {
  'b1': (-1, 1),
  'b2': (0, 1),
  'b3': (0, 1),
  'decay': (0, 1),
  'momentum': (-1, 1),
  'step_size': (-math.inf, math.inf),
  'step_size_fn': (-math.inf, math.inf),
}
"""{argument: (least, below)} of scheduled numbers; others are at least 0. Momentum may be negative."""


def _make_of_optax(name: str, arguments: Mapping[str, Any]) -> optax.GradientTransformation:
  """Returns a transformation of optax, after a trial.

  Optax does not check its arguments. A bad one makes its code fail when the transformation is made or
  first used, by any of the errors below.
  """
  try:
    made = lookup.call(getattr(optax, name), arguments)
    jax.eval_shape(lambda params: made.update(params, made.init(params), params), _TRIAL)
  except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
    raise ConfigError(f'optax refuses the arguments ({type(error).__name__}: {error})') from error
  return made


_TRIAL = {'weights': np.zeros((2, 2), np.float32)}
"""Parameters of a trial."""

_Make = Callable[[Mapping[str, Any]], optax.GradientTransformation]


def _with_schedules(
  make: _Make, function: Callable[..., optax.GradientTransformation], arguments: Mapping[str, Any]
) -> optax.GradientTransformation:
  """Returns make(arguments), where numbers may be schedules of the updates.

  Args:
    make: calls `function` with arguments that have no schedules but those of `FUNCTIONS`.
    function: of optax or of `training.transforms`.
    arguments: of the function.
  """
  if not isinstance(arguments, Mapping):
    return make(arguments)
  given = {name: value for name, value in arguments.items() if schedules.is_schedule(value)}
  functions = {name: _schedule(name, given.pop(name)) for name in FUNCTIONS if name in given}
  arguments = {**arguments, **functions}
  if not given:
    return make(arguments)
  use = lambda numbers: make({**arguments, **numbers})
  made = schedules.make_schedules(given, use, _range_of)
  # The other numbers stay constants of the program, as they are without schedules.
  constants = [name for name in inspect.signature(function).parameters if name not in made]
  return optax.inject_hyperparams(function, constants, jnp.float32)(**{**arguments, **made})


def _range_of(path: str) -> tuple[float, float]:
  return RANGES.get(path.rpartition('.')[2], (0, math.inf))


def _schedule(path: str, spec: Mapping[str, Any]) -> optax.Schedule:
  with at(path):
    return schedules.make_schedule(spec, *_range_of(path))


def _make_transforms(specs: Mapping[str, Mapping[str, Any]]) -> list[optax.GradientTransformation]:
  """Returns the transformations {name: arguments}, in the order of their names."""
  if not isinstance(specs, Mapping):
    raise ConfigError(
      f'{specs!r} is not a mapping ({{NAME: ARGUMENTS}}); write transformations by name'
    )
  ours = lookup.factories(transforms)
  made = []
  for name, arguments in sorted(specs.items()):
    lookup.choose_extended(name, (*ours, *TRANSFORMS))
    with at(name):
      if name in ours:
        function, make = ours[name], functools.partial(lookup.call, ours[name])
      else:
        function, make = getattr(optax, name), functools.partial(_make_of_optax, name)
      made.append(_with_schedules(make, function, arguments))
  return made


def make_optimizer(spec: Mapping[str, Any]) -> tuple[optax.GradientTransformation, int]:
  """Returns a player's optimizer and its number of updates per step.

  The optimizer includes the transformations of the player's config.

  Args:
    spec: {'optimizer': name, **its arguments}, and optionally 'updates_per_step' and `STAGES`. A number
      among the arguments of the optimizer and of the transformations may be a schedule of the player's
      updates, see `schedules.make_schedule`. 'frozen' is ignored here, see `gan_jax.training.frozen`.

  Raises:
    ConfigError: an unknown name, or a bad argument.
  """
  if not isinstance(spec, Mapping):
    raise ConfigError(f'{spec!r} is not a mapping ({{"optimizer": NAME, ...}}); write it as one')
  renamed.check(spec, inside='players.*.')
  arguments: dict[str, Any] = {'updates_per_step': 1, **dict.fromkeys(STAGES, {}), **spec}
  if 'optimizer' not in arguments:
    raise ConfigError(f'optimizer: missing (known: {", ".join(OPTIMIZERS)}); add it')
  name, updates = arguments.pop('optimizer'), arguments.pop('updates_per_step')
  arguments.pop('frozen', None)
  validation.check_size('updates_per_step', updates)
  stages = {}
  for stage in STAGES:
    with at(stage):
      stages[stage] = _make_transforms(arguments.pop(stage))
  with at('optimizer'):
    lookup.choose(name, OPTIMIZERS)
  _check_rate(arguments.get('learning_rate'))

  def make(arguments: Mapping[str, Any]) -> optax.GradientTransformation:
    with at('optimizer'):
      return _make_of_optax(name, arguments)

  optimizer = _with_schedules(make, getattr(optax, name), arguments)
  after = *stages['update_transforms'], *stages['weight_constraints']
  before = optax.chain(optax.identity(), *stages['gradient_transforms'])
  return _join(before, optax.chain(optimizer, *after)), updates


def scheduled_numbers(spec: Mapping[str, Any]) -> dict[str, optax.Schedule]:
  """Returns the scheduled numbers of a player by their paths, {'learning_rate': schedule, ...}.

  Args:
    spec: the config of the player, which `make_optimizer` accepts.
  """
  return {path: _schedule(path, given) for path, given in schedules.find(spec).items()}


def _check_rate(rate: Any) -> None:
  if isinstance(rate, Mapping):
    _schedule('learning_rate', rate)
  elif not numerics.is_within(rate):
    raise ConfigError(
      f'learning_rate={rate!r}: out of range (a number of at least 0, or a schedule); change it'
    )


def _join(
  before: optax.GradientTransformation, after: optax.GradientTransformation
) -> optax.GradientTransformationExtraArgs:
  """Applies one transformation after the other.

  The keyword `at` of the update holds the weights at which the gradients were taken, if the updates
  change other weights.
  """

  def init(params):
    return before.init(params), after.init(params)

  def update(updates, state, params=None, *, at=None, **unused):
    updates, first = before.update(updates, state[0], params if at is None else at)
    updates, second = after.update(updates, state[1], params)
    return updates, (first, second)

  return optax.GradientTransformationExtraArgs(init, update)
