import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gan_jax.networks.layers.dense import linear
from gan_jax.networks.layers.spectral_norm import apply_layer

X = jax.random.normal(jax.random.key(0), (4, 5))


class Network(nn.Module):
  """A layer whose initial kernel has the singular value 3 in all directions."""

  spectral: bool

  @nn.compact
  def __call__(self, x, train):
    layer = linear(6, kernel_init=nn.initializers.orthogonal(3.0))
    return apply_layer(layer, x, spectral=self.spectral, train=train)


def test_spectral_norm_leaves_initial_kernels_as_they_are():
  params = [Network(s).init(jax.random.key(1), X, False)['params']['Dense_0'] for s in (False, True)]
  np.testing.assert_array_equal(params[0]['kernel'], params[1]['kernel'])
  np.testing.assert_allclose(np.linalg.svd(params[1]['kernel'], compute_uv=False), 3, rtol=1e-6)


def test_spectral_norm_divides_kernels_by_their_largest_singular_value():
  network = Network(True)
  variables = network.init(jax.random.key(1), X, False)
  # All singular values are equal, so one step of power iteration is exact.
  y, new = network.apply(variables, X, True, mutable=['batch_stats'])
  np.testing.assert_allclose(y, X @ variables['params']['Dense_0']['kernel'] / 3, rtol=1e-5, atol=1e-6)
  np.testing.assert_allclose(new['batch_stats']['SpectralNorm_0']['Dense_0/kernel/sigma'], 3, rtol=1e-6)


def test_spectral_norm_advances_its_vector_only_in_training():
  network = Network(True)
  variables = network.init(jax.random.key(1), X, False)
  kernel = jnp.diag(jnp.array([4.0, 2.0, 1.0, 1.0, 1.0])) @ jnp.eye(5, 6)
  variables['params']['Dense_0']['kernel'] = kernel
  u = jnp.array([[3.0, 4.0, 0.0, 0.0, 0.0, 0.0]]) / 5
  variables['batch_stats']['SpectralNorm_0']['Dense_0/kernel/u'] = u
  _, same = network.apply(variables, X, False, mutable=['batch_stats'])
  np.testing.assert_array_equal(same['batch_stats']['SpectralNorm_0']['Dense_0/kernel/u'], u)
  _, new = network.apply(variables, X, True, mutable=['batch_stats'])
  # v ~ (4 x 3, 2 x 4) ~ (3, 2), and u ~ (4 x 3, 2 x 2) ~ (3, 1).
  # sigma = (3 x 3 x 4 + 2 x 1 x 2) / sqrt(13 x 10).
  state = new['batch_stats']['SpectralNorm_0']
  np.testing.assert_allclose(state['Dense_0/kernel/u'][0, :2], np.array([3, 1]) / 10**0.5, rtol=1e-6)
  np.testing.assert_allclose(state['Dense_0/kernel/sigma'], 40 / 130**0.5, rtol=1e-6)
