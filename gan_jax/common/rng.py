"""Random keys: one stream per purpose, one key per example."""

import zlib

import chex
import jax
import jax.numpy as jnp


def key_for(seed: int, purpose: str) -> chex.PRNGKey:
  """One key for one purpose of a run, unrelated to those for others.

  Args:
    seed: from 0 to 2**32 - 1; a larger one would be another run's.
    purpose: any text.
  """
  return jax.random.fold_in(jax.random.key(seed, impl='threefry2x32'), zlib.crc32(purpose.encode()))


def sample_keys(seed: int, first: int, num: int) -> chex.PRNGKey:
  """[num] keys of the samples number `first` and on of a seed."""
  return example_keys(key_for(seed, 'samples'), jnp.arange(first, first + num))


def example_keys(key: chex.PRNGKey, rows: jax.Array) -> chex.PRNGKey:
  """[N] keys from one key and the places [N] of the examples in the global batch."""
  return jax.vmap(jax.random.fold_in, (None, 0))(key, rows)


def split(keys: chex.PRNGKey, num: int = 2) -> tuple[chex.PRNGKey, ...]:
  """`num` times [N] keys from [N] keys: `a, b = split(keys)` gives two keys to each example.

  They are those of `jax.random.split`, made one by one, so that a program makes none that nobody uses.
  """
  return tuple(jax.vmap(jax.random.fold_in, (0, None))(keys, number) for number in range(num))
