"""Cramer GAN: energy distances of features, example by example."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.gans import cramer
from helpers.toy_networks import PRIOR, Linear, Matrix, Points, apart, begin, inputs, loss

REAL = ((1.0, 2.0), (0.0, -1.0), (0.5, 0.5))
MAP = ((1.0, -0.5, 0.3), (0.2, 0.4, -1.0))


def norm(x):
  return np.sqrt((x**2).sum(axis=1))


def test_losses_match_per_example_computation():
  drawn = []
  generator = Matrix(((2.0, 0.5), (0.0, 1.0)), note=drawn.append)
  networks = {'generator': generator, 'discriminator': Matrix(MAP)}
  game = cramer.make(networks, prior=PRIOR, weight=0.0)
  variables = begin(game, REAL)
  for player in game.players:
    drawn.clear()
    value, aux = player.loss(variables, inputs(REAL))
    fake, other = (np.asarray(x) for x in drawn)
    assert (abs(fake - other) > 1e-3).all()
    x, y, z = (np.asarray(points) @ np.array(MAP) for points in (REAL, fake, other))
    if player.name == 'generator':
      by_hand = np.mean(norm(x - y) + norm(x - z) - norm(y - z))
    else:
      # The critic raises f(real) - f(fake), f(x) = |h(x) - h(y')| - |h(x)|.
      surrogate = np.mean(norm(x - z) - norm(x) - norm(y - z) + norm(y))
      assert float(aux.metrics['surrogate']) == pytest.approx(surrogate, rel=1e-5)
      won = norm(x - z) - norm(x) > norm(y - z) - norm(y)
      seen = {'accuracy': won.mean(), 'real_distance': apart(REAL), 'fake_distance': apart(fake)}
      assert {name: float(aux.metrics[name]) for name in seen} == pytest.approx(seen, rel=1e-5)
      by_hand = -surrogate
    assert float(value) == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize(
  ('real', 'fake', 'slope'),
  [
    # On a line with h(x) = 2 x and y = y' = fake, f(x) = 2 |x - fake| - 2 |x|: between 0 and the fake
    # its slope is +-4, beyond either 0.
    (1.0, 3.0, 4.0),
    (-1.0, -3.0, 4.0),
    (-4.0, -3.0, 0.0),
    (3.5, 3.0, 0.0),
  ],
)
def test_penalty_drives_the_gradient_of_f_to_1(real, fake, slope):
  networks = {'generator': Points(((fake,),)), 'discriminator': Matrix(((2.0,),))}
  real = [[real]] * 3
  plain, _ = loss(cramer.make(networks, prior=PRIOR, weight=0.0), 'discriminator', real)
  value, metrics = loss(cramer.make(networks, prior=PRIOR, weight=10.0), 'discriminator', real)
  assert metrics['gradient_penalty'] == pytest.approx((slope - 1) ** 2, rel=1e-5)
  assert value == pytest.approx(plain + 10 * (slope - 1) ** 2, rel=1e-5)


def test_generator_loss_is_the_energy_distance_up_to_a_constant():
  # h(x) = x on a line, fakes standard normal, real examples N(2, 1): E|x - y| with x - y from N(m, 2)
  # is sqrt(4 / pi) exp(-m^2 / 4) + m erf(m / 2); so 2 E|x - y| - E|y - y'|.
  count, apart = 20_000, 2.0
  networks = {'generator': Matrix(((1.0,), (0.0,))), 'discriminator': Matrix(((1.0,),))}
  game = cramer.make(networks, prior=PRIOR)
  real = apart + np.asarray(jax.random.normal(jax.random.key(1), (count, 1)))
  value, _ = loss(game, 'generator', real)
  across = np.sqrt(4 / np.pi) * np.exp(-(apart**2) / 4) + apart * float(jax.lax.erf(apart / 2))
  # Four standard errors; one example's value has a standard deviation of less than 3.
  assert value == pytest.approx(2 * across - np.sqrt(4 / np.pi), abs=4 * 3 / np.sqrt(count))


def test_generator_gradient_matches_finite_differences():
  networks = {'generator': Matrix(((2.0, 0.5), (0.0, 1.0))), 'discriminator': Matrix(MAP)}
  game = cramer.make(networks, prior=PRIOR)
  variables, given = begin(game, REAL), inputs(REAL)

  @jax.jit
  def value(matrix):
    params = {**variables.params, 'generator': {'matrix': matrix}}
    return game.players[1].loss(variables.replace(params=params), given)[0]

  matrix, step = variables.params['generator']['matrix'], 1e-2
  slopes = jax.jit(jax.grad(value))(matrix)
  for place in np.ndindex(2, 2):
    moved = jnp.zeros((2, 2)).at[place].set(step)
    difference = (value(matrix + moved) - value(matrix - moved)) / (2 * step)
    assert float(slopes[place]) == pytest.approx(float(difference), abs=2e-3)


def test_critic_output_is_f_averaged_over_fakes():
  fake = ((3.0, 0.0), (-1.0, 1.0))
  game = cramer.make({'generator': Points(fake), 'discriminator': Matrix(MAP)}, prior=PRIOR)
  scores = game.critic(begin(game, REAL), jnp.array(REAL))
  x, y = np.array(REAL) @ np.array(MAP), np.array(fake) @ np.array(MAP)
  by_hand = [np.mean(norm(row - y)) - np.linalg.norm(row) for row in x]
  np.testing.assert_allclose(scores, by_hand, rtol=1e-5)


def test_scalar_outputs_as_features_are_rejected():
  networks = {'generator': Points(REAL), 'discriminator': Linear((1.0, 1.0))}
  game = cramer.make(networks, prior=PRIOR)
  with pytest.raises(ConfigError, match='networks.discriminator: outputs of the shapes .* rank 2'):
    loss(game, 'generator', REAL)
