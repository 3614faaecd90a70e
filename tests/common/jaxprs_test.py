"""Which inputs the outputs of a function depend on."""

import jax.numpy as jnp
import numpy as np

from gan_jax.common import jaxprs


def test_used_inputs_are_those_of_operations_and_of_outputs():
  batch = dict.fromkeys('abcd', jnp.zeros((2, 3)))

  def function(x, batch):
    return {'sum': batch['b'] + x, 'same': batch['d'], 'shape': jnp.zeros(batch['a'].shape)}

  paths = jaxprs.used_inputs(function, np.float32(1), batch)
  assert [tuple(getattr(key, 'key', None) for key in path) for path in paths] == [
    (None,),
    (None, 'b'),
    (None, 'd'),
  ]
