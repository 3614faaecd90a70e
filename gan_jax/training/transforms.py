"""Optax transformations that GANs need and optax lacks.

A config names them, and optax's own, at a player: under `gradient_transforms`, on gradients before the
optimizer, under `update_transforms`, on its updates, or under `weight_constraints`, last of all.
"""

import math

import chex
import jax
import jax.numpy as jnp
import optax

from gan_jax.common import numerics
from gan_jax.losses import penalties


def _params_needed(params: chex.ArrayTree | None) -> chex.ArrayTree:
  if params is None:
    raise ValueError('this transformation needs the parameters: update(gradients, state, params)')
  return params


def _stateless(change) -> optax.GradientTransformation:
  """A transformation (updates, params) -> updates, without state."""

  def update(updates, state, params=None):
    return change(updates, _params_needed(params)), state

  return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def clip_weights(limit: float) -> optax.GradientTransformation:
  """Keeps every parameter in [-limit, limit], up to rounding: WGAN's constraint.

  The change is clip(parameter + change) - parameter, which optax adds to the parameter. Rounding in
  that sum can leave a parameter one unit in its last place beyond the limit.

  Args:
    limit: positive and finite.

  Raises:
    ValueError: the limit is not positive and finite.

  Source: Arjovsky et al. 2017 (arXiv:1701.07875), algorithm 1, line 7.
  """
  if not numerics.is_positive(limit):
    raise ValueError(f'limit is {limit}; it must be positive')

  def change(updates, params):
    clipped = lambda u, p: jnp.clip(p + u, -limit, limit) - p
    return jax.tree.map(clipped, updates, params)

  return _stateless(change)


def max_norm(limit: float) -> optax.GradientTransformation:
  """Scales the weights into each unit down to a norm of at most `limit`, a constraint.

  It acts on kernels (arrays of two or more axes, the last that of the units), not on biases.

  Args:
    limit: positive and finite.

  Raises:
    ValueError: the limit is not positive and finite.

  Source: Srivastava et al. 2014 (JMLR 15), section 5.1; the first GAN's discriminator had it.
  """
  if not numerics.is_positive(limit):
    raise ValueError(f'limit is {limit}; it must be positive')

  def one(update, param):
    if param.ndim < 2:
      return update
    moved = param + update
    norms = numerics.length(moved.reshape(-1, moved.shape[-1]), axis=0)
    return moved * (limit / jnp.maximum(norms, limit)) - param

  return _stateless(lambda updates, params: jax.tree.map(one, updates, params))


def add_orthogonal_gradient(weight: float) -> optax.GradientTransformation:
  """Adds the gradient of weight * `penalties.off_orthogonality` of each kernel. Comes before.

  It acts on kernels (arrays of two or more axes), not on biases.

  Args:
    weight: beta, at least 0 and finite; 1e-4 in the paper.

  Raises:
    ValueError: the weight is negative or not finite.

  Source: Brock et al. 2019 (arXiv:1809.11096), equation 3.
  """
  if not numerics.is_within(weight):
    raise ValueError(f'weight is {weight}; it must be at least 0')
  slope = jax.grad(penalties.off_orthogonality)

  def change(updates, params):
    add = lambda u, p: u + weight * slope(p) if p.ndim > 1 else u
    return jax.tree.map(add, updates, params)

  return _stateless(change)


def linear_decay(begin: int, end: int) -> optax.GradientTransformation:
  """Scales changes by 1 up to the update `begin`, then down in a line to 0 at `end`. Comes after.

  Args:
    begin: a number of updates of the player, at least 0.
    end: another, larger and finite.

  Raises:
    ValueError: the end is not after the beginning, or infinite.
  """
  if not 0 <= begin < end < math.inf:
    raise ValueError(f'begin is {begin} and end {end}; the end must come after the beginning')
  return optax.scale_by_schedule(optax.linear_schedule(1.0, 0.0, end - begin, begin))


FACTORIES = (
  add_orthogonal_gradient,
  clip_weights,
  linear_decay,
  max_norm,
)
"""The transformations that a config can name."""
