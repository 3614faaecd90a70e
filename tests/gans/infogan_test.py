"""InfoGAN: codes among the latents, the information that both players maximize, and its baseline."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax.common import rng
from gan_jax.common.errors import ConfigError
from gan_jax.gans import infogan
from helpers.toy_networks import PRIOR, REAL, begin, gradient, loss, softplus

# With q(c|x) of the least standard deviation 0.01 around the code itself, its information is
# -ln(2 pi) / 2 - ln 0.01 + ln 2.
SHARP = -0.5 * np.log(2 * np.pi) - np.log(0.01) + np.log(2)


class Reveal(nn.Module):
  """A generator of [first class weight + scale * continuous code, continuous code]."""

  @nn.compact
  def __call__(self, x, *, train, key=None):
    scale = self.param('scale', lambda key: jnp.ones(()))
    return jnp.stack([x[:, 2] - x[:, 3], scale * x[:, 4]], axis=1)


class Judge(nn.Module):
  """Logits slope * (x1 + x2); the features are the example times a scale."""

  @nn.compact
  def __call__(self, x, *, train, key=None):
    slope = self.param('slope', lambda key: jnp.full((), 0.5))
    return {'logits': slope * x.sum(axis=1), 'features': self.param('scale', lambda key: 1.0) * x}


class Recognize(nn.Module):
  """Logits +-sharpness * feature 1, mean gain * feature 2, and a standard deviation."""

  sharpness: float = 50.0
  std: float = -50.0
  gain: float = 1.0

  @nn.compact
  def __call__(self, x, *, train, key=None):
    logit = self.param('sharpness', lambda key: jnp.full((), self.sharpness)) * x[:, 0]
    std = self.param('std', lambda key: jnp.full((), self.std)) * jnp.ones(len(x))
    mean = self.param('gain', lambda key: jnp.full((), self.gain)) * x[:, 1]
    return jnp.stack([logit, -logit, mean, std], axis=1)


def make(recognition=None, judge=None, **more):
  networks = {
    'generator': Reveal(),
    'discriminator': judge or Judge(),
    'recognition': recognition or Recognize(),
  }
  settings = {
    'prior': PRIOR,
    'loss': {'name': 'minimax'},
    'categories': (2,),
    'category_weights': (3.0,),
    'continuous_weights': (0.5,),
  }
  return infogan.make(networks, **settings | more)


def test_latents_are_noise_then_one_hot_then_uniform_codes():
  latents = np.asarray(
    make(categories=(2, 3), category_weights=(1, 1)).latents(rng.sample_keys(0, 0, 5_000))
  )
  assert latents.shape == (5_000, 2 + 2 + 3 + 1)
  for part, count in ((latents[:, 2:4], 2), (latents[:, 4:7], 3)):
    assert set(np.unique(part)) == {0, 1}
    np.testing.assert_array_equal(part.sum(axis=1), 1)
    np.testing.assert_allclose(part.mean(axis=0), 1 / count, atol=0.03)
  uniform = latents[:, 7]
  assert -1 <= uniform.min() < -0.99 < 0.99 < uniform.max() < 1
  np.testing.assert_allclose(uniform.var(), 1 / 3, atol=0.02)
  assert abs(np.corrcoef(latents[:, [0, 1, 2, 4, 7]].T) - np.eye(5)).max() < 0.06


def test_information_of_revealed_codes_is_their_entropy_and_lowers_both_losses():
  value, metrics = loss(make(), 'generator', REAL)
  assert metrics['information_0'] == pytest.approx(np.log(2), rel=1e-6)
  assert metrics['information_1'] == pytest.approx(SHARP, rel=1e-5)
  information = 3 * np.log(2) + 0.5 * SHARP
  plain, _ = loss(make(category_weights=(0.0,), continuous_weights=(0.0,)), 'generator', REAL)
  assert value == pytest.approx(plain - information, rel=1e-5)
  values = [
    loss(make(category_weights=(3 * w,), continuous_weights=(0.5 * w,)), 'discriminator', REAL)[0]
    for w in (0, 1)
  ]
  assert values[1] == pytest.approx(values[0] - information, rel=1e-5)


def test_information_of_a_recognition_that_ignores_samples_is_not_positive():
  _, metrics = loss(make(Recognize(sharpness=0.0, std=0.0)), 'generator', REAL)
  assert metrics['information_0'] == 0
  std = softplus(0.0) + 0.01
  # The mean is the code itself.
  assert metrics['information_1'] == pytest.approx(np.log(2) - np.log(std) - 0.5 * np.log(2 * np.pi))


@pytest.mark.parametrize('informs', [True, False])
def test_baseline_leaves_generator_and_discriminator_those_of_a_plain_gan(informs):
  blurred = Recognize(sharpness=0.5, std=1.0, gain=0.5)
  with_information = make(blurred, informs_generator=informs)
  without = make(blurred, category_weights=(0.0,), continuous_weights=(0.0,))
  for player in ('discriminator', 'generator'):
    got, plain = (gradient(game, player, REAL) for game in (with_information, without))
    same = jax.tree.map(np.allclose, got[player], plain[player])
    assert all(jax.tree.leaves(same)) != informs
  recognition = gradient(with_information, 'discriminator', REAL)['recognition']
  assert all(abs(leaf) > 1e-3 for leaf in jax.tree.leaves(recognition))


def test_players_own_the_recognition_network_with_the_discriminator():
  game = make()
  assert [(p.name, p.trains) for p in game.players] == [
    ('discriminator', ('discriminator', 'recognition')),
    ('generator', ('generator',)),
  ]


def test_classify_gives_the_logits_of_the_first_categorical_code():
  game = make(Recognize(sharpness=2.0))
  variables = begin(game, REAL)
  x = np.array(REAL)[:, 0]
  np.testing.assert_allclose(game.classify(variables, np.array(REAL)), np.stack([2 * x, -2 * x], 1))
  assert make(categories=(), category_weights=(), recognition=_Outputs(2)).classify is None


class _Outputs(nn.Module):
  size: int

  @nn.compact
  def __call__(self, x, *, train, key=None):
    return nn.Dense(self.size)(x)


def test_traversals_name_the_place_and_the_values_of_each_code():
  game = make(_Outputs(2 + 3 + 2), categories=(2, 3), category_weights=(1, 1))
  latents = np.asarray(game.latents(rng.sample_keys(0, 0, 4)))
  places = [latents.shape[1] + t.first for t in game.traversals]
  assert places == [2, 4, 7]
  np.testing.assert_array_equal(game.traversals[1].values, np.eye(3))
  np.testing.assert_allclose(game.traversals[2].values[[0, -1], 0], [-1, 1])


@pytest.mark.parametrize(
  ('settings', 'message'),
  [
    ({'recognition': _Outputs(5)}, r'networks.recognition: outputs of shape \(5,\) \(4: '),
    ({'categories': (1,)}, 'categories=1: '),
    ({'category_weights': (1.0, 1.0)}, r'2 weights for 1 categorical codes'),
    ({'category_weights': (-1.0,)}, r'category_weights=\[-1.0\]: out of range'),
    ({'continuous_weights': (float('nan'),)}, r'continuous_weights=\[nan\]: out of range'),
    ({'categories': (), 'category_weights': (), 'continuous_weights': ()}, 'no code'),
    ({'judge': _Outputs(1)}, 'networks.discriminator: no features'),
  ],
)
def test_settings_that_do_not_fit_are_rejected(settings, message):
  with pytest.raises(ConfigError, match=message):
    loss(make(**settings), 'generator', REAL)
