"""A shuffled order in which each index is looked up alone: no permutation is stored.

A Feistel network permutes the range up to the next power of four, which may be larger than needed. A
result beyond the end is permuted again until it lies inside. This cycle walking yields a permutation
(Black & Rogaway 2002, "Ciphers with arbitrary finite domains").
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_ROUNDS = 8


def secrets(key: chex.PRNGKey) -> jax.Array:
  """Returns the round keys of a permutation, uint32 [8], from one typed key."""
  return jax.random.bits(key, (_ROUNDS,))


def shuffled(key: chex.PRNGKey, indices: jax.Array, total: int) -> jax.Array:
  """Maps indices by the permutation of 0 ... total - 1 that `key` selects.

  Args:
    key: one typed key.
    indices: int32, any shape, in [0, total).
    total: static, at most 2**30.

  Returns:
    int32 of the shape of `indices`, in [0, total).
  """
  permute = _permutation(secrets(key), total)
  beyond = lambda x: x >= total
  permute_again = lambda x: jnp.where(beyond(x), permute(x), x)
  start = permute(indices.astype(jnp.uint32))
  return lax.while_loop(lambda x: beyond(x).any(), permute_again, start).astype(jnp.int32)


def shuffled_on_host(round_keys: np.ndarray, indices: np.ndarray, total: int) -> np.ndarray:
  """Computes `shuffled` in NumPy, from the `secrets` of a key; `indices` has at least one axis."""
  permute = _permutation(round_keys, total)
  x = permute(indices.astype(np.uint32))
  while (beyond := x >= total).any():
    x[beyond] = permute(x[beyond])
  return x.astype(np.int32)


def _permutation(round_keys: np.ndarray | jax.Array, total: int):
  """Returns a permutation of uint32 below the next power of four, for arrays of either library."""
  half = -(-max(total - 1, 1).bit_length() // 2)
  mask = np.uint32(2**half - 1)

  def permute(x):
    left, right = x >> half, x & mask
    for round_key in round_keys:
      left, right = right, left ^ (_mix(right ^ round_key) & mask)
    return (left << half) | right

  return permute


def _mix(x):
  """Scrambles uint32: multiply and xor-shift, the finalizer of MurmurHash3."""
  x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
  x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
  return x ^ (x >> 16)
