"""The InceptionV3 of the FID literature, TensorFlow's graph of 2015-12-05, as functions of its weights.

It differs from the network of the paper in the same way as that graph. Averages of 3x3 pixels ignore
pixels beyond the edge. The last block takes maxima where the others average. It has 1,008 classes.
Each batch norm is folded into the convolution before it.

Source: Szegedy et al. 2016 (arXiv:1512.00567); Heusel et al. 2017 (arXiv:1706.08500) for its use.
"""

import functools
from collections.abc import Callable, Mapping

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gan_jax.metrics.features import Outputs

SIZE = 299
RESIZER = (
  'bilinear to 299x299 as TensorFlow 1 does it (align_corners=False, no half-pixel centers, no '
  'antialias), gray images repeated to three channels; (x - 128) / 128'
)

Params = Mapping[str, np.ndarray | jax.Array]
"""'NAME.kernel' [height, width, inputs, outputs] and 'NAME.bias' of a convolution; 'fc.kernel'."""

Layer = Callable[..., jax.Array]
"""(name, x, count, kernel size, stride, padding) -> the output of a convolution and a rectifier."""

SQUARE, ROW, COLUMN = (3, 3), (1, 7), (7, 1)
HALVED = {'size': SQUARE, 'stride': 2, 'padding': 'VALID'}


def _interpolated(x: jax.Array, axis: int) -> jax.Array:
  """Resizes an axis to SIZE; pixel i is read at i * length / SIZE, so that the corners move."""
  length = x.shape[axis]
  positions = np.arange(SIZE, dtype=np.float32) * np.float32(length / SIZE)
  low = positions.astype(np.int32)
  fraction = (positions - low).astype(np.float32).reshape(-1, *(1,) * (x.ndim - 1 - axis))
  first = jnp.take(x, low, axis=axis)
  return first + (jnp.take(x, np.minimum(low + 1, length - 1), axis=axis) - first) * fraction


def resize(images: jax.Array) -> jax.Array:
  """Returns images resized by bilinear interpolation in the same way as TensorFlow 1.

  This is `tf.image.resize_bilinear`. Current resizers, among them PyTorch's and so pytorch-fid's, read
  pixel i at (i + 1/2) length / 299 - 1/2 instead. They give another image, shifted by half of
  (length / 299 - 1) pixels, and another score.

  Args:
    images: [N, height, width, C], of any range.

  Returns:
    float32 [N, 299, 299, C], of the same range.
  """
  chex.assert_rank(images, 4)
  return _interpolated(_interpolated(jnp.asarray(images, jnp.float32), 2), 1)


def prepare(images: jax.Array) -> jax.Array:
  """Returns images as the network takes them; `RESIZER` describes the steps.

  The graph subtracts 128 and divides by it, as torch-fidelity does: white is 127 / 128. (pytorch-fid
  uses 2 x / 255 - 1.)

  Args:
    images: uint8 [N, height, width, 1 or 3].

  Returns:
    float32 [N, 299, 299, 3] in [-1, 1).
  """
  chex.assert_rank(images, 4)
  chex.assert_axis_dimension_comparator(images, 3, lambda n: n in (1, 3), '1 or 3 channels')
  chex.assert_type(images, jnp.uint8)
  large = (resize(images) - 128) / 128
  return jnp.broadcast_to(large, (*large.shape[:3], 3))


def _convolved(x: jax.Array, kernel: np.ndarray | jax.Array, stride: int, padding: str) -> jax.Array:
  if kernel.shape[:2] == (1, 1):
    # On CPU this takes two thirds of the time of a convolution.
    return x @ kernel[0, 0]
  beyond = ((0, stride), (0, 0)) if padding == 'VALID' else padding
  y = lax.conv_general_dilated(
    x, jnp.asarray(kernel), (stride, stride), beyond, dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )
  # XLA:CPU takes up to five times longer without padding than with an extra row that is dropped.
  return y[:, :-1] if padding == 'VALID' else y


def _pooled(x: jax.Array, combine: Callable[..., jax.Array], stride: int) -> jax.Array:
  """Combines each 3x3 pixels, [N, H, W, C]: first rows, then columns."""
  # On XLA:CPU reducing windows is several times slower than adding slices.
  for axis in (1, 2):
    last = x.shape[axis] - 2
    x = functools.reduce(combine, (lax.slice_in_dim(x, i, last + i, stride, axis) for i in range(3)))
  return x


def _padded(x: jax.Array, value: float) -> jax.Array:
  return jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=value)


def _halved(x: jax.Array) -> jax.Array:
  """Returns the largest of each 3x3 pixels, with stride 2."""
  return _pooled(x, jnp.maximum, 2)


def _largest(x: jax.Array) -> jax.Array:
  """Returns the largest of the 3x3 pixels around each pixel."""
  return _pooled(_padded(x, -jnp.inf), jnp.maximum, 1)


def _averaged(x: jax.Array) -> jax.Array:
  """Returns the mean of those of the 3x3 pixels around each pixel that lie inside the image."""
  rows, columns = (3.0 - np.isin(np.arange(n), (0, n - 1)) for n in x.shape[1:3])
  weight = (1 / (rows[:, None] * columns)).astype(np.float32)[..., None]
  return _pooled(_padded(x, 0), jnp.add, 1) * weight


def _chain(layer: Layer, x: jax.Array, *steps: tuple) -> jax.Array:
  """Applies layers one after the other, each given as (name, count, size)."""
  for name, *shape in steps:
    x = layer(name, x, *shape)
  return x


def _stem(layer: Layer, x: jax.Array) -> jax.Array:
  x = layer('Conv2d_1a_3x3', x, 32, **HALVED)
  x = layer('Conv2d_2a_3x3', x, 32, SQUARE, padding='VALID')
  x = _halved(layer('Conv2d_2b_3x3', x, 64, SQUARE))
  x = layer('Conv2d_3b_1x1', x, 80)
  return _halved(layer('Conv2d_4a_3x3', x, 192, SQUARE, padding='VALID'))


def _block_a(layer: Layer, x: jax.Array, pooled: int) -> list[jax.Array]:
  double = ('branch3x3dbl_1', 64), ('branch3x3dbl_2', 96, SQUARE), ('branch3x3dbl_3', 96, SQUARE)
  return [
    layer('branch1x1', x, 64),
    _chain(layer, x, ('branch5x5_1', 48), ('branch5x5_2', 64, (5, 5))),
    _chain(layer, x, *double),
    layer('branch_pool', _averaged(x), pooled),
  ]


def _block_b(layer: Layer, x: jax.Array) -> list[jax.Array]:
  double = _chain(layer, x, ('branch3x3dbl_1', 64), ('branch3x3dbl_2', 96, SQUARE))
  return [
    layer('branch3x3', x, 384, **HALVED),
    layer('branch3x3dbl_3', double, 96, **HALVED),
    _halved(x),
  ]


def _block_c(layer: Layer, x: jax.Array, inner: int) -> list[jax.Array]:
  seven = ('branch7x7_1', inner), ('branch7x7_2', inner, ROW), ('branch7x7_3', 192, COLUMN)
  shapes = (inner,), (inner, COLUMN), (inner, ROW), (inner, COLUMN), (192, ROW)
  double = [(f'branch7x7dbl_{i}', *shape) for i, shape in enumerate(shapes, start=1)]
  return [
    layer('branch1x1', x, 192),
    _chain(layer, x, *seven),
    _chain(layer, x, *double),
    layer('branch_pool', _averaged(x), 192),
  ]


def _block_d(layer: Layer, x: jax.Array) -> list[jax.Array]:
  seven = ('branch7x7x3_1', 192), ('branch7x7x3_2', 192, ROW), ('branch7x7x3_3', 192, COLUMN)
  return [
    layer('branch3x3_2', layer('branch3x3_1', x, 192), 320, **HALVED),
    layer('branch7x7x3_4', _chain(layer, x, *seven), 192, **HALVED),
    _halved(x),
  ]


def _block_e(layer: Layer, x: jax.Array, pool: Callable[..., jax.Array]) -> list[jax.Array]:
  three = layer('branch3x3_1', x, 384)
  double = _chain(layer, x, ('branch3x3dbl_1', 448), ('branch3x3dbl_2', 384, SQUARE))
  return [
    layer('branch1x1', x, 320),
    layer('branch3x3_2a', three, 384, (1, 3)),
    layer('branch3x3_2b', three, 384, (3, 1)),
    layer('branch3x3dbl_3a', double, 384, (1, 3)),
    layer('branch3x3dbl_3b', double, 384, (3, 1)),
    layer('branch_pool', pool(x), 192),
  ]


BLOCKS = {
  'Mixed_5b': functools.partial(_block_a, pooled=32),
  'Mixed_5c': functools.partial(_block_a, pooled=64),
  'Mixed_5d': functools.partial(_block_a, pooled=64),
  'Mixed_6a': _block_b,
  'Mixed_6b': functools.partial(_block_c, inner=128),
  'Mixed_6c': functools.partial(_block_c, inner=160),
  'Mixed_6d': functools.partial(_block_c, inner=160),
  'Mixed_6e': functools.partial(_block_c, inner=192),
  'Mixed_7a': _block_d,
  'Mixed_7b': functools.partial(_block_e, pool=_averaged),
  'Mixed_7c': functools.partial(_block_e, pool=_largest),
}


def _features(layer: Layer, x: jax.Array) -> jax.Array:
  """Returns the features [N, 2048] of images, float32 [N, 299, 299, 3]."""
  x = _stem(layer, x)
  for name, block in BLOCKS.items():
    x = jnp.concatenate(
      block(lambda branch, *a, at=name, **k: layer(f'{at}.{branch}', *a, **k), x), axis=3
    )
  return x.mean(axis=(1, 2))


@functools.cache
def shapes() -> Mapping[str, tuple[int, ...]]:
  """Returns the shape of each weight by its name, in the order of the network."""
  weights: dict[str, tuple[int, ...]] = {}

  def record(name, x, count, size=(1, 1), stride=1, padding='SAME'):
    kernel = (*size, x.shape[-1], count)
    weights[f'{name}.kernel'] = kernel
    weights[f'{name}.bias'] = (count,)
    return _convolved(x, jnp.zeros(kernel), stride, padding)

  image = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), jnp.float32)
  features = jax.eval_shape(functools.partial(_features, record), image)
  return weights | {'fc.kernel': (features.shape[1], 1008)}


def apply(params: Params, images: jax.Array) -> Outputs:
  """Returns features and logits of images.

  Args:
    params: float32, of `shapes`.
    images: uint8 [N, height, width, 1 or 3].

  Returns:
    features: float32 [N, 2048], the output of the last average pooling ('pool3').
    logits: float32 [N, 1008], without a bias. The inception score has always used these (torch-fidelity
      calls them 'logits_unbiased'), so the bias is not stored.
  """

  def layer(name, x, count, size=(1, 1), stride=1, padding='SAME'):
    y = _convolved(x, params[f'{name}.kernel'], stride, padding)
    return jax.nn.relu(y + params[f'{name}.bias'])

  # By default TPUs round the operands of products to bfloat16, which would change the scores.
  with jax.default_matmul_precision('float32'):
    features = _features(layer, prepare(images))
    return Outputs(features, features @ params['fc.kernel'])
