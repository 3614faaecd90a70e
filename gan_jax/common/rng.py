"""Random keys: one stream per purpose, one key per example."""

import zlib

import chex
import jax
import jax.numpy as jnp


def key_for(seed: int, purpose: str) -> chex.PRNGKey:
  """Returns the key for one purpose of a run, independent of the keys for other purposes.

  Args:
    seed: from 0 to 2**32 - 1; a larger seed would give the keys of another one.
    purpose: any text.
  """
  return jax.random.fold_in(jax.random.key(seed, impl='threefry2x32'), zlib.crc32(purpose.encode()))


def seed_for(seed: int, purpose: str) -> int:
  """Returns another seed, whose random numbers are independent of those of the seed itself.

  Args:
    seed: from 0 to 2**32 - 1, like the result.
    purpose: any text.
  """
  return int(jax.random.bits(key_for(seed, purpose), dtype=jnp.uint32))


def sample_keys(seed: int, first: int, num: int) -> chex.PRNGKey:
  """Returns the keys [num] of the samples `first` to first + num - 1 of a seed."""
  return example_keys(key_for(seed, 'samples'), jnp.arange(first, first + num))


def example_keys(key: chex.PRNGKey, rows: jax.Array) -> chex.PRNGKey:
  """Returns keys [N] from one key and the row indices [N] of the examples in the global batch."""
  return jax.vmap(jax.random.fold_in, (None, 0))(key, rows)


def split(keys: chex.PRNGKey, num: int = 2) -> tuple[chex.PRNGKey, ...]:
  """Returns `num` arrays of keys [N] from keys [N]: `a, b = split(keys)` gives each example two keys.

  The keys equal those of `jax.random.split`. Each array is computed separately, so a program does not
  compute unused keys.
  """
  return tuple(jax.vmap(jax.random.fold_in, (0, None))(keys, number) for number in range(num))
