"""Optax transformations that GANs need and optax lacks.

A config lists them, and those of optax, at a player. `gradient_transforms` act on gradients before the
optimizer, `update_transforms` on its updates, and `weight_constraints` last.
"""

import math
from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
import optax

from gan_jax.common import numerics
from gan_jax.losses import penalties


def _params_needed(params: chex.ArrayTree | None) -> chex.ArrayTree:
  if params is None:
    raise ValueError(
      'params=None: this transformation needs them; call update(gradients, state, params)'
    )
  return params


def _stateless(
  transform: Callable[[chex.ArrayTree, chex.ArrayTree], chex.ArrayTree],
) -> optax.GradientTransformation:
  """Returns the transformation (updates, params) -> updates, without state."""

  def update(updates, state, params=None):
    return transform(updates, _params_needed(params)), state

  return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def clip_weights(limit: float) -> optax.GradientTransformation:
  """Keeps every parameter in [-limit, limit], up to rounding: the constraint of WGAN.

  In a chain, this should be the last transformation. The update becomes clip(parameter + update) -
  parameter, which optax adds to the parameter. Rounding of that sum can leave a parameter one unit in
  the last place beyond the limit.

  Args:
    limit: positive and finite.

  Raises:
    ValueError: the limit is not positive and finite.

  Source: Arjovsky et al. 2017 (arXiv:1701.07875), algorithm 1, line 7.
  """
  if not numerics.is_positive(limit):
    raise ValueError(f'limit={limit!r}: out of range (a finite number above 0); change limit')

  def clip(updates, params):
    clipped = lambda u, p: jnp.clip(p + u, -limit, limit) - p
    return jax.tree.map(clipped, updates, params)

  return _stateless(clip)


def max_norm(limit: float) -> optax.GradientTransformation:
  """Limits the norm of the incoming weights of each unit to `limit`.

  In a chain, this should be the last transformation. It acts on kernels (arrays with two or more axes,
  of which the last is over units), not on biases.

  Args:
    limit: positive and finite.

  Raises:
    ValueError: the limit is not positive and finite.

  Source: Srivastava et al. 2014 (JMLR 15), section 5.1; the discriminator of the first GAN used it.
  """
  if not numerics.is_positive(limit):
    raise ValueError(f'limit={limit!r}: out of range (a finite number above 0); change limit')

  def constrain(update, param):
    if param.ndim < 2:
      return update
    moved = param + update
    norms = numerics.length(moved.reshape(-1, moved.shape[-1]), axis=0)
    return moved * (limit / jnp.maximum(norms, limit)) - param

  return _stateless(lambda updates, params: jax.tree.map(constrain, updates, params))


def add_orthogonal_gradient(weight: float) -> optax.GradientTransformation:
  """Adds the gradient of weight * `penalties.off_orthogonality` of each kernel.

  It belongs to `gradient_transforms`, before the optimizer. It acts on kernels (arrays with two or more
  axes), not on biases.

  Args:
    weight: beta, at least 0 and finite; 1e-4 in the paper.

  Raises:
    ValueError: the weight is negative or not finite.

  Source: Brock et al. 2019 (arXiv:1809.11096), equation 3.
  """
  if not numerics.is_within(weight):
    raise ValueError(f'weight={weight!r}: out of range (a finite number of at least 0); change weight')
  gradient = jax.grad(penalties.off_orthogonality)

  def add_gradient(updates, params):
    add = lambda u, p: u + weight * gradient(p) if p.ndim > 1 else u
    return jax.tree.map(add, updates, params)

  return _stateless(add_gradient)


def linear_decay(begin: int, end: int) -> optax.GradientTransformation:
  """Scales updates by a factor that decreases linearly from 1 at `begin` to 0 at `end`.

  It belongs to `update_transforms`, after the optimizer. The factor is 1 before `begin`.

  Args:
    begin: a number of updates of the player, at least 0.
    end: a larger number of updates, finite.

  Raises:
    ValueError: `end` is not larger than `begin`, or is infinite; or `begin` is negative.
  """
  if not 0 <= begin < end < math.inf:
    raise ValueError(
      f'end={end!r}: out of range (finite, above begin={begin!r} >= 0); change one of them'
    )
  return optax.scale_by_schedule(optax.linear_schedule(1.0, 0.0, end - begin, begin))


FACTORIES = (
  add_orthogonal_gradient,
  clip_weights,
  linear_decay,
  max_norm,
)
"""The transformations that a config can name."""
