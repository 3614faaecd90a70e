"""Fixes the settings of JAX that change what a seed draws, and reports those that change rounding."""

import contextlib
import os
from collections.abc import Callable, Generator, Mapping

import jax

from gan_jax.common.errors import ConfigError

_REFUSED = ('jax_disable_jit', 'jax_no_tracing', 'jax_no_execution')

_DRAWS = 'it changes what a seed draws'
_CHECKED = 'training checks the losses and gradients of every step itself'
_FIXED = {
  'jax_enable_x64': (False, _DRAWS),
  'jax_default_prng_impl': ('threefry2x32', _DRAWS),
  'jax_threefry_partitionable': (True, _DRAWS),
  'jax_random_seed_offset': (0, _DRAWS),
  'jax_numpy_dtype_promotion': ('standard', 'steps mix types'),
  'jax_numpy_rank_promotion': ('allow', 'steps mix ranks'),
  'jax_debug_nans': (False, _CHECKED),
  'jax_debug_infs': (False, _CHECKED),
  'jax_transfer_guard': (None, 'steps read arrays of the host'),
  'jax_transfer_guard_host_to_device': (None, 'steps read arrays of the host'),
  'jax_transfer_guard_device_to_device': (None, 'each device gets a copy of the weights'),
  'jax_transfer_guard_device_to_host': (None, 'losses and pictures go to the host'),
}
"""{setting: (the value that commands need, why they refuse another)}."""

_USUAL = {
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
"""{setting: its default}, of settings that may change rounding and nothing else."""

_VARIABLES = ('XLA_FLAGS', 'LIBTPU_INIT_ARGS', 'NVIDIA_TF32_OVERRIDE')
"""Variables of the environment that may change how programs round."""

_DEVICES = '--xla_force_host_platform_device_count'
"""The flag of XLA that a run notes as its number of devices."""


def fix(warn: Callable[[str], None]) -> None:
  """Gives JAX the settings that this package needs, for the whole process.

  Args:
    warn: receives one line for each setting of the user that is overridden.

  Raises:
    ConfigError: a setting under which no program can be compiled or run.
  """
  values = jax.config.values
  for name in _REFUSED:
    if values.get(name):
      raise ConfigError(
        f'{name.upper()}={values[name]}: it forbids the compiled programs that every step is; '
        'unset it, and look into a step with jax.debug.print'
      )
  for name, (needed, why) in _FIXED.items():
    if values[name] != needed:
      warn(f'{name.upper()}={values[name]}: {why}; this command uses {needed} instead')
      jax.config.update(name, needed)


@contextlib.contextmanager
def fixed() -> Generator[None]:
  """Gives JAX the settings under which a seed draws the same samples, in this thread and context."""
  with (
    jax.enable_x64(False),
    jax.default_prng_impl('threefry2x32'),
    jax.threefry_partitionable(True),
    jax.numpy_dtype_promotion('standard'),
    jax.numpy_rank_promotion('allow'),
  ):
    yield


def on_card() -> dict[str, str]:
  """Returns {'jax_settings': `unusual`} for a score card; nothing if all have their defaults."""
  found = unusual()
  return {'jax_settings': found} if found else {}


def unusual(environment: Mapping[str, str] = os.environ) -> str:
  """Returns the user's settings that may change how results round, '' if all have their defaults.

  They are written as variables of the environment, in a fixed order, joined by ', '.
  """
  values = jax.config.values
  found = {
    k.upper(): values.get(k, usual) for k, usual in _USUAL.items() if values.get(k, usual) != usual
  }
  for name in _VARIABLES:
    flags = [flag for flag in environment.get(name, '').split() if not flag.startswith(_DEVICES)]
    found |= {name: ' '.join(sorted(flags))} if flags else {}
  return ', '.join(f'{name}={value}' for name, value in found.items())
