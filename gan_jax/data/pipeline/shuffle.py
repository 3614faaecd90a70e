"""A shuffled order in which any place can be looked up alone, with no permutation in memory.

A Feistel network on the next power of four permutes a range that may be larger; what lands beyond the
end is sent on until it lands inside (Black & Rogaway 2002, "Ciphers with arbitrary finite domains"),
which keeps it a permutation.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_ROUNDS = 8


def secrets(key: chex.PRNGKey) -> jax.Array:
  """What an order is made from, uint32 [8], of one typed key."""
  return jax.random.bits(key, (_ROUNDS,))


def shuffled(key: chex.PRNGKey, place: jax.Array, total: int) -> jax.Array:
  """Where a permutation of 0 ... total - 1, chosen by `key`, sends `place`.

  Args:
    key: one typed key.
    place: int32, any shape, in [0, total).
    total: static, at most 2**30.

  Returns:
    int32 of the shape of `place`, in [0, total).
  """
  scramble = _scrambler(secrets(key), total)
  beyond = lambda x: x >= total
  send_on = lambda x: jnp.where(beyond(x), scramble(x), x)
  start = scramble(place.astype(jnp.uint32))
  return lax.while_loop(lambda x: beyond(x).any(), send_on, start).astype(jnp.int32)


def shuffled_on_host(secret: np.ndarray, place: np.ndarray, total: int) -> np.ndarray:
  """The same in NumPy, of the `secrets` of a key; `place` has at least one dimension."""
  scramble = _scrambler(secret, total)
  x = scramble(place.astype(np.uint32))
  while (beyond := x >= total).any():
    x[beyond] = scramble(x[beyond])
  return x.astype(np.int32)


def _scrambler(secret: np.ndarray | jax.Array, total: int):
  """A permutation of uint32 below the next power of four, for arrays of either library."""
  half = -(-max(total - 1, 1).bit_length() // 2)
  mask = np.uint32(2**half - 1)

  def scramble(x):
    left, right = x >> half, x & mask
    for one in secret:
      left, right = right, left ^ (_mix(right ^ one) & mask)
    return (left << half) | right

  return scramble


def _mix(x):
  """Scrambles uint32: multiply and xor-shift, the finaliser of MurmurHash3."""
  x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
  x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
  return x ^ (x >> 16)
