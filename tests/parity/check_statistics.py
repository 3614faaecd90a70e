"""Compares files of statistics with those of pytorch-fid: each package reads what the other writes.

    PYTHONPATH=. .venv-parity/bin/python tests/parity/check_statistics.py

It exits with 1 if a distance differs by more than one millionth.
"""

import pathlib
import sys
import tempfile

import numpy as np
import references  # noqa: F401, it makes torchvision importable beside torch for CPUs
from pytorch_fid import fid_score

from gan_jax.evaluation import statistics_file
from gan_jax.metrics import frechet

BOUND = 1e-6
DIMENSIONS = 64


def sets() -> tuple[np.ndarray, np.ndarray]:
  """Features of two sets, float32, correlated and with other means."""
  rng = np.random.RandomState(0)
  mixing = rng.randn(DIMENSIONS, DIMENSIONS)
  one, other = rng.randn(500, DIMENSIONS) @ mixing, 1.3 * rng.randn(400, DIMENSIONS) @ mixing + 1
  return np.float32(one), np.float32(other)


def peers_moments(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
  """What pytorch-fid reads from a file."""
  return fid_score.compute_statistics_of_path(str(path), None, 50, DIMENSIONS, 'cpu')


def our_moments(path: pathlib.Path) -> frechet.Moments:
  """What the package reads from a file."""
  return statistics_file.read(statistics_file.arrays_in(path, 'real'), str(path), 'real').moments


def main() -> None:
  """All comparisons."""
  features = sets()
  expected = frechet.distance(*(frechet.moments(np.float64(x)) for x in features))
  with tempfile.TemporaryDirectory() as folder:
    ours = [pathlib.Path(folder) / f'ours_{i}.npz' for i in range(2)]
    theirs = [pathlib.Path(folder) / f'theirs_{i}.npz' for i in range(2)]
    for x, our, their in zip(features, ours, theirs, strict=True):
      statistics_file.write(our, frechet.moments(x), {'features': 'inception'}, 'out')
      np.savez_compressed(their, mu=np.mean(x, axis=0), sigma=np.cov(x, rowvar=False))
    distances = {
      'our files, read by pytorch-fid': fid_score.calculate_frechet_distance(
        *peers_moments(ours[0]), *peers_moments(ours[1])
      ),
      "pytorch-fid's files, read by us": frechet.distance(*map(our_moments, theirs)),
      'our files, read by us': frechet.distance(*map(our_moments, ours)),
    }
  differences = [abs(float(value) / expected - 1) for value in distances.values()]
  for (name, value), difference in zip(distances.items(), differences, strict=True):
    print(f'{name:32} {float(value):.9g}, samples {expected:.9g}, relative {difference:.1e}')
  sys.exit(max(differences) > BOUND)


if __name__ == '__main__':
  main()
