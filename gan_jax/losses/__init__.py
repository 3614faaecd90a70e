"""Adversarial losses, gradient penalties, and regularizers."""

from gan_jax.losses.adversarial import (
  FACTORIES,
  NESTED,
  AdversarialLoss,
  Pairwise,
  energy_margin,
  f_divergence,
  hinge,
  kl,
  least_absolute,
  least_squares,
  minimax,
  non_saturating,
  relativistic_average,
  relativistic_paired,
  wasserstein,
)

__all__ = [
  'FACTORIES',
  'NESTED',
  'AdversarialLoss',
  'Pairwise',
  'energy_margin',
  'f_divergence',
  'hinge',
  'kl',
  'least_absolute',
  'least_squares',
  'minimax',
  'non_saturating',
  'relativistic_average',
  'relativistic_paired',
  'wasserstein',
]
