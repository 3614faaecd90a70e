"""Spectral norm: kernels divided by their largest singular values."""

from typing import Any

import jax
from flax import linen as nn


class SpectralNorm(nn.SpectralNorm):
  """Flax's spectral norm, except that initial kernels keep their values.

  Flax stores the normalized kernels when it initializes a layer. The outputs are the same, but an
  optimizer's steps then have another length relative to the kernels than in the papers.
  """

  def _spectral_normalize(self, path: Any, vs: Any, update_stats: bool) -> Any:
    normalized = super()._spectral_normalize(path, vs, update_stats)
    return vs if self.is_initializing() else normalized


def apply_layer(layer: nn.Module, x: jax.Array, *, spectral: bool, train: bool) -> Any:
  """Applies a layer, optionally with spectral norm, in the scope of the module that calls it.

  Spectral norm divides every kernel by its largest singular value. A kernel is a matrix whose columns
  are its outputs. Each pass estimates the value with one step of power iteration. A training pass also
  stores the new vector in the layer's state (Miyato et al. 2018, arXiv:1802.05957, algorithm 1).

  Args:
    layer: the layer; its inputs are one array.
    x: the inputs of the layer.
    spectral: whether kernels are normalized.
    train: whether this is a training pass.

  Returns:
    The outputs of the layer.
  """
  if not spectral:
    return layer(x)
  # Without a dtype the kernel would have the type of the norm's state, and so would the computation.
  return SpectralNorm(layer, dtype=x.dtype)(x, update_stats=train)
