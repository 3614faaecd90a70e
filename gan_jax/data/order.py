"""A shuffled order in which any place can be looked up alone, with no permutation in memory."""

import chex
import jax
import jax.numpy as jnp
from jax import lax

_ROUNDS = 8


def _mix(x: chex.Array) -> chex.Array:
  """Scrambles uint32: multiply and xor-shift, the finaliser of MurmurHash3."""
  x = (x ^ (x >> 16)) * jnp.uint32(0x85EBCA6B)
  x = (x ^ (x >> 13)) * jnp.uint32(0xC2B2AE35)
  return x ^ (x >> 16)


def shuffled(key: chex.PRNGKey, place: chex.Array, total: int) -> chex.Array:
  """Where a permutation of 0 ... total - 1, chosen by `key`, sends `place`.

  A Feistel network on the next power of four permutes a range that may be larger; what lands beyond
  the end is sent on until it lands inside (Black & Rogaway 2002, "Ciphers with arbitrary finite
  domains"), which keeps it a permutation.

  Args:
    key: one typed key.
    place: int32, any shape, in [0, total).
    total: static, at most 2**30.

  Returns:
    int32 of the shape of `place`, in [0, total).
  """
  half = -(-max(total - 1, 1).bit_length() // 2)
  mask = jnp.uint32(2**half - 1)
  secrets = jax.random.bits(key, (_ROUNDS,))

  def scramble(x: chex.Array) -> chex.Array:
    left, right = x >> half, x & mask
    for secret in secrets:
      left, right = right, left ^ (_mix(right ^ secret) & mask)
    return (left << half) | right

  def outside(x: chex.Array) -> chex.Array:
    return x >= total

  def send_on(x: chex.Array) -> chex.Array:
    return jnp.where(outside(x), scramble(x), x)

  start = scramble(place.astype(jnp.uint32))
  return lax.while_loop(lambda x: outside(x).any(), send_on, start).astype(jnp.int32)
