"""Residual blocks against their formulas without the shortcuts in computation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from gan_jax.networks.layers import residual
from gan_jax.networks.layers.conditional_norm import ConditionalBatchNorm
from gan_jax.networks.layers.resampling import double, halve

KEY = jax.random.key(0)
relu = jax.nn.relu


@pytest.fixture(autouse=True)
def float64():
  with jax.enable_x64(True):
    yield


def numbers(seed, *shape):
  return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def randomized(variables):
  """The variables with random numbers in all arrays, so that no term of a formula vanishes."""
  leaves, tree = jax.tree.flatten(variables['params'])
  params = [numbers(i, *leaf.shape) for i, leaf in enumerate(leaves)]
  return {**variables, 'params': jax.tree.unflatten(tree, params)}


def conv(x, layer):
  """A convolution by the kernel and bias of a layer; a linear map is one of 1 x 1 pixels."""
  kernel = layer['kernel']
  kernel = kernel[None, None] if kernel.ndim == 2 else kernel
  padding = [(kernel.shape[0] // 2,) * 2] * 2
  y = lax.conv_general_dilated(x, kernel, (1, 1), padding, dimension_numbers=('NHWC', 'HWIO', 'NHWC'))
  return y + layer['bias']


def norm(x, layer):
  """Batch norm with the running statistics of the start, which are in float32."""
  return (
    x * lax.rsqrt(jnp.float32(1 + 1e-5)) * layer['BatchNorm_0']['scale'] + layer['BatchNorm_0']['bias']
  )


def run(block, x, *condition):
  variables = randomized(block.init(KEY, x, *condition, train=False))
  return block.apply(variables, x, *condition, train=False), variables['params']


def assert_close(found, expected):
  np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('upsampling', ['nearest', 'bilinear'])
def test_up_block_matches_its_formula(upsampling):
  x = numbers(9, 2, 4, 4, 10)
  y, p = run(residual.UpBlock(12, ConditionalBatchNorm, upsampling=upsampling), x, None)
  h = double(relu(norm(x, p['ConditionalBatchNorm_0'])), upsampling)
  h = relu(norm(conv(h, p['UpConv_0']), p['ConditionalBatchNorm_1']))
  assert_close(y, conv(h, p['Conv_0']) + conv(double(x, upsampling), p['shortcut']))


@pytest.mark.parametrize('wide,hidden', [(False, 10), (True, 12)])
def test_down_block_that_halves_matches_its_formula(wide, hidden):
  x = numbers(9, 2, 4, 6, 10)
  y, p = run(residual.DownBlock(12, wide=wide), x)
  assert p['Conv_0']['kernel'].shape == (3, 3, 10, hidden)
  h = conv(relu(conv(relu(x), p['Conv_0'])), p['DownConv_0'])
  assert_close(y, halve(h) + halve(conv(x, p['shortcut'])))


@pytest.mark.parametrize('features', [10, 12])
def test_down_block_that_preserves_sides_matches_its_formula(features):
  x = numbers(9, 2, 3, 5, 10)
  y, p = run(residual.DownBlock(features, halves=False), x)
  assert ('shortcut' in p) == (features != 10)
  shortcut = conv(x, p['shortcut']) if 'shortcut' in p else x
  assert_close(y, conv(relu(conv(relu(x), p['Conv_0'])), p['Conv_1']) + shortcut)


def test_first_down_block_matches_its_formula():
  x = numbers(9, 2, 4, 6, 3)
  y, p = run(residual.FirstDownBlock(12), x)
  assert_close(
    y, halve(conv(relu(conv(x, p['Conv_0'])), p['DownConv_0'])) + conv(halve(x), p['shortcut'])
  )


@pytest.mark.parametrize('doubles', [False, True])
def test_up_bottleneck_matches_its_formula(doubles):
  x = numbers(9, 2, 3, 4, 8)
  y, p = run(residual.UpBottleneck(6, ConditionalBatchNorm, doubles), x, None)
  resize = double if doubles else lambda h: h
  activate = lambda h, i: relu(norm(h, p[f'ConditionalBatchNorm_{i}']))
  h = resize(activate(conv(activate(x, 0), p['Dense_0']), 1))
  h = conv(h, p['UpConv_0' if doubles else 'Conv_0'])
  assert h.shape[3] == 2
  h = conv(activate(h, 2), p['Conv_0' if doubles else 'Conv_1'])
  assert_close(y, conv(activate(h, 3), p['Dense_1']) + resize(x[..., :6]))


@pytest.mark.parametrize('halves', [False, True])
@pytest.mark.parametrize('features', [8, 12])
def test_down_bottleneck_matches_its_formula(halves, features):
  x = numbers(9, 2, 4, 6, 8)
  y, p = run(residual.DownBottleneck(features, halves), x)
  resize = halve if halves else lambda h: h
  h = conv(relu(conv(relu(conv(relu(x), p['Dense_0'])), p['Conv_0'])), p['Conv_1'])
  assert h.shape[3] == features // 4
  h = conv(resize(relu(h)), p['Dense_1'])
  shortcut = resize(x)
  if features > 8:
    shortcut = jnp.concatenate([shortcut, conv(shortcut, p['shortcut'])], axis=-1)
  assert_close(y, h + shortcut)


def test_initial_kernels_have_the_gains_of_sngan():
  x = numbers(9, 1, 4, 4, 64)
  params = residual.DownBlock(64, weights=residual.Weights()).init(KEY, x, train=False)['params']
  # Uniform on [-a, a] with a = gain sqrt(6 / (fan in + fan out)); both fans are 9 x 64 or 64.
  bounds = {'Conv_0': 2**0.5 * (6 / 1152) ** 0.5, 'DownConv_0': 2**0.5 * (6 / 1152) ** 0.5}
  bounds['shortcut'] = (6 / 128) ** 0.5
  for name, bound in bounds.items():
    largest = float(jnp.abs(params[name]['kernel']).max())
    assert 0.99 * bound < largest <= bound, name


def test_orthogonal_kernels_have_singular_values_of_1():
  x = numbers(9, 1, 4, 4, 16)
  block = residual.DownBlock(8, weights=residual.Weights(orthogonal=True))
  for layer in block.init(KEY, x, train=False)['params'].values():
    kernel = layer['kernel'].reshape(-1, layer['kernel'].shape[-1])
    np.testing.assert_allclose(np.linalg.svd(kernel, compute_uv=False), 1, rtol=1e-6)
