"""The vision transformer of DINOv2 as functions of its weights; images of 224x224, patches of 14x14.

    x_0 = [class token, patches] + positions
    y_i = x_i + g_i attention(norm(x_i)),  x_{i+1} = y_i + h_i mlp(norm(y_i))
    features = norm(x_depth)[class token]

Source: Dosovitskiy et al. 2021 (arXiv:2010.11929) for the transformer; Touvron et al. 2021
  (arXiv:2103.17239) for the scales g and h of layers; Oquab et al. 2024 (arXiv:2304.07193) for DINOv2.
"""

import functools
import math
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gan_jax.metrics.features import FeatureNetwork, Outputs, weights_file

SIZE = 224
PATCH = 14
GRID = SIZE // PATCH
HEAD = 64
"""Features per attention head."""

RESIZER = (
  'bicubic to 224x224 with antialias, rounded to bytes after each axis as Pillow does it, gray images '
  'repeated to three channels; [0, 1], then the mean and standard deviation of ImageNet'
)

_EPSILON = 1e-6
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.array([0.229, 0.224, 0.225], np.float32)

Params = weights_file.Params
"""The arrays of `shapes`; those of 'blocks' have the depth as their first axis."""


def shapes(width: int, depth: int) -> dict[str, tuple[int, ...]]:
  """Returns the shape of each weight by its name.

  Args:
    width: the number of features, a multiple of 64.
    depth: the number of blocks.
  """
  blocks = {
    'norm1.scale': (width,),
    'norm1.bias': (width,),
    'qkv.kernel': (width, 3 * width),
    'qkv.bias': (3 * width,),
    'projection.kernel': (width, width),
    'projection.bias': (width,),
    'scale1': (width,),
    'norm2.scale': (width,),
    'norm2.bias': (width,),
    'mlp1.kernel': (width, 4 * width),
    'mlp1.bias': (4 * width,),
    'mlp2.kernel': (4 * width, width),
    'mlp2.bias': (width,),
    'scale2': (width,),
  }
  return {
    'patches.kernel': (PATCH * PATCH * 3, width),
    'patches.bias': (width,),
    'class_token': (width,),
    'positions': (1 + GRID * GRID, width),
    **{f'blocks.{name}': (depth, *shape) for name, shape in blocks.items()},
    'norm.scale': (width,),
    'norm.bias': (width,),
  }


@functools.lru_cache(16)
def _bicubic(length: int) -> np.ndarray:
  """Returns the weights [SIZE, length] of a resized axis: Keys' cubic kernel with a = -1/2.

  The kernel of an axis that shrinks is wider by its factor. Weights beyond the edge are left out.

  Source: Keys 1981, "Cubic convolution interpolation for digital image processing", equation 15.
  """
  scale = length / SIZE
  centers = (np.arange(SIZE)[:, None] + 0.5) * scale
  x = np.abs(np.arange(length) + 0.5 - centers) / max(scale, 1)
  near = 1.5 * x**3 - 2.5 * x**2 + 1
  far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
  weights = np.where(x < 1, near, np.where(x < 2, far, 0))
  return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _rounded(x: jax.Array) -> jax.Array:
  """Returns numbers rounded to bytes, halves upwards."""
  return jnp.clip(jnp.floor(x + 0.5), 0, 255)


def resize(images: jax.Array) -> jax.Array:
  """Returns images resized to 224x224 as Pillow does it: columns, then rows, each rounded to bytes.

  Args:
    images: uint8 [N, height, width, C].

  Returns:
    float32 [N, 224, 224, C] of whole numbers from 0 to 255.
  """
  x = jnp.asarray(images, jnp.float32)
  if x.shape[2] != SIZE:
    x = _rounded(jnp.einsum('nhwc,vw->nhvc', x, _bicubic(x.shape[2])))
  if x.shape[1] != SIZE:
    x = _rounded(jnp.einsum('nhwc,uh->nuwc', x, _bicubic(x.shape[1])))
  return x


def prepare(images: jax.Array) -> jax.Array:
  """Returns images as the network takes them; `RESIZER` describes the steps.

  Args:
    images: uint8 [N, height, width, 1 or 3].

  Returns:
    float32 [N, 224, 224, 3].
  """
  chex.assert_rank(images, 4)
  chex.assert_axis_dimension_comparator(images, 3, lambda n: n in (1, 3), '1 or 3 channels')
  chex.assert_type(images, jnp.uint8)
  return (resize(images) / 255 - _MEAN) / _STD


def _norm(x: jax.Array, scale: np.ndarray | jax.Array, bias: np.ndarray | jax.Array) -> jax.Array:
  mean = x.mean(axis=-1, keepdims=True)
  variance = jnp.square(x - mean).mean(axis=-1, keepdims=True)
  return (x - mean) * lax.rsqrt(variance + _EPSILON) * scale + bias


def _attention(block: Params, x: jax.Array) -> jax.Array:
  """Returns softmax(q k^T / 8) v of each head, joined and projected; x is [N, T, width]."""
  count, tokens, width = x.shape
  qkv = x @ block['qkv.kernel'] + block['qkv.bias']
  q, k, v = jnp.moveaxis(qkv.reshape(count, tokens, 3, width // HEAD, HEAD), 2, 0)
  weights = jax.nn.softmax(jnp.einsum('nqhd,nkhd->nhqk', q, k) / math.sqrt(HEAD))
  joined = jnp.einsum('nhqk,nkhd->nqhd', weights, v).reshape(x.shape)
  return joined @ block['projection.kernel'] + block['projection.bias']


def _block(x: jax.Array, block: Params) -> tuple[jax.Array, None]:
  normed = _norm(x, block['norm1.scale'], block['norm1.bias'])
  x = x + block['scale1'] * _attention(block, normed)
  hidden = _norm(x, block['norm2.scale'], block['norm2.bias']) @ block['mlp1.kernel']
  hidden = jax.nn.gelu(hidden + block['mlp1.bias'], approximate=False)
  return x + block['scale2'] * (hidden @ block['mlp2.kernel'] + block['mlp2.bias']), None


def transform(params: Params, x: jax.Array) -> jax.Array:
  """Returns the features [N, width] of prepared images, float32 [N, 224, 224, 3]."""
  count = len(x)
  patches = x.reshape(count, GRID, PATCH, GRID, PATCH, 3).swapaxes(2, 3)
  patches = patches.reshape(count, GRID * GRID, PATCH * PATCH * 3)
  tokens = patches @ params['patches.kernel'] + params['patches.bias']
  first = jnp.broadcast_to(params['class_token'], (count, 1, tokens.shape[2]))
  x = jnp.concatenate([first, tokens], axis=1) + params['positions']
  prefix = 'blocks.'
  blocks = {name[len(prefix) :]: w for name, w in params.items() if name.startswith(prefix)}
  x, _ = lax.scan(_block, x, blocks)
  return _norm(x[:, 0], params['norm.scale'], params['norm.bias'])


def apply(params: Params, images: jax.Array) -> Outputs:
  """Returns the features of images, and no logits.

  Args:
    params: float32, of `shapes`.
    images: uint8 [N, height, width, 1 or 3].

  Returns:
    features: float32 [N, width], the normalized class token.
    logits: float32 [N, 0].
  """
  # By default TPUs round the operands of products to bfloat16, which would change the scores.
  with jax.default_matmul_precision('float32'):
    features = transform(params, prepare(images))
  return Outputs(features, jnp.zeros((len(images), 0)))


class Variant(NamedTuple):
  """A size of the network: its width, its depth, and the file of its weights."""

  width: int
  depth: int
  download: weights_file.Download


def _variant(name: str, letter: str, width: int, depth: int, size: int, digest: str) -> Variant:
  model = f'dinov2_vit{letter}14'
  address = f'https://dl.fbaipublicfiles.com/dinov2/{model}/{model}_pretrain.pth'
  return Variant(width, depth, weights_file.Download(name, digest, size, address, 'convert_dinov2'))


VARIANTS = {
  'dinov2_small': _variant(
    'dinov2_small',
    's',
    384,
    12,
    88_283_115,
    'b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9',
  ),
  'dinov2_base': _variant(
    'dinov2_base',
    'b',
    768,
    12,
    346_378_731,
    '0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73',
  ),
  'dinov2': _variant(
    'dinov2',
    'l',
    1024,
    24,
    1_217_586_395,
    'd5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428',
  ),
}
"""{name of a feature network: its size}."""


def load(name: str) -> FeatureNetwork:
  """Returns the network of a name in `VARIANTS`, with its weights; it has no logits.

  Raises:
    ConfigError: the weights are missing, corrupt, or of another network.
  """
  width, depth, download = VARIANTS[name]
  params = weights_file.read(download.path, download)
  remedy = f'it is not {name}; convert the file again: {download.command}'
  weights_file.check(params, shapes(width, depth), str(download.path), remedy)
  return FeatureNetwork(name, params, RESIZER, apply)
