"""Small networks whose games can be played by hand, and how tests play them."""

import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gan_jax.common import rng
from gan_jax.game import Inputs
from gan_jax.gans import two_player
from gan_jax.runtime.devices import GLOBAL_BATCH, Program, replicate, shard_batch
from gan_jax.training.state import init_state
from gan_jax.training.step import make_step
from gan_jax.training.update_schedule import UpdateSchedule

PRIOR = {'name': 'normal', 'size': 2}

# Scores under Linear(SLOPE) in the order of the rows: real -1.5 and 1, fake 1.5 and -1.5.
REAL, FAKE, SLOPE = ((1.0, 2.0), (0.0, -1.0)), ((3.0, 0.0), (-1.0, 1.0)), (0.5, -1.0)
REAL_SCORES, FAKE_SCORES = np.array([-1.5, 1.0]), np.array([1.5, -1.5])
# Two examples are one pair, (1, 3) and (4, -1) apart; of the scores one of two real ones is the higher.
DISTANCES = {'real_distance': np.sqrt(10), 'fake_distance': np.sqrt(17)}
SEEN = {'real_score': -0.25, 'fake_score': 0.0, 'accuracy': 0.5, **DISTANCES}


class Points(nn.Module):
  """A generator that has memorized its samples: sample i is row i, whatever the latents."""

  values: tuple[tuple[float, ...], ...]

  @nn.compact
  def __call__(self, latents, *, train, key=None):
    points = self.param('points', lambda key: jnp.array(self.values))
    return points[jnp.arange(len(latents)) % len(points)]


class Matrix(nn.Module):
  """x @ matrix, [B, D] -> [B, outputs]: a generator, or features."""

  values: tuple[tuple[float, ...], ...]
  note: Callable = lambda x: None

  @nn.compact
  def __call__(self, x, *, train, key=None):
    outputs = x @ self.param('matrix', lambda key: jnp.array(self.values))
    self.note(outputs)
    return outputs


class Linear(nn.Module):
  """Scores x . weights of all coordinates, [B, ...] -> [B]; `note` is told what it sees."""

  values: tuple[float, ...]
  note: Callable = lambda x: None

  @nn.compact
  def __call__(self, x, *, train, key=None):
    self.note(x)
    return x.reshape(len(x), -1) @ self.param('weights', lambda key: jnp.array(self.values))


class Bowl(nn.Module):
  """Scores scale / 2 |x|^2, whose gradient at x is scale x."""

  @nn.compact
  def __call__(self, x, *, train, key=None):
    return 0.5 * self.param('scale', lambda key: jnp.array(1.0)) * (x**2).sum(axis=1)


class Auto(nn.Module):
  """An autoencoder that brings back half of every coordinate; the codes are the examples."""

  @nn.compact
  def __call__(self, x, *, train, key=None):
    return self.param('scale', lambda key: jnp.array(0.5)) * x, x.reshape(len(x), -1)


def batch_of(real, label=None):
  """A batch of real examples, and of their labels if the game is conditioned on them."""
  batch = {'real': jnp.asarray(real, jnp.float32)}
  return batch if label is None else {**batch, 'label': jnp.asarray(label, jnp.int32)}


def inputs(real, memory=None, step=0, label=None, **more):
  keys = rng.example_keys(jax.random.key(7), jnp.arange(len(real)))
  return Inputs(batch_of(real, label), keys, jnp.int32(step), memory or {}, **more)


def begin(game, real, label=None):
  return game.init(jax.random.key(0), batch_of(real, label))


def started(game):
  """The memory of a game before its first step."""
  return {'memory': game.init_memory(jax.random.key(0), {})}


def loss(game, name, real, label=None, **more):
  """The loss and the metrics of a player, with the networks as they start."""
  [player] = [p for p in game.players if p.name == name]
  given = inputs(real, label=label, **started(game) | more)
  value, aux = player.loss(begin(game, real, label), given)
  return float(value), {key: float(metric) for key, metric in aux.metrics.items()}


def gradient(game, name, real, label=None, **more):
  """The gradient of a player's loss in the parameters of all networks."""
  [player] = [p for p in game.players if p.name == name]
  variables, given = begin(game, real, label), inputs(real, label=label, **started(game) | more)
  return jax.grad(lambda params: player.loss(variables.replace(params=params), given)[0])(
    variables.params
  )


def train(game, optimizers, real, steps=1, devices=1, order='alternating', microbatches=1):
  """The state and the metrics after `steps` steps on the same real examples."""
  local = jax.devices()[:devices]
  how = UpdateSchedule(optimizers, dict.fromkeys(optimizers, 1), {}, order, microbatches=microbatches)
  arrays = {'real': np.asarray(real, np.float32)}
  batch = lambda arrays, draw, rows: {'real': arrays['real'][rows]}
  state = init_state(game, how, jax.random.key(0), arrays)
  call = Program(make_step(game, how, batch, GLOBAL_BATCH, steps), local)
  return call(replicate(state, local), shard_batch(arrays, len(real), local))


def apart(points):
  """The root mean square distance over all pairs of different points."""
  pairs = itertools.combinations(np.asarray(points, float), 2)
  return np.sqrt(np.mean([((a - b) ** 2).sum() for a, b in pairs]))


def softplus(x):
  return np.log1p(np.exp(x))


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


def make(discriminator=None, generator=None, loss='minimax', **more):
  networks = {'generator': generator or Points(FAKE), 'discriminator': discriminator or Linear(SLOPE)}
  return two_player.make(networks, loss={'name': loss}, prior=PRIOR, **more)
