"""Configs by the names of experiments."""

import copy
import os
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from gan_jax.common.errors import ConfigError
from gan_jax.config import experiments, overrides, schema


def load_config(
  experiment: str | os.PathLike | Mapping[str, Any] | ConfigDict, **changes: Any
) -> ConfigDict:
  """Returns the config of an experiment, to be changed and trained.

  Args:
    experiment: the name of an experiment with a preset if wanted, such as 'dcgan:ring', the path of its
      file, 'FILE.py:PRESET', or a config, which is copied.
    **changes: new values by their keys. A key inside another one is written as
      `**{'players.generator.learning_rate': 1e-4}`, and may be one that the experiment does not set,
      as in `**{'players.generator.frozen': ['Dense_0']}`. A mapping replaces the present one as a
      whole.

  Raises:
    ConfigError: an unknown experiment, preset or key, or a value of the wrong kind. Training checks the
      keys that are added inside others.

  Example:
    >>> import gan_jax
    >>> config = gan_jax.load_config('gan:ring-test', seed=1)
    >>> config.steps, config.seed
    (8, 1)
  """
  if isinstance(experiment, ConfigDict):
    config = copy.deepcopy(experiment)
  elif isinstance(experiment, Mapping):
    config = ConfigDict({**schema.default(), **experiment})
  elif isinstance(experiment, str | os.PathLike):
    config = experiments.load(os.fspath(experiment), 'experiment')
  else:
    raise ConfigError(
      f'experiment={experiment!r}: of the wrong kind (a name, a path or a config); write for example '
      "'dcgan:test'"
    )
  for path, value in changes.items():
    overrides.add_or_assign(config, path, value)
  return config
