"""The 3 x 3 convolution against XLA's own: values, derivatives, rounding errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from gan_jax.networks.layers import conv as convolutions
from gan_jax.networks.layers import conv_3x3, winograd_3x3

# Batch, height, width, channels in, channels out: even and odd sides, a single pixel, few and many.
MANY = [(2, 4, 6, 9, 12), (1, 7, 5, 10, 9), (3, 1, 2, 9, 9)]
FEW = [(2, 4, 5, 3, 9), (2, 5, 4, 9, 3), (1, 3, 3, 2, 1)]


@pytest.fixture(autouse=True)
def float64():
  with jax.enable_x64(True):
    yield


def numbers(seed, *shape):
  return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def case(shape):
  n, h, w, channels, features = shape
  return (
    numbers(0, n, h, w, channels),
    numbers(1, 3, 3, channels, features),
    numbers(2, n, h, w, features),
  )


def native(x, kernel):
  return lax.conv_general_dilated(
    x, kernel, (1, 1), [(1, 1)] * 2, dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )


def assert_close(found, expected):
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10), found, expected)


@pytest.mark.parametrize('shape', [*MANY, *FEW])
def test_conv_3x3_and_transposes_match_autodiff(shape):
  x, kernel, y = case(shape)
  outputs, pull_back = jax.vjp(native, x, kernel)
  found = (
    conv_3x3.conv(x, kernel),
    conv_3x3.conv_transpose(y, kernel),
    conv_3x3.kernel_gradient(x, y),
  )
  assert_close(found, (outputs, *pull_back(y)))


@pytest.mark.parametrize('shape', MANY)
def test_winograd_3x3_and_transposes_match_autodiff(shape):
  x, kernel, y = case(shape)
  outputs, pull_back = jax.vjp(native, x, kernel)
  assert_close(
    (winograd_3x3.conv(x, kernel), winograd_3x3.kernel_gradient(x, y)), (outputs, pull_back(y)[1])
  )


@pytest.mark.parametrize('shape', [MANY[1], FEW[0], FEW[1]])
def test_conv_3x3_second_derivatives_match_lax(shape):
  x, kernel, _ = case(shape)

  def penalty(convolution):
    slope = jax.grad(lambda x, k: jnp.sin(convolution(x, k)).sum())
    return jax.grad(lambda x, k: (slope(x, k) ** 2).sum(), (0, 1))(x, kernel)

  assert_close(penalty(lambda x, k: convolutions.conv(x, k, conv_3x3.GEOMETRY)), penalty(native))


def test_conv_3x3_gradients_match_finite_differences():
  x, kernel, y = case((1, 5, 4, 9, 10))
  value = lambda x, k: (jnp.sin(convolutions.conv(x, k, conv_3x3.GEOMETRY)) * y).sum()
  gradients = jax.grad(value, (0, 1))(x, kernel)
  directions = numbers(3, *x.shape), numbers(4, *kernel.shape)
  h = 1e-6
  in_x = lambda t: value(x + t * directions[0], kernel)
  in_kernel = lambda t: value(x, kernel + t * directions[1])
  for along, gradient, direction in zip((in_x, in_kernel), gradients, directions, strict=True):
    difference = (along(h) - along(-h)) / (2 * h)
    np.testing.assert_allclose((gradient * direction).sum(), difference, rtol=1e-6)


def test_winograd_3x3_matches_the_example_of_the_module():
  # One row of pixels (1, 2, 3, 5) as the second and third columns' neighbors, one row of taps.
  x = jnp.zeros((1, 2, 4, 1)).at[0, 0, :, 0].set(jnp.array([1.0, 2.0, 3.0, 5.0]))
  kernel = jnp.zeros((3, 3, 1, 1)).at[1, :, 0, 0].set(jnp.array([1.0, 2.0, 4.0]))
  # 2 + 8 = 10 and 3 + 10 = 13 at the edges; 17 and 28 between them.
  np.testing.assert_allclose(winograd_3x3.conv(x, kernel)[0, 0, :, 0], [10, 17, 28, 13])


@pytest.mark.parametrize('name', ['conv', 'conv_transpose', 'kernel_gradient'])
def test_winograd_3x3_rounding_error_is_small(name):
  x, kernel, y = case((4, 16, 16, 64, 64))
  ways = {
    'conv': (winograd_3x3.conv, native, (x, kernel)),
    'conv_transpose': (
      winograd_3x3.conv_transpose,
      lambda y, k: jax.vjp(lambda x: native(x, k), x.astype(y.dtype))[1](y)[0],
      (y, kernel),
    ),
    'kernel_gradient': (
      winograd_3x3.kernel_gradient,
      lambda x, y: jax.vjp(lambda k: native(x, k), kernel.astype(y.dtype))[1](y)[0],
      (x, y),
    ),
  }
  own, direct, arguments = ways[name]
  exact = direct(*arguments)
  rounded = [a.astype(jnp.float32) for a in arguments]
  errors = [float(jnp.abs(f(*rounded) - exact).max() / exact.std()) for f in (own, direct)]
  assert errors[0] < 4 * errors[1] + 1e-6
  assert errors[0] < 1e-5


@pytest.mark.parametrize('channels,features', [(3, 9), (9, 9), (9, 3)])
def test_conv_3x3_of_an_empty_batch_has_the_native_shape(channels, features):
  x, kernel, y = case((0, 4, 5, channels, features))
  assert conv_3x3.conv(x, kernel).shape == y.shape
  assert conv_3x3.conv_transpose(y, kernel).shape == x.shape
  np.testing.assert_array_equal(conv_3x3.kernel_gradient(x, y), np.zeros(kernel.shape))


def test_winograd_3x3_of_nonfinite_values_keeps_them_local():
  x, kernel, _ = case((2, 8, 8, 9, 9))
  bad = winograd_3x3.conv(x.at[1, 7, 7].set(jnp.nan), kernel)
  assert np.isfinite(bad[0]).all()
  assert np.isfinite(bad[1, :4, :4]).all()
  assert np.isnan(bad[1, 7, 7]).all()


@pytest.mark.parametrize('shape', [MANY[0], *FEW])
def test_conv_3x3_of_bfloat16_returns_bfloat16(shape):
  x, kernel, _ = (a.astype(jnp.bfloat16) for a in case(shape))
  value = lambda x, k: jnp.sin(convolutions.conv(x, k, conv_3x3.GEOMETRY)).sum()
  assert {a.dtype for a in jax.grad(value, (0, 1))(x, kernel)} == {jnp.dtype(jnp.bfloat16)}
