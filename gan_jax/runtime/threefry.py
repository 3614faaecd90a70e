"""JAX's hash for random numbers with its rounds unrolled, for CPU.

On CPU, JAX computes the 20 rounds in a loop, and XLA runs each round separately. Unrolled, they are one
pass over the data. The numbers are the same, and a program with many draws also compiles faster.
"""

import jax
import numpy as np
from jax.extend.random import threefry2x32_p
from jax.interpreters import mlir

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
_GROUPS = 5


def hashed(
  key0: jax.Array, key1: jax.Array, x0: jax.Array, x1: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Computes Threefry-2x32 with 20 rounds, elementwise.

  Args:
    key0: the first word of the key, uint32.
    key1: the second word of the key, uint32.
    x0: the first word of the counter, uint32.
    x1: the second word of the counter, uint32. All shapes must broadcast.

  Returns:
    The two words of the hash, uint32 of the broadcast shape.

  Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 4.2; the
    constants are those of the authors' Random123.
  """
  keys = (key0, key1, key0 ^ key1 ^ _PARITY)
  x0, x1 = x0 + keys[0], x1 + keys[1]
  for group in range(_GROUPS):
    for bits in _ROTATIONS[group % 2]:
      x0 = x0 + x1
      x1 = x0 ^ (x1 << bits | x1 >> 32 - bits)
    x0 = x0 + keys[(group + 1) % 3]
    x1 = x1 + keys[(group + 2) % 3] + np.uint32(group + 1)
  return x0, x1


def write_out() -> None:
  """Makes JAX use the unrolled hash in all programs that are compiled for CPU after this call."""
  lowering = mlir.lower_fun(hashed, multiple_results=True)
  mlir.register_lowering(threefry2x32_p, lowering, platform='cpu')
