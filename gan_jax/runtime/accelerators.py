"""The devices that JAX finds: in words, and what to do where it finds fewer than a machine has."""

import os
import pathlib

import jax

from gan_jax.common.errors import ConfigError

_VARIABLE = 'JAX_PLATFORMS'
_INSTALL = {
  'cuda': "pip install -e '.[cuda13]', or '.[cuda12]' for an older driver",
  'tpu': "pip install -e '.[tpu]'",
}
_INSTALL['gpu'] = _INSTALL['cuda']


def check() -> None:
  """Has JAX find its devices, before a command makes anything.

  Raises:
    ConfigError: JAX_PLATFORMS names devices that JAX does not find, or JAX cannot use those it finds.
  """
  try:
    jax.devices()
  # An assertion is how JAX says that a plugin for a device is not installed.
  except (RuntimeError, AssertionError) as error:
    raise ConfigError(_refusal(_platforms(), str(error).rstrip('. '))) from error


def _platforms() -> str:
  return jax.config.values['jax_platforms'] or ''


def _refusal(platforms: str, reason: str) -> str:
  if not platforms:
    return (
      f'JAX cannot use the devices of this machine: {reason}; {_VARIABLE}=cpu computes without them'
    )
  install = next((f', or install JAX for it: {_INSTALL[p]}' for p in _INSTALL if p in platforms), '')
  why = f' ({reason.partition(" (set JAX_PLATFORMS")[0].rstrip(".")})' if reason else ''
  return (
    f'{_VARIABLE}={platforms}: JAX finds no such device here{why}; unset {_VARIABLE} to use what there '
    f'is{install}'
  )


def in_words() -> str:
  """Returns what JAX computes on, as '8 x NVIDIA H100 (gpu), 2 processes, jax 0.10.2'."""
  device, count, processes = jax.devices()[0], jax.device_count(), jax.process_count()
  kind = '' if device.device_kind == device.platform else f' ({device.platform})'
  several = f', {processes} processes' if processes > 1 else ''
  return f'{count} x {device.device_kind}{kind}{several}, jax {jax.__version__}'


def hint(root: pathlib.Path = pathlib.Path('/')) -> str:
  """Returns what to do on a machine whose accelerator JAX does not use; '' if there is nothing to do.

  Args:
    root: of the file system, in whose `dev` the drivers put their devices.
  """
  asked = 'cpu' in _platforms().split(',')
  if asked or jax.devices()[0].platform != 'cpu':
    return ''
  hidden = os.environ.get('CUDA_VISIBLE_DEVICES') in ('', '-1')
  for pattern, name, platform in (
    *([] if hidden else [('nvidia[0-9]*', 'an NVIDIA GPU', 'cuda')]),
    ('accel[0-9]*', 'a TPU', 'tpu'),
  ):
    if any((root / 'dev').glob(pattern)):
      return (
        f'this machine has {name}, but JAX computes on the CPU: {_INSTALL[platform]}; '
        f'{_VARIABLE}=cpu if the CPU is meant'
      )
  return ''
