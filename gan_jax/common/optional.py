"""Packages that only some features need."""

import importlib
from typing import Any

from gan_jax.common.errors import ConfigError


def imported(package: str, feature: str) -> Any:
  """Imports an optional package, and returns it.

  Args:
    package: the name under which it is imported, a module of the package of the same name.
    feature: the flag that needs it, for the error, for example '--wandb=gans'.

  Raises:
    ConfigError: the package is not installed.
  """
  try:
    return importlib.import_module(package)
  except ModuleNotFoundError as error:
    name = package.partition('.')[0]
    raise ConfigError(
      f'{feature}: the package {name} is missing (an optional one); run pip install {name}'
    ) from error
