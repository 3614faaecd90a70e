"""Multi-scale structural similarity of pictures, and how alike the samples of a set are."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the scales, the finest first; as published, they add to 1.0001."""

WINDOW, DEVIATION = 11, 1.5
"""Of the Gaussian under which pictures are compared, in pixels."""

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_BATCH = 64


class Diversity(NamedTuple):
  """How alike two samples are on average.

  Attributes:
    value: mean MS-SSIM of pairs, in [0, 1]: near that of real data if diverse, 1 if all are the same.
    standard_error: of the mean, by the draw of the pairs.
    scales: on how many they are compared, see `ms_ssim`.
    pairs: how many were drawn.
  """

  value: float
  standard_error: float
  scales: int
  pairs: int


def scales(height: int, width: int) -> int:
  """On how many scales pictures of this size are compared, at most 5: 5 from 161 pixels on, 2 at 28.

  Raises:
    ValueError: smaller than the window.
  """
  side, found = min(height, width), 0
  if side < WINDOW:
    raise ValueError(f'{height} x {width} is smaller than the {WINDOW} x {WINDOW} window; enlarge it')
  while side >= WINDOW and found < len(WEIGHTS):
    side, found = -(-side // 2), found + 1
  return found


def weights(count: int) -> np.ndarray:
  """Of the first `count` scales: all five as published, fewer made to add to 1."""
  first = np.array(WEIGHTS[:count])
  return first if count == len(WEIGHTS) else first / first.sum()


@jax.jit
def ms_ssim(a: jax.Array, b: jax.Array) -> jax.Array:
  """The similarity of pictures a[i] and b[i]: SSIM of the coarsest scale, structure of the others.

  prod_j mean(cs_j)^w_j of all scales but the last, times mean(ssim)^w of the last; of each channel
  alone, then averaged. A negative mean counts as 0. Each scale is half the one before; where that is
  odd, its last row or column is taken twice. Pictures smaller than 161 pixels have fewer scales than 5:
  as many as the 11 x 11 window fits in, with weights made to add to 1. So other sizes do not compare.

  Args:
    a: [B, height, width, channels], of any dtype, from 0 to 255.
    b: of the same shape.

  Returns:
    float32 [B], in [0, 1]; 1 for equal pictures.

  Raises:
    ValueError: not of such a shape, or smaller than the window.

  Source: Wang et al. 2003, "Multi-scale structural similarity for image quality assessment", eq. 7.
  """
  if a.ndim != 4 or a.shape != b.shape:
    raise ValueError(f'shapes {a.shape} and {b.shape}; both must be [B, height, width, channels]')
  a, b = a.astype(jnp.float32), b.astype(jnp.float32)
  count, means = scales(*a.shape[1:3]), []
  for scale in range(count):
    luminance, structure = _compared(a, b)
    last = scale == count - 1
    means.append((luminance * structure if last else structure).mean(axis=(1, 2)))
    if not last:
      a, b = _halved(a), _halved(b)
  powers = jnp.asarray(weights(count), jnp.float32)[:, None, None]
  # Rounding may put a mean above 1.
  return (jnp.clip(jnp.stack(means), 0, 1) ** powers).prod(axis=0).mean(axis=-1)


def _compared(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
  """SSIM's luminance, and its contrast times structure, wherever the window fits."""
  # Variances are those of pictures less a constant, and of small values they are exact in float32.
  level = jnp.round((a + b).mean(axis=(1, 2), keepdims=True) / 2)
  a, b = a - level, b - level
  mean_a, mean_b, aa, bb, ab = _averaged(jnp.stack([a, b, a * a, b * b, a * b]))
  covariance, variances = ab - mean_a * mean_b, (aa - mean_a**2) + (bb - mean_b**2)
  mean_a, mean_b = mean_a + level, mean_b + level
  luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
  return luminance, (2 * covariance + _C2) / (variances + _C2)


def _averaged(x: jax.Array) -> jax.Array:
  """Under the window, of x [..., height, width, channels]."""
  height, width = (_windows(size) for size in x.shape[-3:-1])
  highest = jax.lax.Precision.HIGHEST
  return jnp.einsum('ih,jw,...hwc->...ijc', height, width, x, precision=highest)


def _windows(size: int) -> np.ndarray:
  """float32 [size - 10, size], in each row the window at one place."""
  window = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * DEVIATION**2))
  rows = [np.pad(window / window.sum(), (i, size - WINDOW - i)) for i in range(size - WINDOW + 1)]
  return np.stack(rows).astype(np.float32)


def _halved(x: jax.Array) -> jax.Array:
  b, height, width, c = x.shape
  x = jnp.pad(x, [(0, 0), (0, height % 2), (0, width % 2), (0, 0)], mode='edge')
  return x.reshape(b, -(-height // 2), 2, -(-width // 2), 2, c).mean(axis=(2, 4))


def diversity(images: np.ndarray | jax.Array, *, pairs: int = 1000, seed: int = 0) -> Diversity:
  """Mean MS-SSIM of random pairs of samples: high of a generator that makes the same again and again.

  The paper compares samples of one class, 100 pairs of each. Of several classes at once it is lower,
  and says less of how diverse each is. Compare with real pictures of the same size alone.

  Args:
    images: uint8 [N, height, width, channels], N >= 2.
    pairs: of different samples, each drawn anew, at least 2.
    seed: of the pairs, at least 0.

  Raises:
    ValueError: not such images, smaller than the window, or fewer than two pairs.

  Source: Odena et al. 2017 (arXiv:1610.09585), section 4.2.
  """
  if images.dtype != np.uint8 or images.ndim != 4 or len(images) < 2:
    raise ValueError(
      f'images are {images.dtype} {list(images.shape)}; they must be uint8 [N, height, width, channels]'
      ', of at least two'
    )
  if pairs < 2:
    raise ValueError(f'pairs is {pairs}; it must be at least 2')
  rng = np.random.default_rng(seed)
  first = rng.integers(0, len(images), pairs)
  second = (first + rng.integers(1, len(images), pairs)) % len(images)
  values = np.asarray(_of_pairs(jnp.asarray(images), first, second), np.float64)
  error = values.std(ddof=1) / np.sqrt(pairs)
  return Diversity(float(values.mean()), float(error), scales(*images.shape[1:3]), pairs)


@jax.jit
def _of_pairs(images: jax.Array, first: jax.Array, second: jax.Array) -> jax.Array:
  one = lambda pair: ms_ssim(images[pair[0]][None], images[pair[1]][None])[0]
  return jax.lax.map(one, (first, second), batch_size=_BATCH)
