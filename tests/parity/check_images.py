"""Our scores of images and samples beside those of POT, pytorch-msssim and SciPy.

    make parity

or, where the packages are in another environment: python tests/parity/check_images.py PYTHON. It runs
make_image_vectors.py with that interpreter, by default its own, for some seeds, prints a table, and
ends with an error if a difference is larger than it may be. The tests compare with the vectors that are
committed.
"""

import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from gan_jax.metrics import memorization as memorizing
from gan_jax.metrics import ms_ssim as similarity
from gan_jax.metrics import sliced_wasserstein as slicing

HERE = pathlib.Path(__file__).parent
SEEDS = (1, 2, 3)

Vectors = Mapping[str, np.ndarray]


class Row(NamedTuple):
  """One comparison: its name, the largest difference, and how large it may be.

  A difference is relative to the largest value of the other package, or to 1 if that is less.
  """

  name: str
  difference: float
  allowed: float


def row(name: str, ours, theirs: np.ndarray, allowed: float) -> Row:
  """A comparison of arrays of one shape."""
  ours = np.asarray(ours, np.float64)
  if ours.shape != theirs.shape:
    raise ValueError(f'{name}: the shapes are {ours.shape} and {theirs.shape}')
  return Row(name, float(abs(ours - theirs).max() / max(abs(theirs).max(), 1)), allowed)


def vectors(file: pathlib.Path = HERE / 'image_vectors.npz') -> Vectors:
  """The arrays of a file, those that are committed unless said."""
  with np.load(file) as found:
    return dict(found)


def sliced(of: Vectors) -> Iterator[Row]:
  """Sliced Wasserstein distance along given directions."""
  real, lines = of['sliced/real'], of['sliced/lines']
  for name, theirs in zip(('fake', 'fewer'), of['sliced/values'], strict=True):
    ours = [slicing.along(real, of[f'sliced/{name}'], lines, p) for p in of['sliced/orders']]
    yield row(f'sliced Wasserstein, {len(of[f"sliced/{name}"])} samples (POT)', ours, theirs, 1e-12)


def pyramid(of: Vectors) -> Iterator[Row]:
  """The levels of a Laplacian pyramid."""
  for name, ours in zip(('first', 'rest'), slicing.pyramid(of['pyramid/images'], 2), strict=True):
    yield row(f'Laplacian pyramid, {name} (SciPy)', ours, of[f'pyramid/{name}'], 1e-12)


def ms_ssim(of: Vectors) -> Iterator[Row]:
  """MS-SSIM on two, three and five scales, ours in float32 and theirs in float64."""
  for height in (28, 64, 176):
    ours = similarity.ms_ssim(of[f'ms_ssim/{height}_a'], of[f'ms_ssim/{height}_b'])
    yield row(f'MS-SSIM, {height} rows (pytorch-msssim)', ours, of[f'ms_ssim/{height}_value'], 1e-5)


def memorization(of: Vectors) -> Iterator[Row]:
  """Nearest neighbors, and the rank sum test of their distances."""
  fake, train, held_out = (of[f'memorization/{name}'] for name in ('fake', 'train', 'held_out'))
  places, apart = memorizing.nearest(fake, train, 3)
  yield row('places of the nearest (SciPy)', places, of['memorization/places'], 0)
  yield row('distances of the nearest (SciPy)', apart, of['memorization/apart'], 1e-12)
  found = memorizing.memorization(fake, train, held_out=held_out)
  yield row('rank sum (SciPy)', found.nearer, of['memorization/nearer'], 1e-12)


def main(peers: str = sys.executable) -> None:
  """Prints the table; `peers` is the interpreter that has the other packages."""
  failed = False
  print(f'{"":<45}{"seed":>5}{"difference":>12}{"allowed":>9}')
  for seed in SEEDS:
    with tempfile.TemporaryDirectory() as folder:
      file = pathlib.Path(folder) / 'vectors.npz'
      subprocess.run([peers, '-O', HERE / 'make_image_vectors.py', file, str(seed)], check=True)
      found = vectors(file)
    for name, difference, allowed in (
      r for f in (sliced, pyramid, ms_ssim, memorization) for r in f(found)
    ):
      print(f'{name:<45}{seed:>5}{difference:>12.1e}{allowed:>9.0e}')
      # NaN is not a small difference either.
      failed |= not difference <= allowed
  sys.exit('a difference is too large' if failed else 0)


if __name__ == '__main__':
  if len(sys.argv) > 2:
    sys.exit(__doc__)
  main(*sys.argv[1:])
