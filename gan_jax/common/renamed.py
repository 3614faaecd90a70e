"""New names of config keys that were renamed after version 0.1, for errors that suggest them."""

import fnmatch
from collections.abc import Iterable

from gan_jax.common.errors import ConfigError

_RENAMED = {
  'update': 'update_rule',
  'unroll': 'scan_unroll',
  'keep': 'keep_checkpoints',
  'players.*.steps': 'updates_per_step',
  'players.*.before': 'gradient_transforms',
  'players.*.after': 'update_transforms',
  'players.*.constraints': 'weight_constraints',
  'data.bad_share': 'max_corrupt_fraction',
  'data.deviation': 'std',
  'gan.prior.deviation': 'std',
  'gan.augment.share': 'fraction',
}


def new_name(path: str) -> str:
  """Returns the new last part of the config key at `path`, or '' if the key was not renamed."""
  return next((new for old, new in _RENAMED.items() if fnmatch.fnmatchcase(path, old)), '')


def check(keys: Iterable[str], inside: str = '') -> None:
  """Raises ConfigError, with the new name, if one of the keys is from version 0.1.

  Args:
    keys: of one level of a config.
    inside: path of that level with a final dot, e.g. 'data.'; '' for the top.
  """
  for key in keys:
    new = new_name(f'{inside}{key}')
    if new:
      raise ConfigError(f'{key}: renamed in version 0.2 (now {new}); write {new}')
