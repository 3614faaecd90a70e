"""A network whose activations are not kept for the backward pass, but computed again in it."""

from typing import Any

import chex
import jax

from gan_jax.wrapped import Run, Variables, Wrapped


class Rematerialized(Wrapped):
  """What is kept of a call is its inputs: less memory, for about one more forward pass.

  Chen et al. 2016, arXiv:1604.06174.
  """

  def call(
    self, run: Run, variables: Variables, inputs: jax.Array, key: chex.PRNGKey | None
  ) -> tuple[Any, Variables]:
    """The same, with a checkpoint around it."""
    return jax.checkpoint(run)(variables, inputs, key)
