import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax.common.errors import ConfigError
from gan_jax.networks import dcgan, mlp, mlp_2d
from gan_jax.networks.layers import dense

KEY = jax.random.key(0)


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('size', dcgan.SIZES)
def test_dcgan_of_every_size_generates_and_discriminates(size, channels):
  generator, judge = dcgan.Generator(size, channels, width=4), dcgan.Discriminator(width=4)
  images, made = jax.eval_shape(
    lambda: generator.init_with_output(KEY, jnp.zeros((2, 10)), train=False)
  )
  assert images.shape == (2, size, size, channels)
  scores, judged = jax.eval_shape(
    lambda: judge.init_with_output(KEY, jnp.zeros(images.shape), train=False)
  )
  assert scores.shape == (2,)
  doublings = {28: 3, 32: 3, 64: 4, 128: 5}[size]
  # Batch norm after each layer but the generator's last and the discriminator's first and last.
  assert len(made['batch_stats']) == doublings
  assert len(judged['batch_stats']) == doublings - 1
  widest = 4 * 2 ** (doublings - 1)
  assert made['params']['Dense_0']['kernel'].shape == (10, 4 * 4 * widest)


def test_dcgan_weights_are_initialized_with_std_0_02():
  variables = dcgan.Generator(28, width=32).init(KEY, jnp.zeros((2, 100)), train=False)
  kernels = [v['kernel'] for k, v in variables['params'].items() if 'BatchNorm' not in k]
  assert len(kernels) == 4
  for kernel in kernels:
    # The standard deviation of n weights is known to 1 / sqrt(2 n); n is at least 512 here.
    assert float(kernel.std()) == pytest.approx(0.02, rel=0.15)
    assert abs(float(kernel.mean())) < 0.004


def test_dcgan_output_is_tanh_without_batch_norm():
  generator = dcgan.Generator(28, width=4)
  variables = generator.init(KEY, jnp.zeros((2, 10)), train=False)
  params = variables['params']
  last = params['ConvTranspose_2'] | {'bias': jnp.array([1.5])}
  params = params | {'ConvTranspose_2': jax.tree.map(jnp.zeros_like, last) | {'bias': last['bias']}}
  images = generator.apply({**variables, 'params': params}, jnp.ones((2, 10)), train=False)
  np.testing.assert_allclose(images, np.full((2, 28, 28, 1), np.tanh(1.5)), rtol=1e-6)


def test_dcgan_of_other_sizes_is_rejected():
  with pytest.raises(ConfigError, match='size=30: not a size of DCGAN .one of: 28, 32, 64, 128'):
    dcgan.Generator(30).init(KEY, jnp.zeros((2, 10)), train=False)


def test_batch_norm_uses_batch_statistics_only_in_training():
  generator = dcgan.Generator(28, width=4)
  latents = jax.random.normal(KEY, (6, 10))
  variables = generator.init(KEY, latents, train=False)
  alone = generator.apply(variables, latents[:2], train=False)
  among = generator.apply(variables, latents, train=False)[:2]
  np.testing.assert_allclose(alone, among, rtol=1e-5, atol=1e-6)
  trained, new = generator.apply(variables, latents, train=True, mutable=['batch_stats'])
  assert float(jnp.abs(trained[:2] - alone).max()) > 1e-3
  old = jax.tree.leaves(variables['batch_stats'])
  assert any((a != b).any() for a, b in zip(old, jax.tree.leaves(new['batch_stats']), strict=True))


def test_maxout_is_the_maximum_of_its_pieces():
  judge = mlp.MaxoutDiscriminator(hidden=(2,), pieces=3)
  images = jnp.ones((1, 2, 2, 1))
  variables = judge.init(KEY, images, train=False)
  first = {'kernel': jnp.tile(jnp.arange(6.0), (4, 1)), 'bias': jnp.zeros(6)}
  last = {'kernel': jnp.array([[1.0], [10.0]]), 'bias': jnp.array([0.5])}
  variables = {'params': {'Dense_0': first, 'Dense_1': last}}
  # Units see 4 x (0, 1, 2) and 4 x (3, 4, 5); their largest are 8 and 20; 8 + 200 + 0.5.
  np.testing.assert_allclose(judge.apply(variables, images, train=False), [208.5])


def test_dropout_drops_its_fraction_and_preserves_the_mean():
  keys = jax.random.split(KEY, 400)
  x = mlp.dropout(jnp.ones((400, 100)), 0.2, keys)
  np.testing.assert_allclose(np.unique(x), [0, 1.25])
  # 40,000 draws: the share's standard deviation is 0.002.
  assert float((x == 0).mean()) == pytest.approx(0.2, abs=0.01)
  np.testing.assert_array_equal(mlp.dropout(jnp.ones((1, 100)), 0.2, keys[7:8])[0], x[7])


def test_mlp_generator_of_any_size_has_output_in_range():
  generator = mlp.Generator(5, 3, hidden=(8,))
  images, variables = generator.init_with_output(KEY, jnp.ones((4, 2)) * 100, train=False)
  assert images.shape == (4, 5, 5, 3)
  assert float(jnp.abs(images).max()) <= 1
  assert float(jnp.abs(variables['params']['Dense_0']['kernel']).max()) <= 0.05


def test_autoencoder_returns_reconstruction_and_code_per_example():
  network = mlp.Autoencoder(hidden=(7, 5), code=3)
  images = jax.random.uniform(KEY, (4, 6, 6, 2), minval=-1.0)
  variables = network.init(KEY, images, train=True)
  # No state: nothing but parameters, so an example does not see the others of its batch.
  assert set(variables) == {'params'}
  widths = [layer['kernel'].shape for layer in variables['params'].values()]
  assert widths == [(72, 7), (7, 5), (5, 3), (3, 5), (5, 7), (7, 72)]
  copies, codes = network.apply(variables, images, train=True)
  assert copies.shape == images.shape and codes.shape == (4, 3)
  assert float(jnp.abs(copies).max()) < 1
  one, code = network.apply(variables, images[2:3], train=True)
  np.testing.assert_allclose(one[0], copies[2], rtol=1e-5, atol=1e-6)
  np.testing.assert_allclose(code[0], codes[2], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
  ('network', 'shape'),
  [
    (mlp_2d.Discriminator(hidden=(6, 5), norm='spectral'), (3, 2)),
    (dcgan.Discriminator(width=2, norm='spectral'), (3, 28, 28, 1)),
  ],
)
def test_spectral_norm_matches_the_largest_singular_value_of_every_kernel(network, shape):
  inputs = jax.random.normal(KEY, shape)
  variables = network.init(KEY, inputs, train=False)
  params, state = variables.pop('params'), variables

  def one(state, _):
    return network.apply({'params': params, **state}, inputs, train=True, mutable=list(state))[1], None

  state, _ = jax.jit(lambda s: jax.lax.scan(one, s, length=200))(state)
  kernels = [x for x in jax.tree.leaves(params) if x.ndim > 1]
  found = [x for x in jax.tree.leaves(state) if x.ndim == 0]
  by_svd = [np.linalg.svd(k.reshape(-1, k.shape[-1]), compute_uv=False)[0] for k in kernels]
  np.testing.assert_allclose(sorted(map(float, found)), sorted(by_svd), rtol=1e-3)
  # Used, it does not change, and scores do not change when all kernels become ten times as large.
  use = lambda p, s: network.apply({'params': p, **s}, inputs, train=False, mutable=list(s))
  scores, after = use(params, state)
  chex.assert_trees_all_equal(after, state)
  tenfold = jax.tree.map(lambda x: 10 * x if x.ndim > 1 else x, params)
  more = jax.tree.map(lambda x: 10 * x if x.ndim == 0 else x, state)
  np.testing.assert_allclose(use(tenfold, more)[0], scores, rtol=1e-4, atol=1e-6)


def test_kernels_have_units_on_the_last_axis():
  # `transforms.max_norm` and `add_orthogonal_gradient` rely on this.
  generator = dcgan.Generator(28, channels=3, width=8)
  variables = jax.eval_shape(lambda: generator.init(KEY, jnp.zeros((2, 10)), train=False))
  kernels = [v['kernel'].shape for k, v in variables['params'].items() if 'BatchNorm' not in k]
  assert sorted(k[-2:] for k in kernels) == [(8, 3), (10, 512), (16, 8), (32, 16)]


@pytest.mark.parametrize('inputs,outputs', [(2, 5), (5, 2), (5, 1), (1, 1), (5, 7)])
def test_thin_layers_match_dense_layers(inputs, outputs):
  random = np.random.default_rng(0)
  with jax.enable_x64(True):
    x, kernel = jnp.asarray(random.normal(size=(3, inputs))), random.normal(size=(inputs, outputs))
    params = {'params': {'kernel': jnp.asarray(kernel), 'bias': jnp.arange(outputs, dtype=float)}}

    def numbers(layer):
      score = lambda x, p: jnp.sin(layer(outputs).apply(p, x)).sum()
      penalty = lambda x, p: (jax.grad(score)(x, p) ** 2).sum()
      firsts, seconds = (jax.grad(f, (0, 1))(x, params) for f in (score, penalty))
      return layer(outputs).apply(params, x), firsts, seconds

    own, wanted = numbers(dense.linear), numbers(nn.Dense)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10), own, wanted)
