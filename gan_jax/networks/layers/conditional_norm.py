"""Batch norm whose gain and bias depend on a condition, e.g. a class."""

import jax
from flax import linen as nn

from gan_jax.networks.layers.dense import linear
from gan_jax.networks.layers.spectral_norm import apply_layer


class ConditionalBatchNorm(nn.Module):
  """Batch norm with the gain 1 + W c and the bias V c for a condition c.

  The forms in use differ in c:

  - None: gain and bias are parameters, as in ordinary batch norm;
  - the weights of the classes: W and V are tables with one row per class. Their initial value is 0, so
    every class starts with gain 1 and bias 0 (Dumoulin et al. 2017, arXiv:1610.07629; for GANs
    Miyato & Koyama 2018, arXiv:1802.05637);
  - a shared embedding of the class, joined with latents: W and V are linear maps (Brock et al. 2019,
    arXiv:1809.11096, section 3). With spectral norm their initial value must differ from 0, because
    power iteration never leaves 0.

  Attributes:
    axis_name: the device axis over which batch statistics are computed; None for each device's own.
    spectral: whether W and V have spectral norm.
    kernel_init: initializer of W and V.
  """

  axis_name: str | None = None
  spectral: bool = False
  kernel_init: nn.initializers.Initializer = nn.initializers.zeros

  @nn.compact
  def __call__(self, x: jax.Array, condition: jax.Array | None, *, train: bool) -> jax.Array:
    """Normalizes x [B, ..., C] with a condition [B, E] or None."""
    is_plain = condition is None
    normalized = nn.BatchNorm(
      use_running_average=not train,
      momentum=0.9,
      axis_name=self.axis_name,
      use_scale=is_plain,
      use_bias=is_plain,
    )(x)
    if condition is None:
      return normalized
    shape = (x.shape[0], *(1 for _ in x.shape[1:-1]), x.shape[-1])
    gain = 1 + self._map(condition, 'gain', x.shape[-1], train)
    return normalized * gain.reshape(shape) + self._map(condition, 'bias', x.shape[-1], train).reshape(
      shape
    )

  def _map(self, condition: jax.Array, name: str, features: int, train: bool) -> jax.Array:
    layer = linear(features, use_bias=False, kernel_init=self.kernel_init, name=name)
    return apply_layer(layer, condition, spectral=self.spectral, train=train)
