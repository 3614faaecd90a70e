"""The projection discriminator: which networks get labels, and the paper's logit in both families."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import traverse_util

from gan_jax.common import rng
from gan_jax.common.errors import ConfigError
from gan_jax.gans import projection
from gan_jax.networks import dcgan, mlp_2d
from helpers.toy_networks import PRIOR, REAL, begin, loss

LABEL = (1, 0)


class Shift(nn.Module):
  """A generator of the latents plus the label."""

  @nn.compact
  def __call__(self, inputs, *, train, key=None):
    scale = self.param('scale', lambda key: jnp.ones(()))
    return scale * (inputs['latents'] + inputs['label'][:, None])


class Inner(nn.Module):
  """Logits (label + 1) * sum of the coordinates: a projection on the embeddings (1, 1) and (2, 2)."""

  @nn.compact
  def __call__(self, inputs, *, train, key=None):
    scale = self.param('scale', lambda key: jnp.ones(()))
    return scale * (inputs['label'] + 1) * inputs['examples'].sum(axis=1)


def make(**more):
  return projection.make(
    {'generator': Shift(), 'discriminator': Inner()}, prior=PRIOR, classes=2, **more
  )


def test_hinge_loss_uses_the_label_of_each_example():
  # Real: 2 (1 + 2) = 6 with label 1, 1 (0 - 1) = -1 with label 0; the hinge terms are 0 and 2.
  value, metrics = loss(make(), 'discriminator', REAL, LABEL)
  assert metrics['real_score'] == pytest.approx(2.5)
  only_real = value - np.maximum(0, 1 + fake_logits(make())).mean()
  assert only_real == pytest.approx(1.0, rel=1e-5)


def fake_logits(game):
  """The logits of the fakes of a first update, whose labels are those of the real examples."""
  keys = rng.split(rng.example_keys(jax.random.key(7), jnp.arange(2)), 7)
  fake = game.latents(keys[0]) + np.array(LABEL)[:, None]
  return (np.array(LABEL) + 1) * np.asarray(fake).sum(axis=1)


def test_generation_without_a_label_is_rejected_with_a_remedy():
  game = make()
  with pytest.raises(ConfigError, match=r'condition=None: .*weights \[N, 2\].*pass a condition'):
    game.generate(begin(game, REAL, LABEL), jnp.zeros((2, 2)))


@pytest.mark.parametrize(
  ('network', 'examples'),
  [
    (dcgan.Discriminator(width=4, norm='none', classes=3), jnp.linspace(-1, 1, 2 * 28 * 28)),
    (mlp_2d.Discriminator(hidden=(8,), classes=3), jnp.linspace(-1, 1, 4)),
  ],
  ids=['dcgan', 'mlp_2d'],
)
def test_logits_of_two_labels_differ_by_the_inner_product_of_features_and_embeddings(network, examples):
  x = examples.reshape((2, 28, 28, 1) if examples.size > 4 else (2, 2))
  call = lambda variables, label, net=network: net.apply(
    variables, {'examples': x, 'label': label}, train=False
  )
  zero, two = jnp.zeros(2, jnp.int32), jnp.full(2, 2)
  variables = network.init(jax.random.key(0), {'examples': x, 'label': zero}, train=False)
  features = call(variables, zero, network.clone(with_features=True))['features']
  pooled = features.reshape(2, 4, 4, -1).sum(axis=(1, 2)) if x.ndim == 4 else features
  found = flat(variables['params'])
  (table,) = (found[name] for name in found if 'embedding' in name and name.endswith('kernel'))
  expected = pooled @ (table[2] - table[0])
  np.testing.assert_allclose(call(variables, two) - call(variables, zero), expected, atol=1e-5)
  halfway = jnp.array([[0.5, 0, 0.5]] * 2)
  mean = (call(variables, two) + call(variables, zero)) / 2
  np.testing.assert_allclose(call(variables, halfway), mean, atol=1e-5)


def flat(params):
  return traverse_util.flatten_dict(params, sep='.')


@pytest.mark.parametrize('network', [dcgan.Discriminator, mlp_2d.Discriminator])
def test_network_with_classes_and_several_outputs_is_rejected(network):
  x = jnp.zeros((2, 28, 28, 1)) if network is dcgan.Discriminator else jnp.zeros((2, 2))
  inputs = {'examples': x, 'label': jnp.zeros(2, jnp.int32)}
  with pytest.raises(ConfigError, match='outputs=5: a network with classes has one logit'):
    network(classes=3, outputs=5).init(jax.random.key(0), inputs, train=False)


def test_dcgan_generator_starts_without_a_difference_between_labels_and_learns_one():
  network = dcgan.Generator(size=28, width=4, classes=3)
  latents = jnp.linspace(-1, 1, 20).reshape(2, 10)
  inputs = lambda label: {'latents': latents, 'label': jnp.full(2, label)}
  variables = network.init(jax.random.key(0), inputs(0), train=False)
  images = [network.apply(variables, inputs(label), train=False) for label in (0, 1)]
  np.testing.assert_array_equal(*images)
  bias = flat(variables['params'])
  names = [name for name in bias if name.endswith('bias.kernel')]
  assert len(names) == 3
  changed = traverse_util.unflatten_dict({**bias, names[0]: bias[names[0]].at[1].set(100.0)}, sep='.')
  after = {**variables, 'params': changed}
  images = [network.apply(after, inputs(label), train=False) for label in (0, 1)]
  assert float(abs(images[0] - images[1]).max()) > 1e-3
