"""Multi-scale structural similarity of images, and the diversity of a set of samples."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.metrics import _validation

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weights of the scales, the finest first. As published, they add to 1.0001."""

WINDOW = 11
"""Width of the Gaussian window in which images are compared, in pixels."""

STD = 1.5
"""Standard deviation of the window, in pixels."""

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_BATCH = 64


class Diversity(NamedTuple):
  """The average similarity of two samples.

  Attributes:
    value: mean MS-SSIM of pairs, in [0, 1]: near that of real data for diverse samples, 1 if all
      samples are equal.
    standard_error: standard error of the mean over random pairs.
    scales: number of scales, see `ms_ssim`.
    pairs: number of pairs.
  """

  value: float
  standard_error: float
  scales: int
  pairs: int


def scales(height: int, width: int) -> int:
  """Returns the number of scales for an image size, at most 5: 5 from 161 pixels on, 2 for 28.

  Raises:
    ValueError: the image is smaller than the window.
  """
  side, count = min(height, width), 0
  if side < WINDOW:
    raise ValueError(f'{height} x {width} is smaller than the {WINDOW} x {WINDOW} window; enlarge it')
  while side >= WINDOW and count < len(WEIGHTS):
    side = -(-side // 2)
    count += 1
  return count


def weights(count: int) -> np.ndarray:
  """Returns weights of the first `count` scales: all five as published, fewer scaled to add to 1."""
  first = np.array(WEIGHTS[:count])
  return first if count == len(WEIGHTS) else first / first.sum()


@jax.jit
def ms_ssim(a: jax.Array, b: jax.Array) -> jax.Array:
  """Returns the MS-SSIM of images a[i] and b[i]: SSIM of the coarsest scale, structure of the others.

  prod_j mean(cs_j)^w_j over all scales but the last, times mean(ssim)^w of the last. It is computed per
  channel, then averaged. A negative mean counts as 0. Each scale is half the one before; an odd last
  row or column is repeated. Images smaller than 161 pixels have fewer than 5 scales: as many as the 11
  x 11 window fits in, with weights scaled to add to 1. Values of different sizes are therefore not
  comparable.

  Args:
    a: [B, height, width, channels], of any dtype, from 0 to 255.
    b: of the same shape.

  Returns:
    float32 [B], in [0, 1]; 1 for equal images.

  Raises:
    ValueError: another shape, or smaller than the window.

  Source: Wang et al. 2003, "Multi-scale structural similarity for image quality assessment", eq. 7.
  """
  if a.ndim != 4 or a.shape != b.shape:
    raise ValueError(
      f'a, b: wrong shapes {a.shape} and {b.shape} (two equal ones [B, height, width, channels]); '
      'reshape the images'
    )
  a, b = a.astype(jnp.float32), b.astype(jnp.float32)
  count, means = scales(*a.shape[1:3]), []
  for scale in range(count):
    luminance, structure = _luminance_and_structure(a, b)
    last = scale == count - 1
    means.append((luminance * structure if last else structure).mean(axis=(1, 2)))
    if not last:
      a, b = _downsample(a), _downsample(b)
  powers = jnp.asarray(weights(count), jnp.float32)[:, None, None]
  # Rounding may raise a mean above 1.
  return (jnp.clip(jnp.stack(means), 0, 1) ** powers).prod(axis=0).mean(axis=-1)


def _luminance_and_structure(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Returns SSIM's luminance, and its contrast times structure, at every position of the window."""
  # Subtracting a constant keeps the variances, and makes them exact in float32.
  level = jnp.round((a + b).mean(axis=(1, 2), keepdims=True) / 2)
  a, b = a - level, b - level
  mean_a, mean_b, aa, bb, ab = _window_mean(jnp.stack([a, b, a * a, b * b, a * b]))
  covariance, variances = ab - mean_a * mean_b, (aa - mean_a**2) + (bb - mean_b**2)
  mean_a, mean_b = mean_a + level, mean_b + level
  luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
  return luminance, (2 * covariance + _C2) / (variances + _C2)


def _window_mean(x: jax.Array) -> jax.Array:
  """Returns the weighted means of x [..., height, width, channels] under the window."""
  height, width = (_windows(size) for size in x.shape[-3:-1])
  highest = jax.lax.Precision.HIGHEST
  return jnp.einsum('ih,jw,...hwc->...ijc', height, width, x, precision=highest)


def _windows(size: int) -> np.ndarray:
  """Returns float32 [size - 10, size], one row for each position of the window."""
  window = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * STD**2))
  rows = [np.pad(window / window.sum(), (i, size - WINDOW - i)) for i in range(size - WINDOW + 1)]
  return np.stack(rows).astype(np.float32)


def _downsample(x: jax.Array) -> jax.Array:
  b, height, width, c = x.shape
  x = jnp.pad(x, [(0, 0), (0, height % 2), (0, width % 2), (0, 0)], mode='edge')
  return x.reshape(b, -(-height // 2), 2, -(-width // 2), 2, c).mean(axis=(2, 4))


def diversity(images: np.ndarray | jax.Array, *, pairs: int = 1000, seed: int = 0) -> Diversity:
  """Returns the mean MS-SSIM of random pairs of samples, which is high if samples repeat.

  The paper compares samples of one class, 100 pairs each. Over several classes the value is lower, and
  tells less about the diversity of each. Compare it only with real images of the same size.

  Args:
    images: uint8 [N, height, width, channels], N >= 2.
    pairs: number of pairs of different samples, each drawn independently, at least 2.
    seed: seed of the pairs, at least 0.

  Raises:
    ValueError: other images, images smaller than the window, or fewer than two pairs.

  Source: Odena et al. 2017 (arXiv:1610.09585), section 4.2.
  """
  _validation.check_images('images', images, least=2)
  if pairs < 2:
    raise ValueError(f'pairs={pairs}: too few (at least 2)')
  rng = np.random.default_rng(seed)
  first = rng.integers(0, len(images), pairs)
  second = (first + rng.integers(1, len(images), pairs)) % len(images)
  values = np.asarray(_similarities(jnp.asarray(images), first, second), np.float64)
  error = values.std(ddof=1) / np.sqrt(pairs)
  return Diversity(float(values.mean()), float(error), scales(*images.shape[1:3]), pairs)


@jax.jit
def _similarities(images: jax.Array, first: jax.Array, second: jax.Array) -> jax.Array:
  one = lambda pair: ms_ssim(images[pair[0]][None], images[pair[1]][None])[0]
  return jax.lax.map(one, (first, second), batch_size=_BATCH)
