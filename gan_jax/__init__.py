"""Generative adversarial networks in JAX: pure losses, and one train step for every game."""

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from gan_jax import augment, divergences, game, latents, losses, metrics, networks, testing
  from gan_jax.extension import extend
  from gan_jax.losses import penalties, regularizers

  __version__: str

__all__ = [
  '__version__',
  'augment',
  'divergences',
  'extend',
  'game',
  'latents',
  'losses',
  'metrics',
  'networks',
  'penalties',
  'regularizers',
  'testing',
]

_INSIDE_LOSSES = ('penalties', 'regularizers')


def __getattr__(name: str) -> Any:
  # Imported lazily: a command sets its environment before JAX is imported.
  if name not in __all__:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  if name == '__version__':
    return importlib.metadata.version('gan_jax')
  if name == 'extend':
    return importlib.import_module('gan_jax.extension').extend
  inside = 'losses.' if name in _INSIDE_LOSSES else ''
  return importlib.import_module(f'gan_jax.{inside}{name}')
