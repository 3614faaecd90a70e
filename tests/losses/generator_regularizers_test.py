"""Path lengths and their penalty by hand, on generators whose Jacobians are known."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from gan_jax.common import lookup
from gan_jax.common.errors import ConfigError
from gan_jax.losses import generator_regularizers, penalties

COUNT = 3
KEYS = jax.random.split(jax.random.key(5), COUNT)
MATRIX = np.array([[1.0, -2.0, 0.5, 3.0], [0.0, 4.0, -1.0, 2.0]])


@pytest.fixture(autouse=True)
def precise():
  with jax.enable_x64(True):
    yield


def directions(*shape):
  """The random images y, before their division."""
  return np.stack([jax.random.normal(key, shape, jnp.float32) for key in KEYS]).astype(float)


def latents(*shape):
  return jnp.asarray(np.random.default_rng(0).normal(size=(COUNT, *shape)))


def linear(z):
  """z A, for which J^T y is A y at every z."""
  return z @ MATRIX


def test_path_lengths_of_a_linear_generator_match_the_closed_form():
  found = jax.jit(lambda z: penalties.path_lengths(linear, z, KEYS))(latents(2))
  expected = [np.linalg.norm(MATRIX @ y) for y in directions(4)]
  chex.assert_shape(found, (COUNT,))
  np.testing.assert_allclose(found, expected, rtol=1e-9)
  assert len(set(found.tolist())) == COUNT


def test_path_lengths_of_images_are_divided_by_the_root_of_the_pixels():
  # All 2 x 3 pixels of both channels are the latent, so J^T y is the sum of y over sqrt(6).
  generate = lambda z: jnp.broadcast_to(z[:, :, None, None], (COUNT, 2, 3, 2))
  found = penalties.path_lengths(generate, latents(1), KEYS)
  expected = abs(directions(2, 3, 2).sum(axis=(1, 2, 3))) / np.sqrt(6)
  np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_path_lengths_of_several_layers_average_their_squares():
  # The layers have the Jacobians A and 2 A: the mean of |A y|^2 and 4 |A y|^2 is 2.5 |A y|^2.
  generate = lambda z: linear(z[:, 0]) + 2 * linear(z[:, 1])
  found = penalties.path_lengths(generate, latents(2, 2), KEYS)
  expected = [np.sqrt(2.5) * np.linalg.norm(MATRIX @ y) for y in directions(4)]
  np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_path_length_of_an_example_does_not_depend_on_the_others():
  generate, z = lambda z: jnp.tanh(z @ MATRIX), latents(2)
  together = penalties.path_lengths(generate, z, KEYS)
  alone = [penalties.path_lengths(generate, z[i : i + 1], KEYS[i : i + 1])[0] for i in range(COUNT)]
  np.testing.assert_allclose(together, alone, rtol=1e-9)


def test_path_lengths_of_a_constant_generator_have_a_gradient_of_zero():
  length = lambda matrix: penalties.path_lengths(lambda z: z @ matrix, latents(2), KEYS).sum()
  value, gradient = jax.value_and_grad(length)(jnp.zeros((2, 4)))
  assert value == 0
  np.testing.assert_array_equal(gradient, np.zeros((2, 4)))


def test_generator_that_merges_examples_is_rejected():
  with pytest.raises(AssertionError):
    penalties.path_lengths(lambda z: z.mean(axis=0, keepdims=True), latents(2), KEYS)


def inputs(generate, memory):
  return generator_regularizers.GeneratorPenaltyInputs(generate, latents(2), KEYS, lambda x: x, memory)


def make(**arguments):
  return lookup.make(generator_regularizers, {'name': 'path_length', **arguments})


def test_gradient_of_the_path_length_penalty_matches_finite_differences():
  flat, unflat = ravel_pytree({'first': jnp.asarray(MATRIX) / 4, 'last': jnp.ones((4, 4)) / 8})

  def penalty(flat):
    params = unflat(flat)
    generate = lambda z: jnp.tanh(z @ params['first']) @ params['last']
    values, _ = make().penalty(inputs(generate, {'mean_path_length': jnp.float64(0.3)}))
    return values.mean()

  assert float(jnp.abs(jax.grad(penalty)(flat)).min()) > 1e-4
  chex.assert_numerical_grads(penalty, (flat,), order=1, rtol=1e-5, atol=1e-6, modes=['rev'])


def test_path_length_memory_matches_hand_computation():
  regularizer = make(decay=0.75)
  memory = regularizer.init_memory()
  assert memory == {'mean_path_length': 0}
  for length in (4.0, 2.0):
    metrics = {'mean_path_length': jnp.float32(length), 'path_length': 9.0, 'step': 0}
    memory = regularizer.update_memory(memory, metrics)
  # 0.25 * 4 = 1, then 0.75 * 1 + 0.25 * 2 = 1.25.
  assert memory == {'mean_path_length': 1.25}
  values, measured = regularizer.penalty(inputs(linear, memory))
  lengths = np.array([np.linalg.norm(MATRIX @ y) for y in directions(4)])
  np.testing.assert_allclose(measured['mean_path_length'], lengths, rtol=1e-6)
  np.testing.assert_allclose(values, (lengths - 1.25) ** 2, rtol=1e-6)


def test_default_decay_of_the_path_length_is_that_of_the_paper():
  memory = make().update_memory({'mean_path_length': 2.0}, {'mean_path_length': 3.0})
  assert memory['mean_path_length'] == pytest.approx(2.01)


@pytest.mark.parametrize('decay', [-0.1, 1.0, 1.5])
def test_decay_out_of_range_is_rejected(decay):
  with pytest.raises(ConfigError, match=f'decay={decay}: out of range .at least 0, below 1.'):
    make(decay=decay)
