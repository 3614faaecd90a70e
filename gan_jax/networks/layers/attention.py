"""Self-attention for images, as in SAGAN."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax.networks.layers.dense import linear
from gan_jax.networks.layers.resampling import max_pool
from gan_jax.networks.layers.spectral_norm import apply_layer


class SelfAttention(nn.Module):
  """Adds to each pixel a weighted mean over all pixels, [N, H, W, C] -> [N, H, W, C]; sides are even.

  Queries and keys have C / 8 channels, and values have C / 2. Keys and values are maxima over 2 x 2
  pixels. Products of queries and keys are not scaled. The result is x + gamma o, in which o is a linear
  map of the weighted values. gamma is 0 at the start, and o has no effect.

  Sources: Zhang et al. 2019 (arXiv:1805.08318), equations 1 to 3; the maxima are in the code of its
  authors and in BigGAN (Brock et al. 2019, arXiv:1809.11096).

  Attributes:
    spectral: whether the linear maps have spectral norm.
    kernel_init: initializer of the linear maps.
  """

  spectral: bool = False
  kernel_init: nn.initializers.Initializer = nn.initializers.glorot_uniform()

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    """Applies attention to images."""
    count, height, width, channels = x.shape
    queries = self._map(x, 'query', max(channels // 8, 1), train)
    keys = max_pool(self._map(x, 'key', max(channels // 8, 1), train))
    values = max_pool(self._map(x, 'value', max(channels // 2, 1), train))
    queries, keys, values = (jax.lax.collapse(y, 1, 3) for y in (queries, keys, values))
    weights = jax.nn.softmax(jnp.einsum('nqc,nkc->nqk', queries, keys), axis=-1)
    means = jnp.einsum('nqk,nkc->nqc', weights, values).reshape(count, height, width, values.shape[-1])
    gamma = self.param('gamma', nn.initializers.zeros, ())
    return x + gamma * self._map(means, 'output', channels, train)

  def _map(self, x: jax.Array, name: str, features: int, train: bool) -> jax.Array:
    layer = linear(features, use_bias=False, kernel_init=self.kernel_init, name=name)
    return apply_layer(layer, x, spectral=self.spectral, train=train)
