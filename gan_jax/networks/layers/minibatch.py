"""Layers that compare the examples of a batch, on any number of devices.

The output for an example depends on the other examples of the batch, also outside training. A
discriminator with such a layer needs real and fake examples in separate batches.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from gan_jax.common.errors import ConfigError

_EPSILON = 1e-8
"""Added to variances, as in the authors' code."""


def gather(x: jax.Array, axis_name: str | None) -> jax.Array:
  """Returns the examples of all devices, in order; gradients flow to the examples of each device.

  Args:
    x: examples of this device [b, ...].
    axis_name: the device axis; None for the examples of this device alone.

  Returns:
    [B, ...].
  """
  # With one device, XLA:CPU would let the device wait for itself.
  if axis_name is None or lax.axis_size(axis_name) == 1:
    return x
  return lax.all_gather(x, axis_name, tiled=True)


def own_rows(x: jax.Array, count: int, axis_name: str | None) -> jax.Array:
  """Returns the rows of this device's examples, the inverse of `gather`.

  Args:
    x: of the examples of all devices [B, ...].
    count: b, the number of examples of this device.
    axis_name: as in `gather`.

  Returns:
    [b, ...].
  """
  if len(x) == count:
    return x
  assert axis_name is not None
  return lax.dynamic_slice_in_dim(x, lax.axis_index(axis_name) * count, count)


def group_std(x: jax.Array, group: int) -> jax.Array:
  """Returns the standard deviation within the group of each example, averaged over all other axes.

  Args:
    x: [N, ...].
    group: number of consecutive examples in a group; the last group has the remaining ones.

  Returns:
    [N], equal within a group.

  Source: Karras et al. 2018 (arXiv:1710.10196), section 3.
  """
  even = len(x) - len(x) % group
  groups = [x[:even].reshape(-1, group, *x.shape[1:]), x[None, even:]]
  return jnp.concatenate([_std(some) for some in groups if some.shape[0] * some.shape[1]])


def _std(groups: jax.Array) -> jax.Array:
  """Returns the values of `group_std`, [groups * n], for groups [groups, n, ...]."""
  precise = groups.astype(jnp.promote_types(groups.dtype, jnp.float32))
  std = jnp.sqrt(precise.var(axis=1) + _EPSILON)
  return std.reshape(len(groups), -1).mean(axis=1).repeat(groups.shape[1])


class MinibatchStd(nn.Module):
  """Adds one channel to examples, [B, ..., C] -> [B, ..., C + 1]: the variation within their group.

  The channel is constant for an example, see `group_std`. A generator of few modes has a low value.
  Groups are consecutive examples of the global batch, so they do not depend on the number of devices.

  Outside training, the groups are those of the given examples. A value thus depends on the other
  examples and on their order, and the last group may be smaller.

  Attributes:
    group: number of examples in a group, which divides the batch in training. 4 in StyleGAN; None for
      the whole batch, as in the paper.
    axis_name: the device axis over which examples are compared; None for each device's own.

  Raises:
    ConfigError: the group does not divide the batch in training.

  Sources: Karras et al. 2018 (arXiv:1710.10196), section 3; groups are those of the code of StyleGAN
    (Karras et al. 2019, arXiv:1812.04948), which takes every n-th example.
  """

  group: int | None = 4
  axis_name: str | None = None

  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    """Appends the channel to examples of this device."""
    is_training = train and not self.is_initializing()
    std = self._training_std(x) if is_training else group_std(x, self.group or len(x))
    planes = std.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1))
    return jnp.concatenate([x, jnp.broadcast_to(planes, (*x.shape[:-1], 1))], axis=-1)

  def _training_std(self, x: jax.Array) -> jax.Array:
    if self.group and len(x) % self.group == 0:
      return group_std(x, self.group)
    batch = gather(x, self.axis_name)
    if self.group and len(batch) % self.group:
      raise ConfigError(
        f'group={self.group}: the minibatch standard deviation compares groups of the batch, which has '
        f'{len(batch)} examples (a multiple of group); change batch_size, or the size of the groups'
      )
    return own_rows(group_std(batch, self.group or len(batch)), len(x), self.axis_name)
