"""The contract of every file in experiments/; a new file is tested automatically."""

import functools
import importlib

import chex
import jax
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from gan_jax import testing
from gan_jax.common.errors import ConfigError
from gan_jax.config import build, schema
from gan_jax.config.run_config import parse
from gan_jax.run.setup import assemble_run
from helpers import train_on_devices as devices
from helpers.experiments import EXPERIMENTS, ROOT, experiment, first_step


@functools.cache
def setup(path, preset):
  return testing.Subject(experiment(path, preset))


def batch_of(subject):
  return build.make_batch(subject.built.source, subject.config['batch_size'])


LABELED = ('acgan', 'conditional', 'projection')
"""Experiments that need data with labels."""


# All on points, where compiling takes little time; with convolutions and with dropout one each.
SUBJECTS = [(path, 'ring-test') for path in EXPERIMENTS]
SUBJECTS += [(ROOT / 'experiments' / f'{name}.py', 'test') for name in ('dcgan', 'gan')]


@pytest.fixture(params=SUBJECTS, ids=lambda given: f'{given[0].stem}:{given[1]}')
def subject(request):
  return setup(*request.param)


def test_steps_are_finite_update_all_players_and_trace_once(subject):
  optimizers = {player['optimizer'] for player in subject.config['players'].values()}
  if 'optimistic_adam_v2' in optimizers and jax.__version_info__ < (0, 8):
    pytest.skip('JAX 0.7 compiles the step twice: this optimizer sets a constant in its state')
  metrics = testing.check_steps(subject)
  assert subject.traces == 1
  assert all(np.isfinite(values).all() for values in metrics.values())


def test_player_changes_only_networks_it_owns(subject):
  testing.check_players(subject.built.game)
  changed = testing.check_ownership(subject)
  assert changed == {player.name: set(player.trains) for player in subject.built.game.players}


# Games whose loss is a mean over examples behave alike; one of them is enough.
ALIKE = (
  'biggan',
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
  'sagan',
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
  play = None
  if subject.config['gan']['name'] == 'dcgan':
    # Adam makes some part of a step of the rounding errors of a gradient near 0, so steps are small.
    play = subject.built.play
    play = play._replace(optimizers=dict.fromkeys(play.optimizers, optax.adam(5e-5, b1=0.5)))
  elif subject.config['gan']['name'] == 'gan':
    play = subject.built.play
  assert testing.check_devices(subject, 8, play) < 1e-5


def test_samples_have_the_data_shape_and_depend_only_on_their_key(subject):
  samples = testing.check_samples(subject)
  assert samples.shape == (5, *batch_of(subject)['real'].shape[1:])


def test_functions_of_examples_have_a_row_for_each_example(subject):
  shapes = testing.check_functions(subject)
  game = subject.built.game
  offered = {'critic': game.critic, 'classify': game.classify, 'nll': game.nll, 'encode': game.encode}
  assert shapes.keys() == {name for name, function in offered.items() if function}


def each():
  """All experiments; those that are alike only among the slow tests."""
  for path in EXPERIMENTS:
    yield pytest.param(path, marks=[pytest.mark.slow] if path.stem in ALIKE else [], id=path.stem)


@pytest.mark.slow
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
  if preset == 'swiss_roll' and path.stem in LABELED:
    with pytest.raises(ConfigError, match='this data has no labels, which the experiment needs'):
      experiment(path, preset)
    return
  plain = experiment(path, preset)
  testing.check_config(plain)
  assert schema.plain(ConfigDict(plain)) == plain
  schema.check(plain, devices=1)
  assemble_run(parse(plain))


@pytest.mark.parametrize('path', EXPERIMENTS, ids=lambda path: path.stem)
def test_docstring_states_resolved_hyperparameters(path, monkeypatch):
  monkeypatch.syspath_prepend(ROOT / 'tools')
  experiment_settings = importlib.import_module('experiment_settings')
  assert path.read_text() == experiment_settings.updated(path), (
    'run .venv/bin/python tools/experiment_settings.py --write'
  )


def test_state_round_trips_through_arrays(subject):
  again = testing.check_state(subject)
  chex.assert_trees_all_equal_structs(subject.start(), again)
  assert int(again.step) == 0
