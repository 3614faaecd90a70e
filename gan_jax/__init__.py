"""Generative adversarial networks in JAX: pure losses, and one train step for every game."""

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from gan_jax import augment, divergences, game, latents, losses, metrics, networks, testing
  from gan_jax.api.configs import load_config
  from gan_jax.api.extension import extend
  from gan_jax.api.run import Run, load
  from gan_jax.api.scoring import score
  from gan_jax.api.training import Trainer, train
  from gan_jax.api.tuning import tune
  from gan_jax.data.arrays import from_arrays
  from gan_jax.losses import penalties, regularizers

  __version__: str

__all__ = [
  'Run',
  'Trainer',
  '__version__',
  'augment',
  'divergences',
  'extend',
  'from_arrays',
  'game',
  'latents',
  'load',
  'load_config',
  'losses',
  'metrics',
  'networks',
  'penalties',
  'regularizers',
  'score',
  'testing',
  'train',
  'tune',
]

_MODULES = {'penalties': 'losses.penalties', 'regularizers': 'losses.regularizers'}
"""{name of a module: its place}, where the place is another than the name."""

_PLACES = {
  'Run': 'api.run',
  'Trainer': 'api.training',
  'extend': 'api.extension',
  'from_arrays': 'data.arrays',
  'load': 'api.run',
  'load_config': 'api.configs',
  'score': 'api.scoring',
  'train': 'api.training',
  'tune': 'api.tuning',
}
"""{name of a function or a class: the module that has it}."""


def __getattr__(name: str) -> Any:
  # Imported lazily: a command sets its environment before JAX is imported.
  if name not in __all__:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  if name == '__version__':
    return importlib.metadata.version('gan_jax')
  if name in _PLACES:
    return getattr(importlib.import_module(f'gan_jax.{_PLACES[name]}'), name)
  return importlib.import_module(f'gan_jax.{_MODULES.get(name, name)}')


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})
