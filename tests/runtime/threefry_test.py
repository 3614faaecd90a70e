"""The hash of random numbers, against test vectors of its authors and against JAX."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.runtime import threefry

VECTORS = (
  # From kat_vectors of Random123: counter, key, hash.
  ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
  ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
  ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
)


@pytest.mark.parametrize('counter, key, expected', VECTORS)
def test_threefry_matches_published_vectors(counter, key, expected):
  words = jax.jit(threefry.hashed)(*jnp.array([*key, *counter], jnp.uint32))
  assert tuple(map(int, words)) == expected


DRAWS = """
import jax, jax.numpy as jnp, numpy as np
if {unrolled}:
  from gan_jax.runtime import threefry
  threefry.write_out()
def draw(key):
  keys = jax.vmap(lambda i: jax.random.split(jax.random.fold_in(key, i), 3))(jnp.arange(7))
  normal = jax.vmap(jax.vmap(lambda k: jax.random.normal(k, (5,))))(keys)
  return normal, jax.random.bits(key, (3, 3)), jax.random.uniform(key, (4,))
text = str(jax.jit(draw).lower(jax.random.key(3)).as_text())
print('while' in text, *[np.asarray(x).tobytes().hex() for x in jax.jit(draw)(jax.random.key(3))])
"""


def test_random_draws_are_bit_identical_to_jax():
  run = lambda unrolled: subprocess.run(
    [sys.executable, '-c', DRAWS.format(unrolled=unrolled)], check=True, capture_output=True, text=True
  ).stdout.split()
  (jax_has_loop, *expected), (has_loop, *draws) = run(False), run(True)
  assert draws == expected
  # JAX's hash has a loop, and the unrolled one does not. Otherwise both runs use the same hash.
  assert (jax_has_loop, has_loop) == ('True', 'False')


def test_threefry_under_grad_and_vmap_works():
  points = jax.vmap(lambda key: jax.grad(lambda x: x * jax.random.normal(key))(2.0))
  assert np.isfinite(points(jax.random.split(jax.random.key(0), 4))).all()
