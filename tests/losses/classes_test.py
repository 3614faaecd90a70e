"""Cross-entropy of class predictions: goldens, weights of classes, gradients, extremes."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses

# softmax([0, 0]) = (1/2, 1/2), softmax([ln 3, 0]) = (3/4, 1/4).
LOGITS = np.array([[0.0, 0.0], [np.log(3.0), 0.0], [np.log(3.0), 0.0]], np.float32)
LABELS = np.array([1, 0, 1], np.int32)
# -ln 1/2, -ln 3/4, -ln 1/4.
GOLDEN = np.log([2, 4 / 3, 4])


@pytest.mark.parametrize('compiled', [False, True])
def test_cross_entropy_of_labels_matches_hand_computation(compiled):
  loss = jax.jit(losses.class_cross_entropy) if compiled else losses.class_cross_entropy
  found = loss(jnp.array(LOGITS), jnp.array(LABELS))
  assert found.dtype == jnp.float32
  np.testing.assert_allclose(found, GOLDEN, rtol=1e-6)


@pytest.mark.parametrize('compiled', [False, True])
def test_cross_entropy_of_weights_is_the_weighted_mean_over_classes(compiled):
  loss = jax.jit(losses.class_cross_entropy) if compiled else losses.class_cross_entropy
  weights = jnp.array([[0.3, 0.7], [0.5, 0.5], [0.0, 1.0]])
  # (ln 4/3 + ln 4) / 2 in the second row.
  found = loss(jnp.array(LOGITS), weights)
  np.testing.assert_allclose(found, [np.log(2), np.log(16 / 3) / 2, np.log(4)], rtol=1e-6)


def test_cross_entropy_of_one_hot_weights_equals_that_of_labels():
  logits = jax.random.normal(jax.random.key(0), (7, 5)) * 3
  labels = jnp.array([0, 4, 2, 2, 1, 3, 0])
  found = losses.class_cross_entropy(logits, jax.nn.one_hot(labels, 5))
  np.testing.assert_allclose(found, losses.class_cross_entropy(logits, labels), rtol=1e-6)


def test_cross_entropy_is_least_at_the_weights_where_it_is_their_entropy():
  weights = jnp.array([[0.2, 0.3, 0.5]])
  loss = lambda logits: losses.class_cross_entropy(logits, weights)[0]
  best = jnp.log(weights)
  np.testing.assert_allclose(loss(best), -(weights * best).sum(), rtol=1e-6)
  np.testing.assert_allclose(jax.grad(loss)(best), 0, atol=1e-7)
  assert loss(best + jnp.array([[0.1, 0.0, 0.0]])) > loss(best)


def test_gradient_is_softmax_minus_the_weights():
  # d/dlogit -ln softmax_label = softmax - 1[label]: (1/2, 1/2) - (0, 1), and (3/4, 1/4) - (1, 0).
  slope = jax.grad(lambda x: losses.class_cross_entropy(x, jnp.array(LABELS[:2])).sum())
  found = slope(jnp.array(LOGITS[:2]))
  np.testing.assert_allclose(found, [[0.5, -0.5], [-0.25, 0.25]], rtol=1e-6)


@pytest.mark.parametrize('labels', [LABELS, np.array([[0.3, 0.7], [0.5, 0.5], [0.0, 1.0]])])
def test_gradients_match_finite_differences(labels):
  with jax.enable_x64(True):
    mean = lambda x: (jnp.arange(1.0, 4) * losses.class_cross_entropy(x, jnp.array(labels))).sum()
    logits = jnp.array([[0.3, -0.8], [1.1, 0.4], [-0.5, 0.9]])
    chex.assert_numerical_grads(mean, (logits,), order=1, atol=1e-7, rtol=1e-6, modes=['rev'])


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_extreme_logits_have_finite_losses_and_gradients(dtype):
  logits = jnp.array([[-1e38, 1e38], [1e38, -1e38], [0.0, 1e38]], dtype)
  for labels in (jnp.array(LABELS), jax.nn.one_hot(LABELS, 2)):
    values, slopes = jax.value_and_grad(
      lambda x, labels=labels: losses.class_cross_entropy(x, labels).astype(jnp.float32).mean()
    )(logits)
    chex.assert_tree_all_finite((values, slopes))
  # The right class has all of the probability in the first row.
  assert losses.class_cross_entropy(logits, jnp.array(LABELS))[0] == 0


def test_bfloat16_logits_give_the_losses_of_the_same_float32_numbers():
  logits = jnp.array(LOGITS, jnp.bfloat16)
  for labels in (jnp.array(LABELS), jax.nn.one_hot(LABELS, 2, dtype=jnp.bfloat16)):
    found = losses.class_cross_entropy(logits, labels)
    assert found.dtype == jnp.float32
    wanted = losses.class_cross_entropy(logits.astype(jnp.float32), labels)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize('compiled', [False, True])
def test_labels_out_of_range_give_nan(compiled):
  loss = jax.jit(losses.class_cross_entropy) if compiled else losses.class_cross_entropy
  found = loss(jnp.array(LOGITS), jnp.array([-1, 2, 0]))
  np.testing.assert_array_equal(np.isnan(found), [True, True, False])


@pytest.mark.parametrize(
  ('logits', 'labels'),
  [
    (np.zeros((3, 2)), np.zeros(2, np.int32)),
    (np.zeros((3, 2)), np.zeros((3, 1), np.int32)),
    (np.zeros((3, 2)), np.zeros((3, 3))),
    (np.zeros((3, 2)), np.zeros(3)),
    (np.zeros(3), np.zeros(3, np.int32)),
  ],
)
def test_other_shapes_are_rejected(logits, labels):
  with pytest.raises(AssertionError):
    losses.class_cross_entropy(jnp.array(logits), jnp.array(labels))
