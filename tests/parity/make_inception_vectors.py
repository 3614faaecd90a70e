"""Writes inception_vectors.npz, which the tests read: what the packages' networks make of a photograph.

PYTHONPATH=. .venv-parity/bin/python tests/parity/make_inception_vectors.py
"""

import pathlib

import inception_inputs as inputs
import inception_references as references
import numpy as np

from gan_jax.common import hashing

PATH = pathlib.Path(__file__).with_name('inception_vectors.npz')
SIZES = (28, 28), (32, 32), (64, 48), (200, 200), (299, 299), (400, 300)


def outputs(images: np.ndarray) -> dict[str, np.ndarray]:
  """Every 16th feature and logit of torch-fidelity's network; pytorch-fid's must have the same."""
  networks = references.every(inputs.state())
  found = networks['torch-fidelity'](images)
  for one, other in zip(found, networks['pytorch-fid'](images), strict=True):
    np.testing.assert_allclose(one, other, atol=1e-5)
  return {name: a[:, ::16] for name, a in zip(('features', 'logits'), found, strict=True)}


def main() -> None:
  """Makes it again."""
  arrays = outputs(inputs.parts(200, 160, 2))
  for height, width in SIZES:
    arrays[f'{height}x{width}'] = references.resized(inputs.parts(height, width))[0, ::37, ::41]
  np.savez_compressed(PATH, photograph=hashing.of_array(inputs.photograph()), **arrays)
  print(f'{PATH}: {", ".join(arrays)}; {PATH.stat().st_size:,} bytes')


if __name__ == '__main__':
  main()
