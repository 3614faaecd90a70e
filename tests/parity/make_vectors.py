"""Writes vectors.npz, which the tests read: small inputs and what the packages make of them in float64.

PYTHONPATH=. .venv-parity/bin/python tests/parity/make_vectors.py
"""

import pathlib

import inputs
import numpy as np
import references

PATH = pathlib.Path(__file__).with_name('vectors.npz')


def main() -> None:
  """Makes them again; the same versions of the packages make the same file."""
  real, fake, logits = inputs.make(0, 300, 250, 16)
  scores = references.every(*(array.astype(np.float64) for array in (real, fake, logits)))
  arrays = {'real': real, 'fake': fake, 'logits': logits}
  np.savez_compressed(PATH, **arrays, names=list(scores), values=list(scores.values()))
  print(f'{PATH}: {len(scores)} scores, {PATH.stat().st_size:,} bytes')


if __name__ == '__main__':
  main()
