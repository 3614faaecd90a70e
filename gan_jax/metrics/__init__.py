"""Scores of samples, as functions of arrays."""

from gan_jax.metrics.matching import matching_accuracy

__all__ = ['matching_accuracy']
