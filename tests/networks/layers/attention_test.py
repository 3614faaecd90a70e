import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.networks.layers.attention import SelfAttention

KEY = jax.random.key(0)


def test_attention_at_the_start_is_the_identity():
  x = jax.random.normal(KEY, (2, 4, 6, 16))
  y, variables = SelfAttention().init_with_output(KEY, x, train=True)
  np.testing.assert_array_equal(y, x)
  shapes = {
    name: kernel['kernel'].shape for name, kernel in variables['params'].items() if name != 'gamma'
  }
  assert shapes == {'query': (16, 2), 'key': (16, 2), 'value': (16, 8), 'output': (8, 16)}
  gradient = jax.grad(lambda p: SelfAttention().apply({'params': p}, x, train=True)[0, 0, 0, 0])
  assert float(gradient(variables['params'])['gamma']) != 0


def test_attention_of_one_channel_matches_a_calculation_by_hand():
  # A 2 x 4 image: two squares of pixels, so two keys and two values.
  x = jnp.array([[0.0, 1.0, 2.0, 0.0], [1.0, 3.0, 0.0, 1.0]])[None, :, :, None]
  params = {
    name: {'kernel': jnp.full((1, 1), value)}
    for name, value in {'query': 2.0, 'key': 1.0, 'value': -1.0, 'output': 5.0}.items()
  }
  y = SelfAttention().apply({'params': params | {'gamma': jnp.array(0.5)}}, x, train=False)
  # Keys are the maxima 3 and 2, values the maxima of -x: 0 and 0, so nothing is added.
  np.testing.assert_allclose(y, x)
  params['value'] = {'kernel': jnp.ones((1, 1))}
  y = SelfAttention().apply({'params': params | {'gamma': jnp.array(0.5)}}, x, train=False)
  # The pixel x has query 2 x, logits 6 x and 4 x, so weight p = 1 / (1 + exp(-2 x)) of the value 3.
  p = 1 / (1 + np.exp(-2 * np.asarray(x)))
  np.testing.assert_allclose(y, x + 0.5 * 5 * (3 * p + 2 * (1 - p)), rtol=1e-6)


def test_attention_with_spectral_norm_ignores_the_scale_of_its_maps():
  x = jax.random.normal(KEY, (2, 4, 4, 8))
  layer = SelfAttention(spectral=True)
  variables = layer.init(KEY, x, train=True)
  params = variables['params'] | {'gamma': jnp.array(1.0)}
  state = {'batch_stats': variables['batch_stats']}
  tenfold = jax.tree.map(lambda a: 10 * a, params) | {'gamma': params['gamma']}
  outputs = [layer.apply({'params': p, **state}, x, train=False) for p in (params, tenfold)]
  assert float(jnp.abs(outputs[0] - x).max()) > 1e-3
  np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-5, atol=1e-6)
