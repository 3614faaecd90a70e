"""Questions about a function that its trace answers, without computing anything."""

from collections.abc import Callable
from typing import Any

import jax

from gan_jax.common.types import PyTree


def used_inputs(function: Callable[..., PyTree], *inputs: PyTree) -> list[tuple[Any, ...]]:
  """Returns the paths of the arrays in `inputs` on which the outputs of a function may depend.

  Args:
    function: of the inputs.
    *inputs: trees of arrays, or of their shapes and types.

  Returns:
    Paths of JAX, in the order of the arrays. The first key is the position of an input.
  """
  jaxpr = jax.make_jaxpr(function)(*inputs).jaxpr
  used = {id(variable) for equation in jaxpr.eqns for variable in equation.invars}
  used |= {id(variable) for variable in jaxpr.outvars}
  paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(inputs)]
  return [path for path, variable in zip(paths, jaxpr.invars, strict=True) if id(variable) in used]
