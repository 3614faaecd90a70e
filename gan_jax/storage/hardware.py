"""A record of the hardware and software of a run, which affect rounding in addition to its config."""

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
_DEFAULT = 'default'
_CONSEQUENCES = {
  'devices': 'sums over the batch are then computed in another order',
  'processes': 'sums over the batch are then computed in another order',
  'device': 'devices of different kinds round differently',
  'jax': 'another version may compile other sums',
  'jaxlib': 'another version may compile other sums',
  'jax_settings': 'they may change how programs round',
}


def current() -> dict[str, Any]:
  """Returns the devices of all processes, and the versions and settings of JAX."""
  device = jax.devices()[0]
  return {
    'device': f'{device.platform}: {device.device_kind}',
    'devices': jax.device_count(),
    'processes': jax.process_count(),
    'jax': jax.__version__,
    'jaxlib': jaxlib.__version__,
    'jax_settings': jax_settings.unusual() or _DEFAULT,
  }


def note(folder: pathlib.Path, step: int, warn: Callable[[str], None]) -> None:
  """Records the hardware that a run continues on, and warns if it has changed.

  Args:
    folder: the folder of the run.
    step: the number of completed steps.
    warn: receives one line per difference, with its consequence.
  """
  records, now = _records(folder, step), current()
  if records:
    for key, value in now.items():
      before = records[-1].get(key)
      if records[-1].get(key, value) != value:
        warn(
          f'{key}: {before} until step {step}, {value} from there on; {_CONSEQUENCES[key]}, so '
          'results may differ by rounding from those of a run without the change'
        )
  last = records and {k: v for k, v in records[-1].items() if k != 'from_step'}
  if last != now:
    records.append({'from_step': step, **now})
  files.write_atomic(folder / FILE, json.dumps(records, indent=2).encode() + b'\n')


def _records(folder: pathlib.Path, step: int) -> list[dict[str, Any]]:
  """Returns the records of the steps before `step`."""
  path = folder / FILE
  if not path.exists() or not step:
    return []
  try:
    return [record for record in json.loads(path.read_text()) if record['from_step'] < step]
  except (ValueError, TypeError, KeyError) as error:
    raise ConfigError(f'workdir={folder}: {path} is corrupt; fix it or remove it') from error
