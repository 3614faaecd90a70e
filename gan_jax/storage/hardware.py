"""On what a run was trained, from which step on: what its results depend on beside its config."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import jaxlib

from gan_jax.common import files
from gan_jax.common.errors import ConfigError
from gan_jax.runtime import jax_settings

FILE = 'machine.json'
_NONE = 'default'
_WHY = {
  'devices': 'sums over the batch are then taken in another order',
  'processes': 'sums over the batch are then taken in another order',
  'device': 'other devices round differently',
  'jax': 'another version may compile other sums',
  'jaxlib': 'another version may compile other sums',
  'jax_settings': 'they may change how programs round',
}


def here() -> dict[str, Any]:
  """Returns the devices of all processes, and the versions and settings of what compiles for them."""
  device = jax.devices()[0]
  return {
    'device': f'{device.platform}: {device.device_kind}',
    'devices': jax.device_count(),
    'processes': jax.process_count(),
    'jax': jax.__version__,
    'jaxlib': jaxlib.__version__,
    'jax_settings': jax_settings.unusual() or _NONE,
  }


def note(folder: pathlib.Path, step: int, say: Callable[[str], None]) -> None:
  """Notes on what a run goes on; says what is other than before, and what that changes.

  Args:
    folder: of the run.
    step: steps done.
    say: told of each difference, in a line.
  """
  before, now = _noted(folder, step), here()
  if before:
    for key, value in now.items():
      if before[-1].get(key, value) != value:
        say(
          f'{key}: {before[-1].get(key)} until step {step}, {value} from there on; {_WHY[key]}, so '
          'results may differ by rounding from those of a run without the change'
        )
  last = before and {k: v for k, v in before[-1].items() if k != 'from_step'}
  if last != now:
    before.append({'from_step': step, **now})
  files.write_atomic(folder / FILE, json.dumps(before, indent=2).encode() + b'\n')


def _noted(folder: pathlib.Path, step: int) -> list[dict[str, Any]]:
  """What is noted of steps that still count."""
  path = folder / FILE
  if not path.exists() or not step:
    return []
  try:
    return [line for line in json.loads(path.read_text()) if line['from_step'] < step]
  except (ValueError, TypeError, KeyError) as error:
    raise ConfigError(f'workdir: {path} is not what a run wrote; mend it or remove it') from error
