"""Digests of arrays and of trees of them."""

import numpy as np

from gan_jax.common import hashing


def test_digest_depends_on_dtype_shape_and_content():
  a = np.zeros((2, 3), np.float32)
  digests = {hashing.of_array(x) for x in (a, a.T, a.astype(np.int32), a + 1, a - 0.0)}
  assert len(digests) == 4


def test_digest_of_a_tree_depends_on_arrays_and_paths():
  a, b = np.arange(3.0), np.arange(4)
  trees = ({'x': a, 'y': b}, {'x': b, 'y': a}, {'x': a}, {'x': {'y': a}}, {'x': [a], 'y': b})
  assert len({hashing.of_tree(tree) for tree in trees}) == 5
  assert hashing.of_tree({'y': b.copy(), 'x': a.copy()}) == hashing.of_tree(trees[0])
