"""The hash behind JAX's random numbers, written out for CPU.

There JAX makes its 20 rounds a loop, of which XLA runs each round by itself; written out they are one
pass. The numbers are the same, and a program with many draws also compiles faster.
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
  """Threefry-2x32 of 20 rounds, elementwise.

  Args:
    key0: uint32, the first word of the key.
    key1: uint32, the second.
    x0: uint32, the first word of the counter.
    x1: uint32, the second; all of shapes that go together.

  Returns:
    The two words of the hash, uint32 of the common shape.

  Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 4.2; the
    constants are those of the authors' Random123.
  """
  keys = (key0, key1, key0 ^ key1 ^ _PARITY)
  x0, x1 = x0 + keys[0], x1 + keys[1]
  for group in range(_GROUPS):
    for places in _ROTATIONS[group % 2]:
      x0 = x0 + x1
      x1 = x0 ^ (x1 << places | x1 >> 32 - places)
    x0 = x0 + keys[(group + 1) % 3]
    x1 = x1 + keys[(group + 2) % 3] + np.uint32(group + 1)
  return x0, x1


def write_out() -> None:
  """From here on, what is compiled for CPU has the hash written out."""
  lowering = mlir.lower_fun(hashed, multiple_results=True)
  mlir.register_lowering(threefry2x32_p, lowering, platform='cpu')
