"""The sliced Wasserstein distance of samples, and of patches of images.

In one dimension optimal transport is known: it maps quantile to quantile. In many dimensions the
distance is averaged over random lines.
"""

import functools
from typing import cast

import jax
import numpy as np

from gan_jax.metrics import _validation

PATCH = 7
"""Height and width of a patch."""

SMALLEST = 16
"""Height and width of the smallest level of a pyramid."""

DIRECTIONS = 512
"""Default number of lines that a distance is averaged over."""

PER_IMAGE = 128
"""Default number of patches per image."""

_VALUES = 2**22
_IMAGES = 64


def sliced_wasserstein(
  real: jax.typing.ArrayLike,
  fake: jax.typing.ArrayLike,
  *,
  directions: int = DIRECTIONS,
  seed: int = 0,
  order: float = 2.0,
) -> float:
  """Returns the distance along random directions, see `along`.

  It is above 0 even for equal distributions.

  Args:
    real: [N, D].
    fake: [M, D].
    directions: number of directions, uniform on the sphere.
    seed: seed of the directions, at least 0.
    order: p >= 1.

  Returns:
    The distance, in units of the features.

  Raises:
    ValueError: wrong shapes, values that are not finite, or order or directions out of range.

  Source: Bonneel et al. 2015, "Sliced and Radon Wasserstein barycenters of measures", section 3.
  """
  real, fake = _validation.pair(real, fake)
  return along(real, fake, random_directions(real.shape[1], directions, seed), order)


def random_directions(dimensions: int, count: int, seed: int) -> np.ndarray:
  """Returns unit vectors, float64 [dimensions, count], uniform on the sphere."""
  if count < 1:
    raise ValueError(f'directions={count}: too few (at least 1)')
  normal = np.random.default_rng(seed).standard_normal((dimensions, count))
  return normal / np.linalg.norm(normal, axis=0)


def along(
  real: jax.typing.ArrayLike,
  fake: jax.typing.ArrayLike,
  directions: jax.typing.ArrayLike,
  order: float = 2.0,
) -> float:
  """Returns (mean over directions of W_p^p)^(1/p) for the W_p of the projections, in float64.

  Args:
    real: [N, D].
    fake: [M, D]; each weighs N / M times as much as a real one.
    directions: [D, L], usually of length 1.
    order: p >= 1.

  Raises:
    ValueError: wrong shapes, values that are not finite, or order out of range.
  """
  real, fake = _validation.pair(real, fake)
  directions = np.asarray(directions, np.float64)
  if directions.ndim != 2 or len(directions) != real.shape[1] or not directions.size:
    raise ValueError(
      f'directions: wrong shape {list(directions.shape)} ([{real.shape[1]}, L]); reshape the array'
    )
  if not 1 <= order < np.inf:
    raise ValueError(f'order={order}: out of range (at least 1 and finite)')
  # Far from the origin a projection would lose the digits in which the sets differ.
  center = real.mean(axis=0)
  return _along(real - center, fake - center, directions, order)


def _along(real: np.ndarray, fake: np.ndarray, directions: np.ndarray, order: float) -> float:
  size, dists = max(_VALUES // (len(real) + len(fake)), 1), []
  for first in range(0, directions.shape[1], size):
    lines = directions[:, first : first + size]
    dists.append(_distances(_projected(real, lines), _projected(fake, lines), order))
  return _power_mean(np.concatenate(dists), order)


def _power_mean(values: np.ndarray, order: float) -> float:
  """Returns (mean of values^order)^(1 / order) of values [L] >= 0, without overflow or underflow."""
  largest = values.max()
  if order == 1 or not largest:
    return float(values.mean())
  return float(largest * np.mean((values / largest) ** order) ** (1 / order))


def _projected(x: np.ndarray, lines: np.ndarray) -> np.ndarray:
  """Returns the projections [L, N] of x [N, D], of its dtype, sorted along each line."""
  projected = lines.T.astype(x.dtype) @ x.T
  projected.sort(axis=1)
  return projected


def _distances(a: np.ndarray, b: np.ndarray, order: float) -> np.ndarray:
  """Returns W_p, float64 [L], between the sorted rows of a [L, N] and b [L, M]; overwrites a."""
  n, m = a.shape[1], b.shape[1]
  if n == m:
    dists, widths = np.subtract(a, b, out=a), None
  else:
    # Quantile functions have steps at multiples of 1 / n and 1 / m, here counted in 1 / (n m).
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    widths = np.diff(ends, prepend=0) / (n * m)
    dists = a[:, (ends - 1) // m] - b[:, (ends - 1) // n]
  np.abs(dists, out=dists)
  if order == 1:
    return _means(dists, widths)
  # As in `_power_mean`; in place, because allocating that much memory takes longer than the arithmetic.
  largest = dists.max(axis=1)
  dists /= np.where(largest > 0, largest, 1)[:, None]
  np.power(dists, order, out=dists)
  return largest * _means(dists, widths) ** (1 / order)


def _means(x: np.ndarray, widths: np.ndarray | None) -> np.ndarray:
  """Returns the means, float64 [L], of rows [L, K] weighted by these widths [K], or by equal ones."""
  return x.mean(axis=1, dtype=np.float64) if widths is None else x @ widths


def pyramid_distance(
  real: jax.typing.ArrayLike,
  fake: jax.typing.ArrayLike,
  *,
  per_image: int = PER_IMAGE,
  directions: int = DIRECTIONS,
  seed: int = 0,
) -> dict[str, float]:
  """Returns the distance between image patches at each level of detail: sliced W_1, times 1,000.

  A Laplacian pyramid splits each image into levels. Each level holds the detail that the next level, of
  half its size, lacks; the last holds the rest. At each level random patches of 7 x 7 are compared, in
  float32. First each channel of each set is normalized to mean 0 and, unless it is constant, to
  standard deviation 1.

  Any size is accepted: halves are rounded up, and the last level is the smallest with both sides of at
  least 16. An image of 64 has the levels 64, 32 and 16, and one of 31 has 31 and 16. An image of 28 or
  less has one level, which is the image itself.

  Patches lie at the same positions in both sets, so that equal sets have distance 0. Two sets of the
  same
  distribution do not: compare with the distance of two real sets of the same size.

  Args:
    real: uint8 [N, height, width, channels], both sides at least 7; the paper has N = 16,384.
    fake: uint8 [M, height, width, channels].
    per_image: patches of each level of an image. Those of one level are held in float32: 0.75 GB for a
      set of 10,000 color images.
    directions: number of directions.
    seed: seed of positions and directions, at least 0.

  Returns:
    {height of the level, for example '64': its distance, ..., 'mean': the mean over levels}.

  Raises:
    ValueError: other images, or patches or directions out of range.

  Source: Karras et al. 2018 (arXiv:1710.10196), section 5; for the pyramid Burt & Adelson 1983, "The
    Laplacian pyramid as a compact image code".
  """
  real, fake = _checked_images(real, fake)
  if per_image < 1:
    raise ValueError(f'per_image={per_image}: too few (at least 1)')
  lines = random_directions(PATCH * PATCH * real.shape[3], directions, seed)
  dists = {}
  for level, height in enumerate(heights(*real.shape[1:3])):
    patches = functools.partial(_patches, level=level, count=per_image, seed=seed)
    dists[str(height)] = 1e3 * _along(patches(real), patches(fake), lines, 1.0)
  return {**dists, 'mean': float(np.mean(list(dists.values())))}


def _checked_images(
  real: jax.typing.ArrayLike, fake: jax.typing.ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
  real, fake = np.asarray(real), np.asarray(fake)
  for name, images in (('real', real), ('fake', fake)):
    _validation.check_images(name, images)
  if real.shape[1:] != fake.shape[1:]:
    raise ValueError(f'real images are {real.shape[1:]} and fake {fake.shape[1:]}; resize one set')
  if min(real.shape[1:3]) < PATCH:
    raise ValueError(f'images of {real.shape[1:3]} have no patch of {PATCH} x {PATCH}; enlarge them')
  return real, fake


def heights(height: int, width: int) -> list[int]:
  """Returns the heights of the levels of a pyramid, that of the image first."""
  levels = [height]
  while min(height, width) > 2 * SMALLEST - 2:
    height, width = -(-height // 2), -(-width // 2)
    levels.append(height)
  return levels


def pyramid(images: np.ndarray, levels: int) -> list[np.ndarray]:
  """Returns the Laplacian pyramid of images [N, height, width, channels], float64, finest level first.

  Each level is the difference between an image and its next smaller version, enlarged again. The last
  level is the smallest version of the image. The filter is (1, 4, 6, 4, 1) / 16 in both directions,
  with the images mirrored at the border.
  """
  differences, images = [], images.astype(np.float64)
  for _ in range(levels - 1):
    smaller, enlarged = _blurred(images)[:, ::2, ::2], np.zeros_like(images)
    enlarged[:, ::2, ::2] = smaller
    differences.append(images - 4 * _blurred(enlarged))
    images = smaller
  return [*differences, images]


def _blurred(images: np.ndarray) -> np.ndarray:
  for axis in (1, 2):
    size = images.shape[axis]
    padded = np.pad(images, [(2, 2) if a == axis else (0, 0) for a in range(4)], mode='reflect')
    taps = [np.take(padded, range(k, k + size), axis=axis) for k in range(5)]
    weighted = (weight * tap for weight, tap in zip((1, 4, 6, 4, 1), taps, strict=True))
    images = cast(np.ndarray, sum(weighted)) / 16
  return images


def _patches(images: np.ndarray, level: int, count: int, seed: int) -> np.ndarray:
  """Returns patches of one level, float32 [N count, channels 49], each channel of mean 0 and std 1."""
  # The last level contains all remaining detail only if the pyramid ends there.
  levels = min(level + 2, len(heights(*images.shape[1:3])))
  rng = np.random.default_rng([seed, 1 + level])
  patches = np.empty((len(images), count, images.shape[3], PATCH, PATCH), np.float32)
  for first in range(0, len(images), _IMAGES):
    chunk = pyramid(images[first : first + _IMAGES], levels)[level]
    windows = np.lib.stride_tricks.sliding_window_view(chunk, (PATCH, PATCH), (1, 2))
    positions = rng.integers(0, windows.shape[1:3], (len(chunk), count, 2))
    rows = np.arange(len(chunk))[:, None]
    patches[first : first + len(chunk)] = windows[rows, positions[..., 0], positions[..., 1]]
  _standardize(patches)
  return patches.reshape(len(images) * count, -1)


def _standardize(patches: np.ndarray) -> None:
  """Standardizes each channel of patches [N, K, channels, 7, 7], in place."""
  for channel in range(patches.shape[2]):
    values = patches[:, :, channel]
    values -= values.mean(dtype=np.float64)
    std = np.sqrt(np.square(values).mean(dtype=np.float64))
    values /= std if std > 0 else 1
