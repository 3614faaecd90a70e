"""Labels as conditions: drawing them, and joining them to the inputs of networks that take none."""

import zlib

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax.common import validation
from gan_jax.common.errors import ConfigError
from gan_jax.networks.layers.labels import one_hot


def check_classes(classes: int) -> None:
  """Raises ConfigError unless the number of classes is a whole number of at least 2."""
  validation.check_size('classes', classes, least=2)


def check_given(label: jax.Array | None, classes: int) -> None:
  """Raises ConfigError if a network that takes labels gets none."""
  if label is None:
    raise ConfigError(
      f'condition=None: this game generates from latents and labels (labels [N], or weights [N, '
      f'{classes}]); pass a condition'
    )


def draw(key: chex.PRNGKey, classes: int) -> jax.Array:
  """Returns labels [N], int32 uniform on 0 ... classes - 1, from keys [N] that serve other uses too."""
  label_key = jax.vmap(lambda k: jax.random.fold_in(k, zlib.crc32(b'label')))(key)
  return jax.vmap(lambda k: jax.random.randint(k, (), 0, classes, jnp.int32))(label_key)


class Concatenated(nn.Module):
  """A network whose inputs are joined with one-hot labels along the last axis.

  Latents [B, L] become [B, L + classes]. Images get one constant channel for each class.

  Attributes:
    module: the network of the joined arrays.
    classes: number of labels.
  """

  module: nn.Module
  classes: int

  def __call__(
    self, inputs: dict[str, jax.Array], *, train: bool, key: chex.PRNGKey | None = None
  ) -> jax.Array:
    """Applies the network to {'label': ..., and one other array [B, ..., C]}."""
    (values,) = (value for name, value in inputs.items() if name != 'label')
    weights = one_hot(inputs['label'], self.classes).astype(values.dtype)
    weights = weights.reshape(values.shape[0], *[1] * (values.ndim - 2), self.classes)
    planes = jnp.broadcast_to(weights, (*values.shape[:-1], self.classes))
    return self.module(jnp.concatenate([values, planes], axis=-1), train=train, key=key)
