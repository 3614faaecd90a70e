import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.networks import resnet

KEY = jax.random.key(0)
LABEL = jnp.array([0, 2], jnp.int32)


def shapes(network, inputs):
  """The shapes of outputs and variables, without computing them."""
  return jax.eval_shape(lambda: network.init_with_output(KEY, inputs, train=False))


def parameters(network, inputs):
  """The number of parameters."""
  _, variables = shapes(network, inputs)
  return sum(leaf.size for leaf in jax.tree.leaves(variables['params']))


def with_label(name, array):
  return {name: array, 'label': jnp.zeros(len(array), jnp.int32)}


@pytest.mark.parametrize('bottleneck', [False, True])
@pytest.mark.parametrize('size', resnet.SIZES)
def test_resnet_of_every_size_generates_and_discriminates(size, bottleneck):
  generator = resnet.Generator(size, channels=3, width=8, bottleneck=bottleneck)
  images, _ = shapes(generator, jnp.zeros((2, 10)))
  assert images.shape == (2, size, size, 3)
  discriminator = resnet.Discriminator(width=8, bottleneck=bottleneck)
  logits, _ = shapes(discriminator, jnp.zeros(images.shape))
  assert logits.shape == (2,)


def test_resnet_32_has_as_many_parameters_as_sngan():
  # Per block of G: 2 x (9 x 256^2 + 256) + 256^2 + 256 + 4 x 256 = 1,246,976. Three of them, the first
  # layer 129 x 4,096, the last norm 512 and convolution 9 x 256 x 3 + 3.
  generator = resnet.Generator(32, channels=3, width=256)
  assert (
    parameters(generator, jnp.zeros((1, 128))) == 3 * 1_246_976 + 528_384 + 512 + 6_915 == 4_276_739
  )
  # A convolution of 128 to 128 has 147,584. Blocks of D: 3,584 + 147,584 + 512; 2 x 147,584 + 16,512;
  # and twice 2 x 147,584. The last layer has 129.
  count = parameters(resnet.Discriminator(width=128), jnp.zeros((1, 32, 32, 3)))
  assert count == 151_680 + 311_680 + 2 * 295_168 + 129


BIGGAN = {'width': 96, 'classes': 1000, 'attention': 64, 'orthogonal': True}
DEEP = {'width': 128, 'classes': 1000, 'attention': 64, 'orthogonal': True, 'bottleneck': True}
PUBLISHED = {
  # Counted by the tests of google/compare_gan, resnet_biggan_test.py and resnet_biggan_deep_test.py.
  'biggan': (
    resnet.Generator(128, 3, spectral=True, shared=128, split_latents=True, **BIGGAN),
    resnet.Discriminator(wide=True, **BIGGAN),
    120,
    (70_433_988, 87_982_370),
  ),
  'biggan_deep': (
    resnet.Generator(128, 3, spectral=True, shared=128, **DEEP),
    resnet.Discriminator(**DEEP),
    128,
    (50_244_484, 34_590_210),
  ),
}


@pytest.mark.parametrize('name', PUBLISHED)
def test_resnet_128_has_as_many_parameters_as_published(name):
  generator, discriminator, latents, expected = PUBLISHED[name]
  counts = (
    parameters(generator, with_label('latents', jnp.zeros((1, latents)))),
    parameters(discriminator, with_label('examples', jnp.zeros((1, 128, 128, 3)))),
  )
  assert counts == expected


def test_spectral_networks_normalize_all_kernels_but_tables_and_the_shared_embedding():
  inputs = with_label('latents', jnp.zeros((1, 16)))
  make = functools.partial(resnet.Generator, 32, width=8, classes=3, spectral=True, attention=8)

  def normalized(network, inputs):
    _, variables = shapes(network, inputs)
    paths = [
      jax.tree_util.keystr(p)
      for p, x in jax.tree_util.tree_leaves_with_path(variables['params'])
      if x.ndim > 1
    ]
    sigmas = [
      p for p, _ in jax.tree_util.tree_leaves_with_path(variables['batch_stats']) if 'sigma' in str(p)
    ]
    return len(sigmas), len(paths)

  # Three blocks have two norms each, with a table for gains and one for biases.
  sigmas, kernels = normalized(make(), inputs)
  assert kernels - sigmas == 12
  sigmas, kernels = normalized(make(shared=4), inputs)
  assert kernels - sigmas == 1
  images = with_label('examples', jnp.zeros((1, 32, 32, 3)))
  sigmas, kernels = normalized(resnet.Discriminator(width=8, classes=3, attention=8), images)
  assert kernels == sigmas
  _, variables = shapes(resnet.Discriminator(width=8, norm='none'), jnp.zeros((1, 32, 32, 3)))
  assert set(variables) == {'params'}


def test_spectral_norm_of_resnet_matches_the_largest_singular_values():
  discriminator = resnet.Discriminator(width=4, classes=3)
  inputs = {'examples': jax.random.normal(KEY, (2, 28, 28, 1)), 'label': LABEL}
  variables = discriminator.init(KEY, inputs, train=False)
  params = variables.pop('params')

  def once(state, _):
    return discriminator.apply({'params': params, **state}, inputs, train=True, mutable=list(state))[
      1
    ], None

  state, _ = jax.jit(lambda s: jax.lax.scan(once, s, length=300))(variables)
  kernels = [x for x in jax.tree.leaves(params) if x.ndim > 1]
  expected = [np.linalg.svd(k.reshape(-1, k.shape[-1]), compute_uv=False)[0] for k in kernels]
  found = [float(x) for x in jax.tree.leaves(state) if x.ndim == 0]
  np.testing.assert_allclose(sorted(found), sorted(expected), rtol=1e-3)
  tenfold = jax.tree.map(lambda x: 10 * x if x.ndim > 1 else x, params)
  logits = [discriminator.apply({'params': p, **state}, inputs, train=False) for p in (params, tenfold)]
  np.testing.assert_allclose(logits[1], logits[0], rtol=1e-3, atol=1e-5)


def test_projection_logits_match_their_formula():
  images = jax.random.normal(KEY, (2, 28, 28, 1))
  plain = resnet.Discriminator(width=4, norm='none')
  projection = resnet.Discriminator(width=4, norm='none', classes=3)
  params = projection.init(KEY, {'examples': images, 'label': LABEL}, train=False)['params']
  table = jnp.array([[1.0, 0, 0, 0], [0, 0, 0, 0], [0, -1.0, 2.0, 0]])
  params = params | {'embedding': {'kernel': table}}

  def logits(label):
    return projection.apply({'params': params}, {'examples': images, 'label': label}, train=False)

  shared = {name: layer for name, layer in params.items() if name != 'embedding'}
  psi = plain.apply({'params': shared}, images, train=False)
  # As many features as outputs of a linear map: with the identity, the map returns the features.
  reader = resnet.Discriminator(width=4, norm='none', outputs=4)
  identity = {'kernel': jnp.eye(4), 'bias': jnp.zeros(4)}
  phi = reader.apply({'params': shared | {'Dense_0': identity}}, images, train=False)
  assert phi.shape == (2, 4) and float(phi.min()) >= 0
  expected = psi + jnp.array([phi[0, 0], 2 * phi[1, 2] - phi[1, 1]])
  np.testing.assert_allclose(logits(LABEL), expected, rtol=1e-5, atol=1e-5)
  # Weights of the classes interpolate logits linearly.
  halfway = jnp.array([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]])
  ends = [logits(jnp.array(label, jnp.int32)) for label in ([0, 1], [1, 2])]
  np.testing.assert_allclose(logits(halfway), (ends[0] + ends[1]) / 2, rtol=1e-5, atol=1e-5)


def test_features_are_sums_over_pixels_of_the_last_map():
  reader = resnet.Discriminator(width=2, norm='none', outputs=2)
  images = jnp.zeros((1, 28, 28, 1))
  params = jax.tree.map(jnp.zeros_like, reader.init(KEY, images, train=False)['params'])
  params['DownBlock_2']['Conv_1']['bias'] = jnp.array([2.0, -3.0])
  params['Dense_0'] = {'kernel': jnp.eye(2), 'bias': jnp.zeros(2)}
  # The last map is 7 x 7 and has the values 2 and -3; ReLU of them is 2 and 0.
  np.testing.assert_allclose(reader.apply({'params': params}, images, train=False), [[98.0, 0.0]])


def tree_of_random_arrays(tree):
  leaves, structure = jax.tree.flatten(tree)
  keys = jax.random.split(KEY, len(leaves))
  random = [x + 0.3 * jax.random.normal(key, x.shape) for key, x in zip(keys, leaves, strict=True)]
  return jax.tree.unflatten(structure, random)


@pytest.mark.parametrize('fields', [{}, {'shared': 5, 'spectral': True}])
def test_generated_images_depend_on_the_label_and_on_no_other_example(fields):
  generator = resnet.Generator(28, width=8, classes=3, **fields)
  latents = jax.random.normal(KEY, (2, 6))
  variables = generator.init(KEY, {'latents': latents, 'label': LABEL}, train=False)
  variables = {**variables, 'params': tree_of_random_arrays(variables['params'])}
  images = lambda label: generator.apply(variables, {'latents': latents, 'label': label}, train=False)
  one_hot = images(jax.nn.one_hot(LABEL, 3))
  np.testing.assert_array_equal(images(LABEL), one_hot)
  other = images(jnp.array([1, 2]))
  assert float(jnp.abs(other[0] - one_hot[0]).max()) > 1e-3
  np.testing.assert_array_equal(other[1], one_hot[1])


def test_latent_chunks_reach_the_first_layer_and_each_stage():
  generator = resnet.Generator(32, width=8, split_latents=True)
  latents = jax.random.normal(KEY, (1, 12))
  _, variables = shapes(generator, latents)
  assert variables['params']['Dense_0']['kernel'].shape == (3, 16 * 8)
  norms = variables['params']['UpBlock_2']['ConditionalBatchNorm_1']
  assert norms['gain']['kernel'].shape == (3, 8)
  variables = generator.init(KEY, latents, train=False)
  jacobian = jax.jacobian(lambda z: generator.apply(variables, z, train=False).ravel()[::97])(latents)
  assert (jnp.abs(jacobian).max(axis=(0, 1)) > 0).all()


def test_bottleneck_norms_see_the_class_and_all_latents():
  generator = resnet.Generator(32, width=8, classes=3, shared=5, bottleneck=True)
  _, variables = shapes(generator, with_label('latents', jnp.zeros((1, 12))))
  assert variables['params']['Dense_0']['kernel'].shape == (17, 16 * 8)
  assert len([name for name in variables['params'] if name.startswith('UpBottleneck')]) == 6
  norms = variables['params']['UpBottleneck_5']['ConditionalBatchNorm_3']
  assert norms['bias']['kernel'].shape == (17, 2)


@pytest.mark.parametrize('bottleneck', [False, True])
def test_attention_of_the_start_changes_nothing(bottleneck):
  latents = jax.random.normal(KEY, (2, 6))
  make = functools.partial(resnet.Generator, 32, width=8, bottleneck=bottleneck)
  variables = make(attention=16).init(KEY, latents, train=False)
  params = {k: v for k, v in variables['params'].items() if k != 'SelfAttention_0'}
  assert len(params) == len(variables['params']) - 1
  assert variables['params']['SelfAttention_0']['value']['kernel'].shape == (8, 4)
  chex.assert_trees_all_equal(
    make(attention=16).apply(variables, latents, train=False),
    make().apply({**variables, 'params': params}, latents, train=False),
  )


def test_batch_statistics_are_used_only_in_training():
  generator = resnet.Generator(28, width=4)
  latents = jax.random.normal(KEY, (6, 10))
  variables = generator.init(KEY, latents, train=False)
  alone = generator.apply(variables, latents[:2], train=False)
  among = generator.apply(variables, latents, train=False)[:2]
  np.testing.assert_allclose(alone, among, rtol=1e-5, atol=1e-6)
  trained, new = generator.apply(variables, latents, train=True, mutable=['batch_stats'])
  assert float(jnp.abs(trained[:2] - alone).max()) > 1e-3
  assert jax.tree.structure(new['batch_stats']) == jax.tree.structure(variables['batch_stats'])


def test_kernels_of_resnet_have_units_on_the_last_axis():
  # `transforms.max_norm` and orthogonal penalties rely on this.
  _, variables = shapes(resnet.Discriminator(width=8), jnp.zeros((1, 48, 48, 3)))
  params = variables['params']
  assert params['FirstDownBlock_0']['Conv_0']['kernel'].shape == (3, 3, 3, 8)
  assert params['DownBlock_3']['Conv_1']['kernel'].shape == (3, 3, 64, 128)
  assert params['DownBlock_0']['shortcut']['kernel'].shape == (8, 16)


LATENTS = jnp.zeros((2, 10))
IMAGES = jnp.zeros((2, 32, 32, 3))
MISTAKES = [
  (resnet.Generator(30), LATENTS, 'size=30: not a size of resnet .one of: 28, 32, 48, 64, 128'),
  (resnet.Discriminator(), jnp.zeros((2, 30, 30, 3)), 'size=30: not a size of resnet'),
  (resnet.Generator(32, attention=4), LATENTS, r'attention=4: .* \(0, or one of: 8, 16, 32\)'),
  (resnet.Discriminator(attention=32), IMAGES, r'attention=32: .* \(0, or one of: 16, 8\)'),
  (resnet.Generator(28, attention=7), LATENTS, r'attention=7: .* \(0, or one of: 14, 28\)'),
  (resnet.Generator(32, shared=8), LATENTS, r'shared=8: an embedding without classes \(0\)'),
  (resnet.Generator(32, split_latents=True), LATENTS, 'latents cannot be split into 4 equal chunks'),
  (resnet.Generator(32, split_latents=True, bottleneck=True), LATENTS, 'bottleneck blocks see all'),
  (resnet.Generator(32, upsampling='cubic'), LATENTS, "upsampling='cubic': unknown"),
  (resnet.Generator(32, classes=2), LATENTS, 'classes=2: the game gives no labels'),
  (resnet.Discriminator(norm='batch'), IMAGES, "norm='batch': unknown .one of: spectral, none"),
  (
    resnet.Discriminator(outputs=3, classes=2),
    with_label('examples', IMAGES),
    'outputs=3: a projection',
  ),
]


@pytest.mark.parametrize('network,inputs,message', MISTAKES)
def test_fields_that_do_not_fit_are_rejected(network, inputs, message):
  with pytest.raises(ConfigError, match=message):
    shapes(network, inputs)


def test_networks_with_bfloat16_weights_compute_in_bfloat16():
  latents = {'latents': jax.random.normal(KEY, (2, 12)), 'label': LABEL}
  make = functools.partial(resnet.Generator, 28, width=8, classes=3, attention=14)
  images = {'examples': jnp.zeros((2, 28, 28, 1)), 'label': LABEL}
  cases = [
    (make(), latents),
    (make(shared=5, split_latents=True, spectral=True), latents),
    (make(upsampling='bilinear'), latents),
    (resnet.Discriminator(width=8, classes=3, attention=14), images),
  ]
  half = lambda x: x.astype(jnp.bfloat16) if x.dtype == jnp.float32 else x
  for network, inputs in cases:
    _, variables = shapes(network, inputs)
    rounded = {
      **variables,
      'params': jax.eval_shape(lambda p: jax.tree.map(half, p), variables['params']),
    }
    apply = lambda v, x, n=network: n.apply(v, x, train=True, mutable=['batch_stats'])
    outputs, state = jax.eval_shape(apply, rounded, jax.tree.map(half, inputs))
    assert outputs.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(state)} == {jnp.dtype(jnp.float32)}
