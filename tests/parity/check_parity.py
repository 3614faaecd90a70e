"""Compares the scores with pytorch-fid, torch-fidelity and prdc on the same features, in one process.

    make parity

Relative differences stay below 1e-6 in float64 and 1e-3 in float32, or it exits with 1.
"""

import sys

import inputs
import numpy as np
import ours
import references

SIZES = {
  '300 x 16': (0, 300, 250, 16),
  '3,000 x 256': (1, 3000, 2500, 256),
  # With fewer examples than dimensions roots of rounding give the packages an error of about 2e-7.
  '300 x 384': (2, 300, 280, 384),
}
BOUNDS = {np.float64: 1e-6, np.float32: 1e-3}


def compare(size: str, dtype: type) -> list[float]:
  """Prints a line a score; the relative differences in shares of their bound."""
  arrays = [array.astype(dtype) for array in inputs.make(*SIZES[size])]
  expected, found = references.every(*arrays), ours.every(*arrays)
  assert expected.keys() == found.keys()
  shares = []
  for name, reference in expected.items():
    # A difference of 0 is compared as it is.
    relative = abs(found[name] - reference) / (abs(reference) or 1)
    shares.append(relative / BOUNDS[dtype])
    line = f'{size:12} {dtype.__name__:8} {name:42} {reference:.12g}'
    print(f'{line:82} {found[name]:<18.12g} {relative:8.1e} {"" if shares[-1] <= 1 else "DIFFERS"}')
  return shares


def main() -> None:
  """All sizes and precisions."""
  print(f'{"features":12} {"dtype":8} {"score":42} {"reference":18} {"ours":18} relative')
  shares = [share for size in SIZES for dtype in BOUNDS for share in compare(size, dtype)]
  differing = sum(not share <= 1 for share in shares)
  print(f'{len(shares)} comparisons, {differing} beyond 1e-6 (float64) or 1e-3 (float32)')
  sys.exit(differing > 0)


if __name__ == '__main__':
  main()
