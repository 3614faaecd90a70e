"""Every map of conv.py against XLA's own convolution: values, first and second derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from gan_jax.networks.layers import conv as c
from gan_jax.networks.layers import phase_conv, winograd_conv

GEOMETRIES = [
  c.Geometry(4, 2, 1),
  c.Geometry(3, 1, 1),
  c.Geometry(5, 2, 2),
  c.Geometry(7, 1, 0),
]
OF_PHASES = [c.Geometry(3, 2, 1), c.Geometry(5, 3, 2), c.Geometry(3, 2, 4)]
# Batch, height, width, channels in, channels out: odd sizes, one channel, one image.
SHAPES = [(2, 8, 12, 3, 5), (1, 7, 9, 1, 2), (3, 14, 14, 4, 1)]


def native(x, kernel, g):
  return lax.conv_general_dilated(
    x,
    kernel,
    (g.stride, g.stride),
    [(g.padding, g.padding)] * 2,
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
  )


def numbers(seed, *shape):
  return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def case(g, shape):
  n, h, w, ci, co = shape
  x, kernel = numbers(0, n, h, w, ci), numbers(1, g.size, g.size, ci, co)
  return x, kernel, numbers(2, n, g.small(h), g.small(w), co)


@pytest.fixture(autouse=True)
def float64():
  with jax.enable_x64(True):
    yield


def pairs(geometries):
  """Each geometry with each shape; with more than one only among the slow tests, as they take long."""
  for i, g in enumerate(geometries):
    for j, shape in enumerate(SHAPES):
      yield pytest.param(g, shape, marks=[] if i % len(SHAPES) == j else [pytest.mark.slow])


@pytest.mark.parametrize(('g', 'shape'), [*pairs([*GEOMETRIES, *OF_PHASES])])
def test_conv_transposes_match_autodiff(g, shape):
  x, kernel, y = case(g, shape)
  outputs, pull_back = jax.vjp(lambda x, k: native(x, k, g), x, kernel)
  wanted_x, wanted_kernel = pull_back(y)
  for conv in (c.conv, phase_conv.conv, c._conv_of_patches):
    np.testing.assert_allclose(conv(x, kernel, g), outputs, rtol=1e-10, atol=1e-10)
  ways = c._transpose_by_taps, phase_conv.conv_transpose, c._transpose_native
  for transpose in (c.conv_transpose, *ways):
    got = transpose(y, kernel, g, x.shape[1:3])
    np.testing.assert_allclose(got, wanted_x, rtol=1e-10, atol=1e-10)
  for gradient in (c.kernel_gradient, c._kernel_gradient_of_patches, c._kernel_gradient_native):
    np.testing.assert_allclose(gradient(x, y, g), wanted_kernel, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(('g', 'shape'), [*pairs(GEOMETRIES)])
def test_conv_first_and_second_derivatives_match_lax(g, shape):
  assert_derivatives_are_native(g, shape)


def assert_derivatives_are_native(g, shape):
  """First and second ones, of the convolution and of its transpose, in all arguments."""
  x, kernel, y = case(g, shape)

  def transpose(convolution):
    return lambda y, k: jax.vjp(lambda x: convolution(x, k), x)[1](y)[0]

  ours = {
    'conv': (lambda x, k: c.conv(x, k, g), x),
    'transpose': (lambda y, k: c.conv_transpose(y, k, g, x.shape[1:3]), y),
  }
  plain = lambda x, k: native(x, k, g)
  theirs = {'conv': plain, 'transpose': transpose(plain)}
  for name, (function, point) in ours.items():
    for derivative in (first, second):
      got = derivative(function)(point, kernel)
      wanted = derivative(theirs[name])(point, kernel)
      jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10), got, wanted)


def first(function):
  return jax.grad(lambda x, k: jnp.sin(function(x, k)).sum(), (0, 1))


def second(function):
  """As in a gradient penalty: the gradient in both arguments of the norm of a gradient."""

  def penalty(x, k):
    gradient = jax.grad(lambda x: jnp.sin(function(x, k)).sum())(x)
    return (gradient**2).sum()

  return jax.grad(penalty, (0, 1))


# Batch, height, width, channels in, channels out: sides of 4 n and of 4 n + 2, one image, one channel.
HALVED = [(2, 8, 12, 3, 5), (1, 14, 6, 4, 1), (3, 2, 2, 1, 2), (2, 28, 14, 9, 3)]


@pytest.mark.parametrize('shape', HALVED)
def test_winograd_conv_and_transposes_match_lax(shape):
  g = c.Geometry(4, 2, 1)
  x, kernel, y = case(g, shape)
  outputs, pull_back = jax.vjp(lambda x, k: native(x, k, g), x, kernel)
  wanted_x, wanted_kernel = pull_back(y)
  near = {'rtol': 1e-10, 'atol': 1e-10}
  np.testing.assert_allclose(winograd_conv.conv(x, kernel), outputs, **near)
  np.testing.assert_allclose(winograd_conv.conv_transpose(y, kernel), wanted_x, **near)
  np.testing.assert_allclose(winograd_conv.kernel_gradient(x, y), wanted_kernel, **near)


def test_winograd_conv_rounding_error_is_small():
  g = c.Geometry(4, 2, 1)
  x, kernel, _ = case(g, (4, 16, 16, 64, 64))
  exact = native(x, kernel, g)
  errors = [
    jnp.abs(f(x.astype(jnp.float32), kernel.astype(jnp.float32)) - exact).max() / exact.std()
    for f in (winograd_conv.conv, lambda x, k: native(x, k, g))
  ]
  assert errors[0] < 4 * errors[1]


@pytest.mark.parametrize('shape', [(2, 8, 8, 9, 5), (1, 14, 14, 16, 2)])
def test_halving_layers_have_derivatives_of_lax(shape):
  assert_derivatives_are_native(c.Geometry(4, 2, 1), shape)


@pytest.mark.parametrize(
  ('g', 'has_phases'), [(c.Geometry(3, 2, 1), True), (c.Geometry(5, 2, 2), False)]
)
def test_phase_and_patch_layers_have_derivatives_of_lax(g, has_phases):
  shape = (2, 7, 9, 9, 3)
  assert c._uses_phases(g, case(g, shape)[1].shape, shape[1:3]) == has_phases
  assert_derivatives_are_native(g, shape)


def test_phase_conv_of_several_kernels_matches_one_at_a_time():
  g = c.Geometry(3, 2, 1)
  x, kernel, _ = case(g, (2, 7, 7, 9, 3))
  kernels = jnp.stack([kernel, -2 * kernel])
  found = jax.vmap(first(lambda x, k: c.conv(x, k, g)), (None, 0))(x, kernels)
  each = [first(lambda x, k: native(x, k, g))(x, own) for own in kernels]
  wanted = jax.tree.map(lambda *of: jnp.stack(of), *each)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10), found, wanted)


def test_conv_of_nonfinite_values_keeps_them_local():
  x, kernel, _ = case(c.Geometry(4, 2, 1), (2, 8, 8, 9, 5))
  bad = winograd_conv.conv(x.at[1, 7, 7].set(jnp.nan), kernel)
  assert np.isfinite(bad[0]).all()
  assert np.isnan(bad[1, 3, 3]).all()


def test_conv_modules_halve_and_double_sizes():
  images = numbers(0, 2, 28, 28, 1)
  down, params = c.Conv(3).init_with_output(jax.random.key(0), images)
  assert down.shape == (2, 14, 14, 3)
  assert params['params']['kernel'].shape == (4, 4, 1, 3)
  up, params = c.ConvTranspose(1).init_with_output(jax.random.key(0), down)
  assert up.shape == images.shape
  assert params['params']['kernel'].shape == (4, 4, 3, 1)


@pytest.mark.parametrize(('g', 'shape'), [(GEOMETRIES[0], SHAPES[0]), (OF_PHASES[0], (2, 7, 7, 9, 3))])
def test_conv_of_bfloat16_returns_bfloat16(g, shape):
  x, kernel, _ = (a.astype(jnp.bfloat16) for a in case(g, shape))
  gradients = first(lambda x, k: c.conv(x, k, g))(x, kernel)
  assert {a.dtype for a in gradients} == {jnp.dtype(jnp.bfloat16)}


def test_conv_with_incompatible_arguments_is_rejected():
  g, x, kernel = c.Geometry(4, 2, 1), numbers(0, 2, 8, 8, 16), numbers(1, 4, 4, 16, 3)
  y = c.conv(x, kernel, g)
  cases = [
    (
      lambda: c.conv(x, numbers(1, 5, 5, 16, 3), g),
      r'kernel \(5, 5, 16, 3\) does not match images \(2, 8, 8, 16\)',
    ),
    (lambda: c.conv(x, kernel.swapaxes(2, 3), g), r'kernel \(4, 4, 3, 16\)'),
    (lambda: c.conv(x[0], kernel, g), r'images \(8, 8, 16\)'),
    (lambda: c.conv_transpose(y, kernel.swapaxes(2, 3), g, (8, 8)), r'kernel \(4, 4, 3, 16\)'),
    (lambda: c.conv_transpose(y, kernel, g, (10, 8)), r'\(10, 8\) become \(5, 4\)'),
    (
      lambda: c.kernel_gradient(x, y[:, 1:], g),
      r'images \(3, 4\) and \(8, 8\) \(\(8, 8\) become \(4, 4\)',
    ),
  ]
  for call, said in cases:
    with pytest.raises(ValueError, match=said):
      call()


WAYS = {
  'patches': c._conv_of_patches,
  'phases': phase_conv.conv,
  'halving': lambda x, k, g: winograd_conv.conv(x, k),
  'conv': c.conv,
}
TRANSPOSED = {
  'taps': c._transpose_by_taps,
  'native': c._transpose_native,
  'phases': phase_conv.conv_transpose,
  'halving': lambda y, k, g, shape: winograd_conv.conv_transpose(y, k),
  'conv_transpose': c.conv_transpose,
}
# Few channels and many, so that `conv` chooses every form that it has.
EMPTY = [(GEOMETRIES[0], 3), (OF_PHASES[0], 3), *((g, 16) for g in (*GEOMETRIES, *OF_PHASES))]


# Each form once; other geometries take long.
SOME_EMPTY = [
  pytest.param(*case, marks=[] if number % 3 == 0 else [pytest.mark.slow])
  for number, case in enumerate(EMPTY)
]


@pytest.mark.parametrize(('g', 'channels'), SOME_EMPTY)
def test_conv_of_an_empty_batch_has_the_native_shape(g, channels):
  x, kernel, y = case(g, (0, 8, 8, channels, 5))
  wanted = native(x, kernel, g)
  assert wanted.shape == y.shape
  halves = g == c.Geometry(4, 2, 1)
  for name, conv in WAYS.items():
    if name != 'halving' or halves:
      assert conv(x, kernel, g).shape == wanted.shape, name
  for name, transpose in TRANSPOSED.items():
    if name != 'halving' or halves:
      assert transpose(y, kernel, g, (8, 8)).shape == x.shape, name


@pytest.mark.parametrize(('g', 'channels'), EMPTY)
def test_conv_of_an_empty_batch_has_zero_kernel_gradient(g, channels):
  x, kernel, y = case(g, (0, 8, 8, channels, 5))
  np.testing.assert_array_equal(c.kernel_gradient(x, y, g), np.zeros(kernel.shape))
  slopes = jax.grad(lambda x, k: (c.conv(x, k, g) ** 2).sum(), (0, 1))(x, kernel)
  assert slopes[0].shape == x.shape
  np.testing.assert_array_equal(slopes[1], np.zeros(kernel.shape))


def test_conv_layers_accept_an_empty_batch_of_the_smallest_images():
  x = jnp.zeros((0, 4, 4, 16))
  down, _ = c.Conv(8).init_with_output(jax.random.key(0), x)
  assert down.shape == (0, 2, 2, 8)
  up, _ = c.ConvTranspose(16).init_with_output(jax.random.key(0), down)
  assert up.shape == x.shape
