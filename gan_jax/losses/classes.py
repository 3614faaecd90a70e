"""Losses of a network that predicts the class of an example."""

import chex
import jax
import jax.numpy as jnp


def class_cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
  """Returns -sum_k w_k log softmax(logits)_k for each example, in nats.

  Here w are the weights of the classes: 1 for the label, and 0 for the others. The loss is at least the
  entropy of the weights, which is 0 for a label.

  Args:
    logits: [B, K].
    labels: int32 [B], from 0 to K - 1; another label gives NaN. Or the weights of the classes, floats
      [B, K], at least 0 and with the sum 1.

  Returns:
    [B], in the dtype of the logits, or in float32 if that is more precise.

  Raises:
    AssertionError: other shapes.

  Source: Odena et al. 2017 (arXiv:1610.09585), equation 3, for labels.
  """
  chex.assert_rank(logits, 2)
  log_probs = jax.nn.log_softmax(logits.astype(jnp.promote_types(logits.dtype, jnp.float32)))
  if jnp.issubdtype(labels.dtype, jnp.integer):
    chex.assert_shape(labels, logits.shape[:1])
    return -_at(log_probs, labels)
  chex.assert_equal_shape([logits, labels])
  return -(labels.astype(log_probs.dtype) * log_probs).sum(axis=1)


def _at(rows: jax.Array, labels: jax.Array) -> jax.Array:
  """Returns rows[i, labels[i]] of [B, K]; NaN for a label that is not from 0 to K - 1."""
  # A negative index would count from the end.
  indices = jnp.where(labels < 0, rows.shape[1], labels)
  return jnp.take_along_axis(rows, indices[:, None], axis=1, mode='fill')[:, 0]
