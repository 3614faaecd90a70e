"""Each regularizer against its penalty, and in a game by the losses."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax.common import lookup
from gan_jax.common.errors import ConfigError
from gan_jax.game import Inputs
from gan_jax.gans import two_player
from gan_jax.losses import penalties, regularizers

COUNT = 4
KEYS = jax.random.split(jax.random.key(3), COUNT)
REAL, FAKE = jax.random.normal(jax.random.key(0), (2, COUNT, 3))


def bowl(x):
  """|x|^2 / 2, whose gradient is x."""
  return 0.5 * (x**2).sum(axis=-1)


def critique(memory=(), gather=lambda x: x):
  scores = (bowl(REAL), bowl(FAKE))
  return regularizers.PenaltyInputs(bowl, REAL, FAKE, *scores, KEYS, gather, dict(memory))


# {name: (arguments, what its penalty is by the functions of gan_jax.losses.penalties)}
ALL = {
  'gradient_penalty': (
    {'target': 0.5, 'one_sided': True},
    lambda: penalties.gradient_penalty(bowl, penalties.interpolate(KEYS, REAL, FAKE), 0.5, True),
  ),
  'dragan': (
    {'target': 0.5, 'one_sided': True, 'scale': 2.0},
    lambda: penalties.gradient_penalty(
      bowl, penalties.dragan_points(KEYS, REAL, REAL.std(), 2.0), 0.5, True
    ),
  ),
  # The gradient of |x|^2 / 2 is x.
  'r1': ({}, lambda: (REAL**2).sum(axis=-1)),
  'r2': ({}, lambda: (FAKE**2).sum(axis=-1)),
  # The averages are 0 at the start.
  'lecam': ({'decay': 0.9}, lambda: bowl(REAL) ** 2 + bowl(FAKE) ** 2),
}


def make(name, **arguments):
  return lookup.make(regularizers, {'name': name, **arguments})


def test_every_regularizer_is_tested():
  assert set(ALL) == set(lookup.factories(regularizers))


@pytest.mark.parametrize('name', ALL)
def test_penalties_use_their_documented_points(name):
  arguments, by_hand = ALL[name]
  regularizer = make(name, **arguments)
  got = regularizer.penalty(critique(regularizer.init_memory()))
  chex.assert_shape(got, (COUNT,))
  np.testing.assert_allclose(got, by_hand(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('name', ['gradient_penalty', 'dragan'])
def test_gradient_penalty_default_target_is_1_and_two_sided(name):
  flat = critique()._replace(critic=lambda x: 0 * x.sum(axis=-1))
  np.testing.assert_array_equal(make(name).penalty(flat), 1)
  np.testing.assert_array_equal(make(name, one_sided=True).penalty(flat), 0)


def test_dragan_uses_the_std_of_the_gathered_batch():
  # The other devices' examples are ten times as wide.
  gather = lambda x: jnp.concatenate([x, 10 * x, 10 * x])
  points = penalties.dragan_points(KEYS, REAL, gather(REAL).std())
  expected = penalties.gradient_penalty(bowl, points)
  got = make('dragan').penalty(critique(gather=gather))
  np.testing.assert_allclose(got, expected, rtol=1e-5)
  assert not np.allclose(got, make('dragan').penalty(critique()), rtol=1e-2)


def test_only_lecam_has_memory():
  metrics = {'real_score': jnp.float32(1), 'fake_score': jnp.float32(2)}
  for name in set(ALL) - {'lecam'}:
    regularizer = make(name)
    assert regularizer.init_memory() == {}
    assert regularizer.update_memory({}, metrics) == {}


def test_lecam_memory_matches_hand_computation():
  regularizer = make('lecam', decay=0.75)
  memory = regularizer.init_memory()
  assert {kind: float(value) for kind, value in memory.items()} == {'real_score': 0, 'fake_score': 0}
  for real, fake in ((4.0, -8.0), (2.0, 0.0)):
    metrics = {'real_score': jnp.float32(real), 'fake_score': jnp.float32(fake), 'loss': 9.0}
    memory = regularizer.update_memory(memory, metrics)
  # Real: 0.25 * 4 = 1, then 0.75 * 1 + 0.25 * 2 = 1.25.  Fake: 0.25 * -8 = -2, then 0.75 * -2.
  assert {kind: float(value) for kind, value in memory.items()} == {
    'real_score': 1.25,
    'fake_score': -1.5,
  }
  # Real scores against the fake average, fake ones against the real.
  expected = (bowl(REAL) + 1.5) ** 2 + (bowl(FAKE) - 1.25) ** 2
  np.testing.assert_allclose(regularizer.penalty(critique(memory)), expected, rtol=1e-5)


@pytest.mark.parametrize('decay', [-0.1, 1.0, 1.5])
def test_decay_out_of_range_is_rejected(decay):
  with pytest.raises(ConfigError, match=f'decay={decay}: out of range'):
    make('lecam', decay=decay)


def test_decay_that_is_not_a_number_is_rejected():
  with pytest.raises(ConfigError, match='decay=nan: of the wrong kind'):
    make('lecam', decay=float('nan'))


# In a game: a generator that answers z + b, and a discriminator that scores w . x.


class Shift(nn.Module):
  """Latents moved by a parameter."""

  @nn.compact
  def __call__(self, x, *, train, key=None):
    return x + self.param('b', nn.initializers.constant(0.5), (3,))


class Linear(nn.Module):
  """The product with a parameter, (3, 0, 4) at the start, of the norm 5."""

  @nn.compact
  def __call__(self, x, *, train, key=None):
    return x @ self.param('w', lambda key: jnp.array([3.0, 0.0, 4.0]))


class Square(nn.Module):
  """The mean square, times a parameter of 1."""

  @nn.compact
  def __call__(self, x, *, train, key=None):
    return (x**2).mean(axis=-1) * self.param('one', nn.initializers.ones, ())


def game(discriminator=None, loss='wasserstein', **arguments):
  networks = {'generator': Shift(), 'discriminator': discriminator or Linear()}
  prior = {'name': 'normal', 'size': 3}
  return two_player.make(networks, loss={'name': loss}, prior=prior, **arguments)


def played(built, real=REAL, step=0, player=0, memory=None):
  """The loss of a player and its metrics; of several steps, lists of them by one program."""
  keys = jax.random.split(jax.random.key(5), len(real))
  variables = built.init(jax.random.key(0), {'real': real})
  memory = built.init_memory(jax.random.key(1), {'real': real}) if memory is None else memory

  @jax.jit
  def play(step):
    value, aux = built.players[player].loss(variables, Inputs({'real': real}, keys, step, memory))
    return {'loss': value, **aux.metrics}

  found = [jax.tree.map(float, play(jnp.int32(s))) for s in np.atleast_1d(step)]
  return found if np.ndim(step) else found[0]


# The value of each at w = (3, 0, 4): (5 - 1)^2, |w|^2.
WORTH = {'gradient_penalty': 16, 'dragan': 16, 'r1': 25, 'r2': 25}


def test_weights_multiply_the_loss_and_not_the_metrics():
  bare = played(game())
  assert bare['loss'] == pytest.approx(bare['fake_score'] - bare['real_score'], rel=1e-5)
  seen = {'real_score', 'fake_score', 'accuracy', 'real_distance', 'fake_distance'}
  assert set(bare) == {'loss', *seen}
  every_one = {name: {'weight': 0.1 * place} for place, name in enumerate(WORTH)}
  metrics = played(game(penalties=every_one))
  assert {name: metrics[name] for name in WORTH} == pytest.approx(WORTH, rel=1e-5)
  # 0 * 16 + 0.1 * 16 + 0.2 * 25 + 0.3 * 25.
  assert metrics['loss'] - bare['loss'] == pytest.approx(14.1, rel=1e-4)
  assert metrics['real_score'] == pytest.approx(bare['real_score'])
  assert metrics['fake_score'] == pytest.approx(bare['fake_score'])


def test_generator_loss_has_no_penalty():
  with_penalty = played(game(penalties={'r1': {'weight': 1.0}}), player=1)
  assert with_penalty == played(game(), player=1)
  assert set(with_penalty) == {'loss', 'fake_score'}


def test_lazy_penalty_applies_every_nth_step_with_n_times_the_weight():
  bare = played(game())
  lazy = game(penalties={'r1': {'weight': 0.1, 'every': 4}})
  memory = {'regularizers': {'r1': {}}, 'last': {'r1': jnp.float32(7)}}
  for step, metrics in enumerate(played(lazy, step=range(9), memory=memory)):
    # 0.1 * 4 * 25 in steps 0, 4 and 8, which is 0.1 * 25 a step on average.
    due = step % 4 == 0
    assert metrics['r1'] == pytest.approx(25 if due else 7)
    assert metrics['loss'] - bare['loss'] == pytest.approx(10 if due else 0, rel=1e-4, abs=1e-6)


def test_lazy_penalty_in_other_steps_has_no_gradient():
  lazy, bare = game(penalties={'r1': {'weight': 0.1, 'every': 2}}), game()
  variables = bare.init(jax.random.key(0), {'real': REAL})

  def slopes(built):
    loss = lambda v, inputs: built.players[0].loss(v, inputs)[0]
    slope = jax.jit(jax.grad(loss))
    inputs = Inputs({'real': REAL}, KEYS, jnp.int32(0), built.init_memory(KEYS[0], {}))
    found = [slope(variables, inputs.replace(step=jnp.int32(step))) for step in (0, 1)]
    return [np.asarray(s.params['discriminator']['w']) for s in found]

  (due, free), (same, _) = slopes(lazy), slopes(bare)
  # w|^2 it is 0.4 w.|The gradient of 0.1 * 2 * |w|^2 is 0.4 w.|w|^2 it is 0.4 w.
  np.testing.assert_allclose(due - same, [1.2, 0, 1.6], rtol=1e-5, atol=1e-6)
  np.testing.assert_allclose(free, same, rtol=1e-6)


def test_lecam_in_a_game_reads_memory_and_updates_it_from_metrics():
  built = game(penalties={'lecam': {'weight': 2.0, 'decay': 0.75}, 'r1': {'weight': 0.0}})
  memory = built.init_memory(KEYS[0], {})
  memory['regularizers']['lecam'] = {'real_score': jnp.float32(1), 'fake_score': jnp.float32(-3)}
  ones = jnp.ones((1, 3))
  metrics = played(built, ones, memory=memory)
  # A batch of one: the scores are their means. Real: 3 + 4 = 7.
  real, fake = metrics['real_score'], metrics['fake_score']
  assert real == pytest.approx(7)
  assert metrics['lecam'] == pytest.approx((7 + 3) ** 2 + (fake - 1) ** 2, rel=1e-5)
  assert metrics['loss'] == pytest.approx(fake - real + 2 * metrics['lecam'], rel=1e-5)
  reported = {f'discriminator/{name}': metric for name, metric in metrics.items()}
  new = built.update_memory(memory, None, {**reported, 'generator/fake_score': 100.0}, {})
  assert new['regularizers']['lecam'] == pytest.approx(
    {'real_score': 0.75 + 0.25 * 7, 'fake_score': 0.25 * fake - 2.25}
  )
  assert new['regularizers']['r1'] == {}


def test_instance_noise_decays_linearly_to_zero():
  noisy = game(noise={'scale': 2.0, 'steps': 100})
  clean, steps = played(game()), (0, 25, 50, 99, 100, 101, 10_000)
  shown = dict(zip(steps, played(noisy, step=steps), strict=True))
  for kind in ('real_score', 'fake_score'):
    moved = {step: metrics[kind] - clean[kind] for step, metrics in shown.items()}
    assert abs(moved[0]) > 0.1
    # The same draws, at 1, 3/4, 1/2 and 1/100 of the first level.
    assert moved[25] == pytest.approx(0.75 * moved[0], rel=1e-4)
    assert moved[50] == pytest.approx(0.5 * moved[0], rel=1e-4)
    assert moved[99] == pytest.approx(0.01 * moved[0], rel=1e-2, abs=1e-5)
  for step in (100, 101, 10_000):
    assert shown[step] == pytest.approx(clean, rel=1e-6)
  # Real and fake examples have separate noise.
  of = lambda kind: shown[0][kind] - clean[kind]
  assert of('real_score') != pytest.approx(of('fake_score'), rel=1e-2)


def test_instance_noise_has_the_requested_std():
  noisy = game(Square(), noise={'scale': 2.0, 'steps': 10})
  metrics = played(noisy, real=jnp.zeros((2000, 3)), step=5)
  # At half its level of 2, on examples of 0: mean squares of 1, to 4 errors of sqrt(2 / 6000).
  assert abs(metrics['real_score'] - 1) < 0.073
  # The generator is judged in noise too: its samples are N(0.5, 1), so 0.25 + 1 + 1.
  metrics = played(noisy, real=jnp.zeros((2000, 3)), step=5, player=1)
  assert abs(metrics['fake_score'] - 2.25) < 0.25


@pytest.mark.parametrize('weight', [-1, -0.5, True, '10', None])
def test_invalid_weights_are_rejected(weight):
  with pytest.raises(ConfigError, match=r'penalties.r1.weight=.*: out of range'):
    game(penalties={'r1': {'weight': weight}})


@pytest.mark.parametrize('spec', [{}, {'wieght': 0.1}, 0.1])
def test_penalty_without_a_weight_is_rejected(spec):
  with pytest.raises(ConfigError) as refused:
    game(penalties={'r1': spec})
  assert str(refused.value).startswith(f'penalties.r1={spec!r}: the weight is missing')


@pytest.mark.parametrize('every', [0, -1, 1.5, True, '2'])
def test_invalid_every_is_rejected(every):
  with pytest.raises(ConfigError, match=r'penalties.r1.every=.*: out of range'):
    game(penalties={'r1': {'weight': 1.0, 'every': every}})


def test_unknown_penalties_and_arguments_are_rejected_with_the_accepted_ones():
  with pytest.raises(ConfigError, match="unknown name 'r3' .*dragan, gradient_penalty, lecam, r1, r2"):
    game(penalties={'r3': {'weight': 1.0}})
  with pytest.raises(ConfigError, match="unexpected argument 'targets'.*accepted: target, one_sided"):
    game(penalties={'gradient_penalty': {'weight': 1.0, 'targets': 0.0}})


@pytest.mark.parametrize(
  ('noise', 'message'),
  [
    ({'scale': -1.0, 'steps': 10}, 'noise.scale=-1.0: out of range'),
    ({'scale': 1.0, 'steps': 0}, 'noise.steps=0: out of range'),
    ({'scale': 1.0}, "missing argument 'steps'"),
    ({'steps': 1}, "missing argument 'scale'"),
    ({'scale': 1.0, 'steps': 1, 'decay': 2}, "unexpected argument 'decay'.*accepted: scale, steps"),
  ],
)
def test_invalid_noise_is_rejected(noise, message):
  with pytest.raises(ConfigError, match=message):
    game(noise=noise)


@pytest.mark.parametrize('make', [regularizers.gradient_penalty, regularizers.dragan])
def test_negative_target_is_rejected(make):
  for target in (-1.0, float('nan')):
    with pytest.raises(ValueError, match='target='):
      make(target=target)
