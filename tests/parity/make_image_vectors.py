"""Makes image_vectors.npz: small inputs, and what other packages make of them.

PEERS=<python with POT, pytorch-msssim, scipy, torch>
$PEERS -O tests/parity/make_image_vectors.py [FILE [SEED]]

The -O is for pytorch-msssim, which asserts that pictures are large enough for five scales of its own,
however many it is given weights for.
"""

import pathlib
import sys

import numpy as np
import ot
import pytorch_msssim
import torch
from scipy import ndimage, spatial, stats

WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
SCALES = {(3, 28, 28, 1): 2, (1, 64, 48, 3): 3, (1, 176, 176, 1): 5}
ORDERS = (1, 2, 3)


def sliced(rng):
  """POT along given directions, of as many and of fewer samples."""
  real, fake, fewer = (rng.normal(size=(n, 5)) + i for i, n in enumerate((24, 24, 17)))
  lines = rng.normal(size=(5, 7))
  distance = lambda x, p: ot.sliced_wasserstein_distance(real, x, projections=lines, p=p)
  values = [[distance(x, p) for p in ORDERS] for x in (fake, fewer)]
  return {
    'real': real,
    'fake': fake,
    'fewer': fewer,
    'lines': lines,
    'orders': ORDERS,
    'values': values,
  }


def pyramid(rng):
  """One level and the rest, with the whole 5 x 5 filter at once."""
  images = rng.integers(0, 256, (1, 33, 20, 2), dtype=np.uint8)
  taps = np.array([1, 4, 6, 4, 1]) / 16
  blur = lambda x: ndimage.convolve(x, np.outer(taps, taps)[None, :, :, None], mode='mirror')
  rest, enlarged = blur(images.astype(float))[:, ::2, ::2], np.zeros(images.shape)
  enlarged[:, ::2, ::2] = rest
  return {'images': images, 'first': images - 4 * blur(enlarged), 'rest': rest}


def ms_ssim(rng):
  """pytorch-msssim in float64, of noisy pictures and of what is left after more noise."""
  found = {}
  for shape, scales in SCALES.items():
    num, height, width, channels = shape
    cells = rng.integers(0, 256, (num, height // 4, width // 4, channels))
    a = np.kron(cells, np.ones((1, 4, 4, 1))) + 16 * rng.integers(0, 2, shape)
    b = 0.8 * a + 16 * rng.integers(0, 3, shape) + 10
    a, b = (np.clip(x, 0, 255).astype(np.uint8) for x in (a, b))
    weights = WEIGHTS if scales == 5 else WEIGHTS[:scales] / WEIGHTS[:scales].sum()
    tensors = (torch.tensor(x.transpose(0, 3, 1, 2), dtype=torch.float64) for x in (a, b))
    value = pytorch_msssim.ms_ssim(*tensors, weights=list(weights), size_average=False)
    found |= {f'{height}_a': a, f'{height}_b': b, f'{height}_value': value.numpy()}
  return found


def memorization(rng):
  """SciPy's nearest neighbors and rank sum test; some samples are copies."""
  train, held_out, fake = (rng.normal(size=(n, 6)).astype(np.float32) for n in (150, 120, 60))
  fake[:10] = train[:10]
  tree = spatial.KDTree(train.astype(float))
  apart, places = tree.query(fake.astype(float), 3)
  real = tree.query(held_out.astype(float))[0]
  farther = stats.mannwhitneyu(apart[:, 0], real).statistic
  sets = {'train': train, 'held_out': held_out, 'fake': fake}
  return {**sets, 'places': places, 'apart': apart, 'nearer': 1 - farther / (len(fake) * len(real))}


def main(file=pathlib.Path(__file__).parent / 'image_vectors.npz', seed='0'):
  """Writes the vectors of a seed."""
  if __debug__:
    sys.exit('run it with python -O, for pytorch-msssim')
  rng = np.random.default_rng(int(seed))
  made = {f.__name__: f(rng) for f in (sliced, pyramid, ms_ssim, memorization)}
  np.savez_compressed(
    file, **{f'{of}/{k}': v for of, values in made.items() for k, v in values.items()}
  )


if __name__ == '__main__':
  main(*sys.argv[1:])
