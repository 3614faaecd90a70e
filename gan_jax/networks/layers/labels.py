"""Labels as inputs of networks."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gan_jax.common.errors import ConfigError


def one_hot(label: jax.Array, classes: int) -> jax.Array:
  """Returns the weights of the classes, float32 [N, classes].

  The embedding of a label is `one_hot(label, classes) @ table`. It is thus linear in the weights, and
  weights between two classes give embeddings between those of the classes.

  Args:
    label: int32 [N] from 0 to classes - 1, or weights of the classes, float32 [N, classes].
    classes: number of classes.

  Raises:
    ValueError: labels of another shape or type.
  """
  if label.ndim == 1 and jnp.issubdtype(label.dtype, jnp.integer):
    return jax.nn.one_hot(label, classes, dtype=jnp.float32)
  if label.ndim != 2 or label.shape[1] != classes or not jnp.issubdtype(label.dtype, jnp.floating):
    raise ValueError(
      f'labels of type {label.dtype} and shape {label.shape} (whole numbers [N], or weights '
      f'[N, {classes}]); change the labels, or the number of classes'
    )
  return label.astype(jnp.float32)


def split(inputs: Any, name: str, classes: int) -> tuple[jax.Array, jax.Array | None]:
  """Splits the inputs of a network into an array and the weights of the classes.

  Args:
    inputs: an array [B, ...] if `classes` is 0, or else {name: the array, 'label': its labels}.
    name: of the array.
    classes: number of classes; 0 for a network without labels.

  Returns:
    The array, and the weights [B, classes] in its floating-point type, or None without labels.

  Raises:
    ConfigError: the inputs have labels and the network does not, or the reverse.
  """
  has_labels = isinstance(inputs, Mapping)
  if has_labels != bool(classes):
    fault = 'the game gives labels' if has_labels else 'the game gives no labels'
    allowed = 'the number of classes' if has_labels else '0'
    raise ConfigError(f'classes={classes}: {fault} ({allowed}); change classes, or choose another game')
  if not has_labels:
    return inputs, None
  array = inputs[name]
  return array, one_hot(inputs['label'], classes).astype(array.dtype)
