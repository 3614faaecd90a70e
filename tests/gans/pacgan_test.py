"""PacGAN: a discriminator of packs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax.common import rng
from gan_jax.common.errors import ConfigError
from gan_jax.gans import pacgan, two_player
from helpers.toy_networks import PRIOR, Linear, Points, apart, begin, inputs, loss, softplus

REAL = ((1.0, 2.0), (0.0, -1.0), (0.5, 0.5), (2.0, -2.0), (1.5, 0.0), (-1.0, -1.0))
FAKE = ((3.0, 0.0), (-1.0, 1.0), (0.25, 0.125), (0.0, 0.75), (1.0, 1.0), (-2.0, 0.0))
SLOPE = (0.5, -1.0, 0.25, 2.0, 1.0, -0.5)


def make(degree, discriminator=None, fake=FAKE, **arguments):
  judge = discriminator or Linear(SLOPE[: 2 * degree])
  networks = {'generator': Points(fake), 'discriminator': judge}
  return pacgan.make(networks, prior=PRIOR, degree=degree, **arguments)


@pytest.mark.parametrize('degree', [1, 2, 3])
def test_points_of_a_pack_are_concatenated(degree):
  seen = []
  game = make(degree, Linear(SLOPE[: 2 * degree], note=seen.append))
  loss(game, 'discriminator', REAL)
  for packs, points in zip(seen[-2:], (REAL, FAKE), strict=True):
    assert packs.shape == (6 // degree, 2 * degree)
    for i, pack in enumerate(np.asarray(packs)):
      np.testing.assert_array_equal(pack, np.concatenate(points[i * degree : (i + 1) * degree]))


@pytest.mark.parametrize('degree', [2, 3])
def test_images_of_a_pack_are_concatenated_along_channels(degree):
  seen = []
  images = jnp.arange(6 * 4 * 5 * 2, dtype=jnp.float32).reshape(6, 4, 5, 2)
  packed = make(degree, Linear((0.0,) * 40 * degree, note=seen.append)).networks['discriminator']
  scores, _ = packed.init_with_output(jax.random.key(0), images, train=True)
  assert scores.shape == (6 // degree,)
  [packs] = seen
  assert packs.shape == (6 // degree, 4, 5, 2 * degree)
  for i in range(6):
    pack, place = divmod(i, degree)
    np.testing.assert_array_equal(packs[pack, ..., 2 * place : 2 * place + 2], images[i])


@pytest.mark.parametrize('degree', [2, 3])
def test_losses_are_means_over_packs(degree):
  slope = np.array(SLOPE[: 2 * degree])
  real, fake = (np.reshape(x, (6 // degree, -1)) @ slope for x in (REAL, FAKE))
  value, metrics = loss(make(degree), 'discriminator', REAL)
  assert value == pytest.approx((softplus(-real) + softplus(fake)).mean(), rel=1e-5)
  seen = {'accuracy': (real > fake).mean(), 'real_distance': apart(REAL), 'fake_distance': apart(FAKE)}
  means = {'real_score': real.mean(), 'fake_score': fake.mean()}
  assert metrics == pytest.approx(means | seen, rel=1e-5)
  value, _ = loss(make(degree), 'generator', REAL)
  assert value == pytest.approx(softplus(-fake).mean(), rel=1e-5)


def test_pack_of_one_matches_the_unpacked_game():
  networks = {'generator': Points(FAKE), 'discriminator': Linear(SLOPE[:2])}
  spec = {'name': 'hinge'}
  ordinary = two_player.make(networks, loss=spec, prior=PRIOR)
  for player in ('discriminator', 'generator'):
    assert loss(make(1, loss=spec), player, REAL) == loss(ordinary, player, REAL)


def test_pack_gets_one_key():
  class Keyed(nn.Module):
    @nn.compact
    def __call__(self, x, *, train, key=None):
      scale = self.param('scale', lambda key: jnp.array(1.0))
      return scale * (jnp.zeros(len(x)) if key is None else jax.vmap(jax.random.uniform)(key))

  game = make(2, Keyed())
  variables, given = begin(game, REAL), inputs(REAL)
  [own] = variables.params['discriminator'].values()
  assert own == {'scale': 1}
  scores = game.networks['discriminator'].apply(
    {'params': variables.params['discriminator']}, jnp.array(REAL), train=True, key=given.key
  )
  assert len(np.unique(scores)) == 3


def test_critic_output_is_that_of_a_pack_of_copies():
  game = make(2)
  scores = game.critic(begin(game, REAL), jnp.array(REAL))
  np.testing.assert_allclose(scores, np.tile(REAL, 2) @ np.array(SLOPE[:4]), rtol=1e-5)


def test_samples_are_unpacked():
  game = make(2)
  keys = rng.sample_keys(0, 0, 3)
  np.testing.assert_allclose(game.sample(begin(game, REAL), keys), FAKE[:3])


def test_batch_not_divisible_into_packs_is_rejected():
  with pytest.raises(ConfigError, match='degree=4: a device has 6 examples'):
    begin(make(4, Linear((1.0,) * 8)), REAL)


@pytest.mark.parametrize('degree', [0, -2])
def test_degree_below_1_is_rejected(degree):
  with pytest.raises(ConfigError, match=f'degree={degree}: out of range'):
    make(degree, Linear(SLOPE))
