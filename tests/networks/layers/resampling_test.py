import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.networks.layers import resampling
from gan_jax.networks.layers.conv import conv


@pytest.fixture(autouse=True)
def float64():
  with jax.enable_x64(True):
    yield


def numbers(seed, *shape):
  return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def row(*values):
  """An image of one row and one channel, repeated below, so that only columns matter."""
  return jnp.tile(jnp.array(values, float)[None, None, :, None], (1, 2, 1, 1))


def test_halve_and_max_pool_reduce_squares_of_pixels():
  image = jnp.array([[1.0, 2.0, 5.0, 5.0], [3.0, 6.0, 5.0, -7.0]])[None, :, :, None]
  np.testing.assert_allclose(resampling.halve(image).ravel(), [3, 2])
  np.testing.assert_allclose(resampling.max_pool(image).ravel(), [6, 5])


def test_double_repeats_the_nearest_pixels():
  doubled = resampling.double(jnp.array([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None])
  expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
  np.testing.assert_array_equal(doubled[0, :, :, 0], expected)


def test_double_bilinearly_interpolates_between_centers_of_pixels():
  doubled = resampling.double(row(0, 4, 8), 'bilinear')
  # Centers are a quarter of a pixel from those of the old pixels; at the edges the image goes on.
  np.testing.assert_allclose(doubled[0, 0, :, 0], [0, 1, 3, 5, 7, 8])
  images = numbers(0, 2, 3, 5, 4)
  expected = jax.image.resize(images, (2, 6, 10, 4), 'bilinear')
  np.testing.assert_allclose(resampling.double(images, 'bilinear'), expected, atol=1e-12)


def test_double_of_an_unknown_upsampling_is_rejected():
  with pytest.raises(ConfigError, match="upsampling='cubic': unknown .one of: nearest, bilinear"):
    resampling.double(row(1), 'cubic')


# Few and many channels, as the forms of convolutions depend on them.
@pytest.mark.parametrize('channels,features', [(3, 5), (9, 12), (12, 3)])
def test_conv_of_doubled_matches_the_convolution_of_a_doubled_image(channels, features):
  x, kernel = numbers(0, 2, 3, 5, channels), numbers(1, 3, 3, channels, features)
  expected = conv(resampling.double(x), kernel, resampling.THREE)
  np.testing.assert_allclose(resampling.conv_of_doubled(x, kernel), expected, atol=1e-10)


@pytest.mark.parametrize('channels,features', [(3, 5), (9, 12), (12, 3)])
def test_halved_conv_matches_the_average_of_a_convolution(channels, features):
  x, kernel = numbers(0, 2, 6, 10, channels), numbers(1, 3, 3, channels, features)
  expected = resampling.halve(conv(x, kernel, resampling.THREE))
  np.testing.assert_allclose(resampling.halved_conv(x, kernel), expected, atol=1e-10)


def test_conv_of_doubled_and_halved_conv_match_the_example_of_the_module():
  # A kernel with one row of taps, in the middle.
  kernel = jnp.zeros((3, 3, 1, 1)).at[1, :, 0, 0].set(jnp.array([1.0, 2.0, 4.0]))
  doubled = resampling.conv_of_doubled(row(1, 3), kernel)
  np.testing.assert_allclose(doubled[0, 0, :, 0], [6, 15, 19, 9])
  np.testing.assert_allclose(resampling.halved_conv(row(1, 1, 3, 3), kernel).ravel(), [10.5, 14])


@pytest.mark.parametrize(
  'layer,side',
  [(resampling.UpConv(3), 8), (resampling.UpConv(3, 'bilinear'), 8), (resampling.DownConv(3), 2)],
)
def test_resampling_layers_have_3_by_3_kernels_and_a_bias(layer, side):
  x = numbers(0, 2, 4, 4, 5)
  y, variables = layer.init_with_output(jax.random.key(0), x)
  assert y.shape == (2, side, side, 3)
  assert {k: v.shape for k, v in variables['params'].items()} == {'kernel': (3, 3, 5, 3), 'bias': (3,)}
  variables['params']['bias'] = jnp.array([1.0, 2.0, 3.0])
  np.testing.assert_allclose(
    layer.apply(variables, x) - y, jnp.broadcast_to(variables['params']['bias'], y.shape), atol=1e-12
  )
