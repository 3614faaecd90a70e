"""The conditional GAN: how labels reach the networks, and what samples are conditioned on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax.common import rng
from gan_jax.common.errors import ConfigError
from gan_jax.gans import acgan, conditional, projection
from helpers.toy_networks import FAKE, PRIOR, REAL, Linear, Points, begin, loss, softplus

LABEL = (1, 0)
# Coordinates, then one weight for each of two classes.
WEIGHTS = (0.5, -1.0, 2.0, -3.0)
# The scores without labels are real -1.5 and 1, fake 1.5 and -1.5; the labels 1 and 0 add -3 and 2.
REAL_SCORES, FAKE_SCORES = np.array([-4.5, 3.0]), np.array([-1.5, 0.5])


class Sum(nn.Module):
  """A generator of the latents plus the class weights, [B, 2 + 2] -> [B, 2]."""

  @nn.compact
  def __call__(self, x, *, train, key=None):
    return self.param('scale', lambda key: jnp.ones(())) * (x[:, :2] + 10 * x[:, 2:])


def make(generator=None, discriminator=None, **more):
  networks = {
    'generator': generator or Points(FAKE),
    'discriminator': discriminator or Linear(WEIGHTS),
  }
  settings = {'prior': PRIOR, 'classes': 2, 'loss': {'name': 'minimax'}, **more}
  return conditional.make(networks, **settings)


def test_losses_with_labels_match_hand_computation():
  value, metrics = loss(make(), 'discriminator', REAL, LABEL)
  assert value == pytest.approx((softplus(-REAL_SCORES) + softplus(FAKE_SCORES)).mean(), rel=1e-6)
  assert metrics['real_score'] == pytest.approx(-0.75)
  assert metrics['fake_score'] == pytest.approx(-0.5)
  value, _ = loss(make(), 'generator', REAL, LABEL)
  assert value == pytest.approx(-softplus(FAKE_SCORES).mean(), rel=1e-6)


def test_gradient_penalty_holds_the_label_fixed():
  # The gradient in the coordinates alone is (0.5, -1), of norm sqrt(1.25).
  game = make(penalties={'gradient_penalty': {'weight': 1.0}})
  _, metrics = loss(game, 'discriminator', REAL, LABEL)
  assert metrics['gradient_penalty'] == pytest.approx((np.sqrt(1.25) - 1) ** 2, rel=1e-5)


def test_images_get_one_constant_channel_for_each_class():
  seen = []
  images = np.arange(2 * 3 * 3, dtype=np.float32).reshape(2, 3, 3, 1)

  class Image(nn.Module):
    @nn.compact
    def __call__(self, x, *, train, key=None):
      return self.param('scale', lambda key: jnp.ones(())) * jnp.ones((len(x), 3, 3, 1))

  discriminator = Linear((1.0,) * 27, note=seen.append)
  game = make(Image(), discriminator)
  begin(game, images, LABEL)
  assert seen[0].shape == (2, 3, 3, 3)
  np.testing.assert_array_equal(seen[0][..., 0], images[..., 0])
  np.testing.assert_array_equal(seen[0][0, ..., 1:].reshape(-1, 2), [[0, 1]] * 9)
  np.testing.assert_array_equal(seen[0][1, ..., 1:].reshape(-1, 2), [[1, 0]] * 9)


@pytest.mark.parametrize('jit', [True, False])
def test_sample_has_the_requested_label_and_the_latents_of_its_key(jit):
  game = make(Sum())
  variables, keys = begin(game, REAL, LABEL), rng.sample_keys(0, 0, 4)
  sample = jax.jit(game.sample) if jit else game.sample
  label = jnp.array([0, 1, 1, 0])
  expected = game.latents(keys) + 10 * np.eye(2)[np.asarray(label)]
  np.testing.assert_allclose(sample(variables, keys, label), expected, rtol=1e-6)


def test_weights_of_classes_interpolate_between_labels():
  game = make(Sum())
  variables, latents = begin(game, REAL, LABEL), jnp.zeros((3, 2))
  weights = jnp.array([[1.0, 0.0], [0.25, 0.75], [0.0, 1.0]])
  np.testing.assert_allclose(game.generate(variables, latents, weights), 10 * weights)


def test_samples_without_a_condition_have_uniform_labels_that_depend_on_their_key_alone():
  game = make(Sum())
  variables, keys = begin(game, REAL, LABEL), rng.sample_keys(0, 0, 4_000)
  label = np.asarray(game.sample(variables, keys) - game.latents(keys)).argmax(axis=1)
  # Four standard deviations of a mean of 4,000 fair coins are 0.032.
  assert label.mean() == pytest.approx(0.5, abs=0.032)
  alone = np.asarray(game.sample(variables, keys[7:8]) - game.latents(keys[7:8])).argmax(axis=1)
  assert alone == label[7]


def test_condition_is_the_label_of_a_batch_and_classes_are_their_number():
  game = make()
  batch = {'real': jnp.zeros((2, 2)), 'label': jnp.array([1, 0])}
  np.testing.assert_array_equal(game.condition(batch), [1, 0])
  assert game.classes == 2
  assert game.critic is None


@pytest.mark.parametrize('variant', [conditional, projection, acgan])
@pytest.mark.parametrize('classes', [1, 2.5, 0])
def test_number_of_classes_below_two_is_rejected(variant, classes):
  networks = {'generator': Points(FAKE), 'discriminator': Linear(WEIGHTS)}
  with pytest.raises(ConfigError, match=f'classes={classes}: '):
    variant.make(networks, prior=PRIOR, classes=classes)
