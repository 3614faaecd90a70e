import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.networks.layers import labels


def test_one_hot_of_whole_numbers_marks_their_classes():
  weights = labels.one_hot(jnp.array([2, 0], jnp.int32), 3)
  np.testing.assert_array_equal(weights, [[0, 0, 1], [1, 0, 0]])
  assert weights.dtype == jnp.float32


def test_one_hot_of_weights_interpolates_embeddings():
  table = jnp.array([[1.0, 10.0], [2.0, 20.0], [5.0, -1.0]])
  # Three quarters of class 0 and one quarter of class 2: 0.75 + 1.25 = 2 and 7.5 - 0.25 = 7.25.
  weights = labels.one_hot(jnp.array([[0.75, 0.0, 0.25]]), 3)
  np.testing.assert_allclose(weights @ table, [[2.0, 7.25]])


@pytest.mark.parametrize(
  'label', [jnp.zeros((2, 4)), jnp.zeros(2), jnp.zeros((2, 3), jnp.int32), jnp.zeros((2, 3, 1))]
)
def test_one_hot_of_other_shapes_and_types_is_rejected(label):
  with pytest.raises(
    ValueError, match=r'labels of type .* \(whole numbers \[N\], or weights \[N, 3\]\)'
  ):
    labels.one_hot(label, 3)


def test_split_returns_weights_in_the_type_of_the_array():
  inputs = {'latents': jnp.ones((2, 5), jnp.bfloat16), 'label': jnp.array([1, 0])}
  latents, weights = labels.split(inputs, 'latents', 2)
  assert latents.shape == (2, 5)
  assert weights.dtype == jnp.bfloat16
  np.testing.assert_array_equal(weights, [[0, 1], [1, 0]])


def test_split_without_classes_returns_the_array():
  array = jnp.ones((2, 5))
  assert labels.split(array, 'latents', 0) == (array, None)


def test_split_of_inputs_that_do_not_match_the_classes_is_rejected():
  array = jnp.ones((2, 5))
  with pytest.raises(ConfigError, match=r'classes=3: the game gives no labels \(0\); change classes'):
    labels.split(array, 'latents', 3)
  with pytest.raises(ConfigError, match=r'classes=0: the game gives labels \(the number of classes\)'):
    labels.split({'latents': array, 'label': jnp.zeros(2, jnp.int32)}, 'latents', 0)
