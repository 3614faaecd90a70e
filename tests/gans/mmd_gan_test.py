"""MMD GAN: the squared MMD of features, its witness, and the scaled form."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.gans import mmd_gan
from gan_jax.gans.parts import generator_discriminator
from helpers.toy_networks import PRIOR, Matrix, Points, apart, begin, gradient, loss

REAL, FAKE = ((1.0, 2.0), (0.0, -1.0), (0.5, 0.5)), ((3.0, 0.0), (-1.0, 1.0), (0.2, 0.1))
# Features h(x) = x A of three numbers.
MAP = ((1.0, -0.5, 0.3), (0.2, 0.4, -1.0))
ON_REAL, ON_FAKE = np.array(REAL) @ np.array(MAP), np.array(FAKE) @ np.array(MAP)
ALPHAS = (0.2, 0.5, 1.0, 2.0, 5.0)
PLAIN = {'penalty': 0.0}
LINEAR = {'name': 'polynomial', 'degree': 1, 'scale': 1.0, 'shift': 0.0}


def make(**arguments):
  networks = {'generator': Points(FAKE), 'discriminator': Matrix(MAP)}
  return mmd_gan.make(networks, prior=PRIOR, **arguments)


def kernel(a, b):
  squared = ((a - b) ** 2).sum()
  return sum((1 + squared / (2 * alpha)) ** -alpha for alpha in ALPHAS)


def mmd2(x, y, unbiased=True):
  """Pair by pair; unbiased without the pairs of an example with itself."""
  pairs = [(i, j) for i, j in np.ndindex(len(x), len(x)) if i != j or not unbiased]
  within = [[kernel(z[i], z[j]) for i, j in pairs] for z in (x, y)]
  across = [kernel(a, b) for a, b in itertools.product(x, y)]
  return np.mean(within[0]) + np.mean(within[1]) - 2 * np.mean(across)


@pytest.mark.parametrize('unbiased', [True, False])
def test_generator_lowers_the_loss_the_critic_raises(unbiased):
  game, by_hand = make(unbiased=unbiased, **PLAIN), mmd2(ON_REAL, ON_FAKE, unbiased)
  for player, sign in (('generator', 1), ('discriminator', -1)):
    value, metrics = loss(game, player, REAL)
    assert value == pytest.approx(sign * by_hand, rel=1e-5)
    seen = {'real_distance': apart(REAL), 'fake_distance': apart(FAKE)} if sign < 0 else {}
    assert metrics == pytest.approx({'mmd2': by_hand} | seen, rel=1e-5)
  down, up = gradient(game, 'generator', REAL), gradient(game, 'discriminator', REAL)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, -b, rtol=1e-5), down, up)


def test_loss_compares_the_whole_batch():
  gather = lambda features: jnp.concatenate([features, features + 1])
  pretended = (np.concatenate([x, x + 1]) for x in (ON_REAL, ON_FAKE))
  value, _ = loss(make(**PLAIN), 'generator', REAL, gather=gather)
  assert value == pytest.approx(mmd2(*pretended), rel=1e-5)


def test_penalty_drives_the_witness_gradient_to_1():
  # With k(a, b) = a . b the witness at x is x A . (mean h(real) - mean h(fake)): linear in x.
  apart = ON_REAL.mean(axis=0) - ON_FAKE.mean(axis=0)
  penalty = (np.linalg.norm(np.array(MAP) @ apart) - 1) ** 2
  plain, _ = loss(make(kernel=LINEAR, penalty=0.0), 'discriminator', REAL)
  value, metrics = loss(make(kernel=LINEAR, penalty=3.0), 'discriminator', REAL)
  assert metrics['gradient_penalty'] == pytest.approx(penalty, rel=1e-5)
  assert value == pytest.approx(plain + 3 * penalty, rel=1e-5)
  assert 'gradient_penalty' not in loss(make(kernel=LINEAR), 'generator', REAL)[1]


def test_penalty_of_equal_real_and_fake_is_one():
  # The witness is then 0 everywhere.
  _, metrics = loss(make(), 'discriminator', FAKE)
  assert metrics['gradient_penalty'] == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize('scaling', [0.5, 10.0])
def test_scaling_divides_by_the_feature_gradient(scaling):
  # The Jacobian of the features is A at every point.
  by_hand = mmd2(ON_REAL, ON_FAKE) / (1 + scaling * np.square(MAP).sum())
  game = make(scaling=scaling, **PLAIN)
  assert loss(game, 'generator', REAL)[0] == pytest.approx(by_hand, rel=1e-5)
  assert loss(game, 'discriminator', REAL)[0] == pytest.approx(-by_hand, rel=1e-5)


def test_scaling_removes_the_gain_of_larger_feature_gradients():
  # With k(a, b) = a . b and t A for A the distance goes up with t^2 without end, and so its slope
  # along A is twice itself; s MMD^2 has m t^2 / (1 + c t^2 |A|^2), of slope 2 m / (1 + c |A|^2)^2.
  squared = np.square(MAP).sum()
  for scaling in (0.0, 10.0):
    game = make(kernel=LINEAR, scaling=scaling, **PLAIN)
    value, _ = loss(game, 'generator', REAL)
    slope = (gradient(game, 'generator', REAL)['discriminator']['matrix'] * np.array(MAP)).sum()
    assert slope == pytest.approx(2 * value / (1 + scaling * squared), rel=1e-4)


def test_critic_output_is_minus_the_mean_kernel_with_fakes():
  game = make()
  scores = game.critic(begin(game, REAL), jnp.array(REAL))
  fakes = [ON_FAKE[i % len(FAKE)] for i in range(generator_discriminator.NUM_REFERENCES)]
  by_hand = [-np.mean([kernel(x, y) for y in fakes]) for x in ON_REAL]
  np.testing.assert_allclose(scores, by_hand, rtol=1e-5)


def test_unbiased_loss_of_one_example_is_rejected():
  with pytest.raises(ConfigError, match='batch_size=1: too small for an unbiased MMD'):
    loss(make(), 'generator', REAL[:1])


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ({'penalty': -1.0}, 'penalty=-1.0: out of range'),
    ({'scaling': -1.0}, 'scaling=-1.0: out of range'),
    ({'kernel': {'name': 'rbf'}}, "unknown name 'rbf' .known: distance_induced, polynomial"),
    ({'kernel': {'name': 'rbf_mixture', 'alphas': (1.0,)}}, "unexpected argument 'alphas'"),
  ],
)
def test_invalid_arguments_are_rejected(arguments, message):
  with pytest.raises(ConfigError, match=message):
    make(**arguments)
