"""Divergences between densities, and distances between samples."""

from gan_jax.divergences.densities import (
  f_divergence,
  jensen_shannon,
  kl,
  neyman,
  pearson,
  reverse_kl,
  squared_hellinger,
  total_variation,
  wasserstein_of_densities,
)
from gan_jax.divergences.samples import (
  Estimate,
  jensen_shannon_from_samples,
  kl_from_samples,
  pearson_from_samples,
  squared_hellinger_from_samples,
  total_variation_from_samples,
  wasserstein_1d,
)
from gan_jax.divergences.transport import Transport, entropic_transport, sinkhorn_divergence

__all__ = [
  'Estimate',
  'Transport',
  'entropic_transport',
  'f_divergence',
  'jensen_shannon',
  'jensen_shannon_from_samples',
  'kl',
  'kl_from_samples',
  'neyman',
  'pearson',
  'pearson_from_samples',
  'reverse_kl',
  'sinkhorn_divergence',
  'squared_hellinger',
  'squared_hellinger_from_samples',
  'total_variation',
  'total_variation_from_samples',
  'wasserstein_1d',
  'wasserstein_of_densities',
]
