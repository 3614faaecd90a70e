"""Fixes JAX settings that change the samples of a seed, and reports those that change rounding."""

import contextlib
import os
from collections.abc import Callable, Generator, Mapping

import jax
from jax import experimental

from gan_jax.common.errors import ConfigError

_REFUSED = ('jax_disable_jit', 'jax_no_tracing', 'jax_no_execution')

_SAMPLES = 'it changes the samples of a seed'
_CHECKED = 'training checks the losses and gradients of every step itself'
_FIXED = {
  'jax_enable_x64': (False, _SAMPLES),
  'jax_default_prng_impl': ('threefry2x32', _SAMPLES),
  'jax_threefry_partitionable': (True, _SAMPLES),
  'jax_random_seed_offset': (0, _SAMPLES),
  'jax_numpy_dtype_promotion': ('standard', 'steps mix types'),
  'jax_numpy_rank_promotion': ('allow', 'steps mix ranks'),
  'jax_debug_nans': (False, _CHECKED),
  'jax_debug_infs': (False, _CHECKED),
  'jax_transfer_guard': (None, 'steps read arrays of the host'),
  'jax_transfer_guard_host_to_device': (None, 'steps read arrays of the host'),
  'jax_transfer_guard_device_to_device': (None, 'each device gets a copy of the weights'),
  'jax_transfer_guard_device_to_host': (None, 'losses and images are copied to the host'),
}
"""{setting: (the value that commands need, the reason)}."""

_IN_CONTEXT = (
  'jax_enable_x64',
  'jax_default_prng_impl',
  'jax_threefry_partitionable',
  'jax_numpy_dtype_promotion',
  'jax_numpy_rank_promotion',
  'jax_transfer_guard',
  'jax_transfer_guard_host_to_device',
  'jax_transfer_guard_device_to_device',
  'jax_transfer_guard_device_to_host',
)
"""Settings that `fixed` sets in a context."""

_DEFAULTS = {
  'jax_default_matmul_precision': None,
  'jax_disable_most_optimizations': False,
  'jax_optimization_level': 'UNKNOWN',
  'jax_exec_time_optimization_effort': 0.0,
  'jax_memory_fitting_level': 'O2',
  'jax_memory_fitting_effort': 0.0,
  'jax_compiler_enable_remat_pass': True,
  'jax_allow_f16_reductions': True,
  'jax_softmax_custom_jvp': False,
  'jax_use_direct_linearize': True,
}
"""{setting: its default}, for settings that may change rounding and nothing else."""

_VARIABLES = ('XLA_FLAGS', 'LIBTPU_INIT_ARGS', 'NVIDIA_TF32_OVERRIDE')
"""Environment variables that may change rounding."""

# pyrefly: ignore[missing-attribute]  JAX 0.7 has it in another module
_enable_x64 = jax.enable_x64 if hasattr(jax, 'enable_x64') else experimental.enable_x64

_DEVICES = '--xla_force_host_platform_device_count'
"""An XLA flag that is ignored here, because a run records its number of devices."""


def fix(warn: Callable[[str], None]) -> None:
  """Sets the JAX settings that this package needs, for the whole process.

  Args:
    warn: receives one line for each setting of the user that is overridden.

  Raises:
    ConfigError: a setting prevents JAX from compiling or running programs.
  """
  check()
  values = jax.config.values
  for name, (needed, why) in _FIXED.items():
    if values[name] != needed:
      warn(f'{name.upper()}={values[name]}: {why}; this command uses {needed} instead')
      jax.config.update(name, needed)


def check() -> None:
  """Raises ConfigError if a JAX setting prevents JAX from compiling or running programs."""
  values = jax.config.values
  for name in _REFUSED:
    if values.get(name):
      raise ConfigError(
        f'{name.upper()}={values[name]}: it prevents compiled programs, which every step needs; '
        'unset it, and inspect a step with jax.debug.print'
      )


@contextlib.contextmanager
def fixed() -> Generator[None]:
  """Sets the JAX settings that determine the samples of a seed, in this thread and context.

  Raises:
    ConfigError: a setting prevents JAX from compiling or running programs.
  """
  check()
  if all(jax.config.values[name] == _FIXED[name][0] for name in _IN_CONTEXT):
    # A context with the same values would make JAX trace programs again.
    yield
    return
  with (
    _enable_x64(False),
    jax.default_prng_impl('threefry2x32'),
    jax.threefry_partitionable(True),
    jax.numpy_dtype_promotion('standard'),
    jax.numpy_rank_promotion('allow'),
    jax.transfer_guard('allow'),
  ):
    yield


def on_card() -> dict[str, str]:
  """Returns {'jax_settings': `unusual`} for an evaluation card; {} if all have their defaults."""
  settings = unusual()
  return {'jax_settings': settings} if settings else {}


def unusual(environment: Mapping[str, str] = os.environ) -> str:
  """Returns the user's settings that may change rounding; '' if all have their defaults.

  They are written as environment variables, in a fixed order, joined by ', '.
  """
  values = jax.config.values
  settings = {}
  for key, default in _DEFAULTS.items():
    value = values.get(key, default)
    if value != default:
      settings[key.upper()] = value
  for name in _VARIABLES:
    flags = [flag for flag in environment.get(name, '').split() if not flag.startswith(_DEVICES)]
    if flags:
      settings[name] = ' '.join(sorted(flags))
  return ', '.join(f'{name}={value}' for name, value in settings.items())
