"""Describes the devices that JAX uses, and advises on devices of the machine that it does not use."""

import os
import pathlib

import jax

from gan_jax.common.errors import ConfigError

_VARIABLE = 'JAX_PLATFORMS'
_INSTALL = {
  'cuda': "pip install 'gan_jax[cuda13]', or 'gan_jax[cuda12]' for an older driver",
  'tpu': "pip install 'gan_jax[tpu]'",
}
_INSTALL['gpu'] = _INSTALL['cuda']


def check() -> None:
  """Initializes JAX's devices; commands call it before they create anything.

  Raises:
    ConfigError: JAX does not find the devices that JAX_PLATFORMS names, or cannot use those it finds.
  """
  try:
    jax.devices()
  # JAX raises AssertionError if a plugin for a device is not installed.
  except (RuntimeError, AssertionError) as error:
    raise ConfigError(_refusal(_platforms(), str(error).rstrip('. '))) from error


def _platforms() -> str:
  return jax.config.values['jax_platforms'] or ''


def _refusal(platforms: str, reason: str) -> str:
  if not platforms:
    return (
      f'{_VARIABLE}: JAX cannot use the devices of this machine ({reason}); set {_VARIABLE}=cpu to '
      'compute without them'
    )
  install = next((f', or install JAX for it: {_INSTALL[p]}' for p in _INSTALL if p in platforms), '')
  cause = reason.partition(' (set JAX_PLATFORMS')[0].rstrip('.')
  details = f' ({cause})' if reason else ''
  return (
    f'{_VARIABLE}={platforms}: JAX finds no such device{details}; unset {_VARIABLE} to use the devices '
    f'that exist{install}'
  )


def in_words() -> str:
  """Returns a description of the devices, e.g. '8 x NVIDIA H100 (gpu), 2 processes, jax 0.10.2'."""
  device, count, processes = jax.devices()[0], jax.device_count(), jax.process_count()
  kind = '' if device.device_kind == device.platform else f' ({device.platform})'
  several = f', {processes} processes' if processes > 1 else ''
  return f'{count} x {device.device_kind}{kind}{several}, jax {jax.__version__}'


def hint(root: pathlib.Path = pathlib.Path('/')) -> str:
  """Returns advice for a machine whose accelerator JAX does not use; '' if none is needed.

  Args:
    root: the root of the file system; drivers list their devices in its folder `dev`.
  """
  is_cpu_requested = 'cpu' in _platforms().split(',')
  if is_cpu_requested or jax.devices()[0].platform != 'cpu':
    return ''
  patterns = {'accel[0-9]*': ('a TPU', 'tpu')}
  if os.environ.get('CUDA_VISIBLE_DEVICES') not in ('', '-1'):
    patterns = {'nvidia[0-9]*': ('an NVIDIA GPU', 'cuda'), **patterns}
  for pattern, (name, platform) in patterns.items():
    if any((root / 'dev').glob(pattern)):
      return (
        f'this machine has {name}, but JAX computes on the CPU: {_INSTALL[platform]}; '
        f'set {_VARIABLE}=cpu if the CPU is intended'
      )
  return ''
