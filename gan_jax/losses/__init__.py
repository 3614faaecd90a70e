"""Adversarial losses, losses of codes and classes, gradient penalties, and regularizers."""

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
from gan_jax.losses.classes import class_cross_entropy
from gan_jax.losses.information import categorical_information, gaussian_information

__all__ = [
  'FACTORIES',
  'NESTED',
  'AdversarialLoss',
  'Pairwise',
  'categorical_information',
  'class_cross_entropy',
  'energy_margin',
  'f_divergence',
  'gaussian_information',
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
