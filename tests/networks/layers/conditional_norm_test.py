import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax.networks.layers.conditional_norm import ConditionalBatchNorm

KEY = jax.random.key(0)
X = jax.random.normal(KEY, (16, 2, 2, 3)) * 2 + 1
CLASSES = jax.nn.one_hot(jnp.arange(16) % 4, 4)


def batch_norm(x, gain, bias):
  norm = nn.BatchNorm(use_running_average=False, momentum=0.9)
  variables = norm.init(KEY, x)
  params = {'scale': jnp.asarray(gain), 'bias': jnp.asarray(bias)}
  return norm.apply({**variables, 'params': params}, x, mutable=['batch_stats'])


def apply(layer, variables, x, condition, train=True):
  return layer.apply(variables, x, condition, train=train, mutable=['batch_stats'])


def test_conditional_norm_without_a_condition_matches_batch_norm():
  layer = ConditionalBatchNorm()
  variables = layer.init(KEY, X, None, train=True)
  found, expected = apply(layer, variables, X, None), batch_norm(X, np.ones(3), np.zeros(3))
  np.testing.assert_array_equal(found[0], expected[0])


def test_conditional_norm_at_the_start_has_gain_1_and_bias_0():
  layer = ConditionalBatchNorm()
  y, variables = layer.init_with_output(KEY, X, CLASSES, train=True)
  shapes = {name: table['kernel'].shape for name, table in variables['params'].items()}
  assert shapes == {'gain': (4, 3), 'bias': (4, 3)}
  np.testing.assert_allclose(y, batch_norm(X, np.ones(3), np.zeros(3))[0], rtol=1e-6, atol=1e-6)


def test_conditional_norm_with_equal_rows_matches_batch_norm():
  gain, bias = np.array([0.5, 2.0, -1.0]), np.array([1.0, 0.0, 3.0])
  layer = ConditionalBatchNorm()
  variables = layer.init(KEY, X, CLASSES, train=True)
  tables = {'gain': gain - 1, 'bias': bias}
  params = {name: {'kernel': jnp.tile(row, (4, 1))} for name, row in tables.items()}
  found, state = apply(layer, {**variables, 'params': params}, X, CLASSES)
  expected, expected_state = batch_norm(X, gain, bias)
  np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
  for name in ('mean', 'var'):
    np.testing.assert_allclose(
      state['batch_stats']['BatchNorm_0'][name], expected_state['batch_stats'][name], rtol=1e-6
    )


def test_conditional_norm_selects_and_interpolates_rows():
  layer = ConditionalBatchNorm()
  variables = layer.init(KEY, X, CLASSES, train=True)
  params = {
    'gain': {'kernel': jnp.array([[0.0] * 3, [1.0, 2.0, 3.0]])},
    'bias': {'kernel': jnp.array([[4.0] * 3, [8.0] * 3])},
  }
  halfway = jnp.tile(jnp.array([[0.5, 0.5]]), (16, 1))
  y = apply(layer, {**variables, 'params': params}, X, halfway, train=False)[0]
  # The running statistics are 0 and 1 at the start, and epsilon is 1e-5.
  expected = X / np.sqrt(1 + 1e-5) * np.array([1.5, 2.0, 2.5]) + 6
  np.testing.assert_allclose(y, expected, rtol=1e-6)


@pytest.mark.parametrize('conditional', [False, True])
def test_conditional_norm_on_8_devices_matches_1_device(conditional):
  layer = ConditionalBatchNorm('devices', kernel_init=nn.initializers.normal(1.0))
  condition = CLASSES if conditional else None
  variables = layer.init(KEY, X, condition, train=True)

  def on(count):
    def one(x, condition):
      return apply(layer, variables, x, condition)

    shard = lambda a: a.reshape(count, len(a) // count, *a.shape[1:])
    inputs = (shard(X), None if condition is None else shard(condition))
    in_axes = (0, None if condition is None else 0)
    run = jax.pmap(one, 'devices', in_axes=in_axes, devices=jax.devices()[:count])
    y, state = run(*inputs)
    return y.reshape(X.shape), state['batch_stats']['BatchNorm_0']

  (one, one_state), (eight, eight_state) = on(1), on(8)
  np.testing.assert_allclose(eight, one, rtol=1e-5, atol=1e-6)
  for name in ('mean', 'var'):
    for replica in eight_state[name]:
      np.testing.assert_allclose(replica, one_state[name][0], rtol=1e-6)
  alone = ConditionalBatchNorm(kernel_init=layer.kernel_init)
  first = apply(alone, variables, X[:2], None if condition is None else condition[:2])[0]
  assert float(jnp.abs(first - one[:2]).max()) > 1e-2


def test_conditional_norm_with_spectral_norm_divides_both_maps():
  layer = ConditionalBatchNorm(spectral=True, kernel_init=nn.initializers.orthogonal(3.0))
  condition = jax.random.normal(KEY, (16, 5))
  variables = layer.init(KEY, X, condition, train=True)
  normalized = batch_norm(X, np.ones(3), np.zeros(3))[0]
  y = apply(layer, variables, X, condition)[0]
  # All singular values are 3, so one step of power iteration is exact.
  maps = {name: condition @ variables['params'][name]['kernel'] / 3 for name in ('gain', 'bias')}
  expected = normalized * (1 + maps['gain'])[:, None, None] + maps['bias'][:, None, None]
  np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
