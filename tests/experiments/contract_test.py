"""The contract of every file in experiments/; a new file is tested automatically."""

import dataclasses
import functools
import importlib

import chex
import jax
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from gan_jax.common import rng
from gan_jax.config import build, schema
from gan_jax.config.run_config import parse
from gan_jax.run.setup import assemble_run, initial_state, make_call
from gan_jax.runtime.devices import AXIS, GLOBAL_BATCH, Program, replicate, shard_batch
from gan_jax.storage import checkpoints
from gan_jax.training.step import make_step
from helpers import train_on_devices as devices
from helpers.experiments import EXPERIMENTS, ROOT, experiment, first_step

# The largest difference between 1 and 8 devices after 4 steps, of a parameter and, relatively, of a
# metric: the sums of a batch are taken in another order, and Adam divides by small numbers.
PARAMETER_TOLERANCE, METRIC_TOLERANCE = 1e-5, 1e-4


class Setup:
  """An experiment at a preset."""

  def __init__(self, path, preset):
    self.config = experiment(path, preset)
    self.built = assemble_run(parse(self.config))
    self.traces = 0
    self.begun = functools.cache(lambda: initial_state(self.built))

  def start(self, **changes):
    return initial_state(dataclasses.replace(self.built, **changes)) if changes else self.begun()

  def touched(self, game):
    """{network: whether a step of the game makes anything new of it}, found by tracing the step.

    An array that a step leaves alone is the array that it was given.
    """
    play = self.built.play._replace(updates=dict.fromkeys(self.built.play.updates, 1))
    built, found = dataclasses.replace(self.built, game=game, play=play), {}
    step = make_step(game, play, built.source.batch, GLOBAL_BATCH, 1)

    def look(state, feed):
      after, _ = step(state, feed)
      for name in state.variables.params:
        of = [(v.params[name], v.state[name]) for v in (state.variables, after.variables)]
        pairs = zip(*map(jax.tree.leaves, of), strict=True)
        found[name] = any(old is not new for old, new in pairs)
      return after

    state = jax.eval_shape(lambda: initial_state(built))
    feed = shard_batch(built.source.arrays, self.config['batch_size'], jax.devices()[:1])
    jax.eval_shape(jax.vmap(look, (None, 0), axis_name=AXIS), state, feed)
    return found

  def train(self, calls, devices=1, state=None, **changes):
    """The state and the metrics of all steps, after `calls` calls on this number of devices.

    It begins from `state`, or from the start. `changes` are other parts of what is built.
    """
    built, local = dataclasses.replace(self.built, **changes), jax.devices()[:devices]
    step = make_call(built)

    def counted(state, feed):
      self.traces += 1
      return step(state, feed)

    call = Program(counted, local)
    state = replicate(self.start(**changes) if state is None else state, local)
    feed = shard_batch(built.source.arrays, self.config['batch_size'], local)
    metrics = []
    for _ in range(calls):
      state, new = call(state, feed)
      metrics.append(jax.device_get(new))
    return state, jax.tree.map(lambda *parts: np.concatenate(parts), *metrics)


@functools.cache
def setup(path, preset):
  return Setup(path, preset)


# All on points, where compiling takes little time; with convolutions and with dropout one each.
SUBJECTS = [(path, 'ring-test') for path in EXPERIMENTS]
SUBJECTS += [(ROOT / 'experiments' / f'{name}.py', 'test') for name in ('dcgan', 'gan')]


@pytest.fixture(params=SUBJECTS, ids=lambda given: f'{given[0].stem}:{given[1]}')
def subject(request):
  return setup(*request.param)


def test_steps_are_finite_update_all_players_and_trace_once(subject):
  before = subject.start().variables.params
  subject.traces = 0
  state, metrics = subject.train(calls=3)
  assert subject.traces == 1
  chex.assert_tree_all_finite(metrics)
  for player in subject.built.game.players:
    assert (metrics[f'{player.name}/gradient_norm'] > 0).all()
    for name in player.trains:
      assert _differ(before[name], state.variables.params[name])
  assert int(state.step) == 3 * subject.config['steps_per_call']


def test_player_changes_only_networks_it_owns(subject):
  game = subject.built.game
  for player in game.players:
    alone = tuple(p if p is player else p._replace(trains=()) for p in game.players)
    touched = subject.touched(game._replace(players=alone))
    assert touched == {name: name in player.trains for name in touched}, player.name


# Games whose loss is a mean over examples behave alike; one of them is enough.
ALIKE = (
  'fgan',
  'hinge',
  'instance_noise',
  'kl',
  'lad',
  'lecam',
  'lsgan',
  'optimistic',
  'r1',
  'r3gan',
  'wgan',
  'diffaugment',
  'gan',
)


def divided():
  """The subjects; those that are alike, or in device_counts_test too, only among the slow tests."""
  for path, preset in SUBJECTS:
    elsewhere = f'{path.stem}:{preset}' in devices.SUBJECTS
    slow = (pytest.mark.slow,) if elsewhere or path.stem in ALIKE and preset == 'ring-test' else ()
    yield pytest.param((path, preset), marks=slow, id=f'{path.stem}:{preset}')


@pytest.mark.parametrize('subject', [*divided()], indirect=True)
def test_eight_devices_match_one_and_replicas_are_equal(subject):
  calls = 4 // subject.config['steps_per_call']
  play = subject.built.play
  if subject.config['gan']['name'] == 'dcgan':
    # Adam makes some part of a step of the rounding errors of a gradient near 0, so steps are small.
    play = play._replace(optimizers=dict.fromkeys(play.optimizers, optax.adam(5e-5, b1=0.5)))
  elif subject.config['gan']['name'] != 'gan':
    # Adam would make steps of the rounding errors of a gradient that is 0, as that of the last bias
    # is in a game of score differences.
    play = play._replace(optimizers=dict.fromkeys(play.optimizers, optax.sgd(1e-4)))
  state = subject.start(play=play)
  one, metrics = subject.train(calls, state=state, play=play)
  eight, others = subject.train(calls, devices=8, state=state, play=play)
  for leaf in jax.tree.leaves(eight.replace(key=jax.random.key_data(eight.key))):
    copies = [np.asarray(shard.data) for shard in leaf.addressable_shards]
    assert len(copies) == 8
    for copy in copies[1:]:
      np.testing.assert_array_equal(copy, copies[0])
  for name, value in metrics.items():
    near = 1e-8 if name.endswith('gradient_norm') else 1e-6
    np.testing.assert_allclose(others[name], value, rtol=METRIC_TOLERANCE, atol=near, err_msg=name)
  difference = jax.tree.map(
    lambda a, b: float(np.abs(np.asarray(a) - np.asarray(b)).max()),
    one.variables.params,
    eight.variables.params,
  )
  worst = max(jax.tree.leaves(difference))
  print(f'largest difference of a parameter between 1 and 8 devices: {worst:.1e}')
  assert worst < PARAMETER_TOLERANCE


def test_samples_have_the_data_shape_and_depend_only_on_their_key(subject):
  variables = subject.start().variables
  keys = rng.example_keys(jax.random.key(1), np.arange(5))
  samples = subject.built.game.sample(variables, keys)
  batch = build.make_batch(subject.built.source, subject.config['batch_size'])
  assert samples.shape == (5, *batch['real'].shape[1:])
  chex.assert_tree_all_finite(samples)
  alone = subject.built.game.sample(variables, keys[3:4])
  np.testing.assert_allclose(alone[0], samples[3], rtol=1e-5, atol=1e-6)


def each():
  """All experiments; those that are alike only among the slow tests."""
  for path in EXPERIMENTS:
    yield pytest.param(path, marks=[pytest.mark.slow] if path.stem in ALIKE else [], id=path.stem)


@pytest.mark.parametrize('path', [*each()])
def test_step_on_the_smallest_batch_is_finite(path):
  # A pack of two, and an unbiased MMD, have no batch of one.
  least = {'pacgan': 2, 'mmd_gan': 2}.get(path.stem, 1)
  metrics = first_step(path, 'ring-test', batch_size=least)
  assert all(np.isfinite(value) for value in metrics.values())


# One of each way to use a convolution: its second derivatives, its norms, steps ahead of it. The others
# are of these kinds, and only among the slow tests.
DIGITS = ('ebgan', 'mmd_gan', 'r3gan', 'unrolled', 'wgan_gp')
ALSO = ('consensus', 'cramer', 'hinge', 'pacgan', 'wgan')


@pytest.mark.parametrize('name', [*DIGITS, *(pytest.param(n, marks=pytest.mark.slow) for n in ALSO)])
def test_step_on_digits_is_finite_and_updates_all_players(name):
  metrics = first_step(ROOT / 'experiments' / f'{name}.py')
  assert all(np.isfinite(value) for value in metrics.values())
  assert all(value > 0 for name, value in metrics.items() if name.endswith('gradient_norm'))


@pytest.mark.parametrize('path', EXPERIMENTS, ids=lambda path: path.stem)
@pytest.mark.parametrize('preset', ['', 'test', 'ring', 'grid', 'swiss_roll', 'mixture_1200-test'])
def test_configs_are_plain_and_pass_the_check(path, preset):
  plain = experiment(path, preset)
  assert schema.plain(ConfigDict(plain)) == plain
  schema.check(plain, devices=1)
  assemble_run(parse(plain))


@pytest.mark.parametrize('path', EXPERIMENTS, ids=lambda path: path.stem)
def test_docstring_states_resolved_hyperparameters(path, monkeypatch):
  monkeypatch.syspath_prepend(ROOT / 'tools')
  experiment_settings = importlib.import_module('experiment_settings')
  assert path.read_text() == experiment_settings.updated(path), (
    'run tools/experiment_settings.py --write'
  )


def test_state_round_trips_through_arrays(subject):
  state = subject.start()
  again = checkpoints.from_arrays(checkpoints.to_arrays(state), jax.eval_shape(subject.start))
  chex.assert_trees_all_equal_structs(state, again)
  for old, new in zip(*(checkpoints.to_arrays(s).items() for s in (state, again)), strict=True):
    assert old[0] == new[0]
    np.testing.assert_array_equal(old[1], new[1])


def _differ(a, b):
  return any(
    (np.asarray(x) != np.asarray(y)).any()
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
  )
