"""Latents of a generator: priors and interpolation."""

from gan_jax.latents.interpolation import slerp
from gan_jax.latents.priors import FACTORIES, Normal, Prior, materialize, mixture, normal, uniform

__all__ = [
  'FACTORIES',
  'Normal',
  'Prior',
  'materialize',
  'mixture',
  'normal',
  'slerp',
  'uniform',
]
