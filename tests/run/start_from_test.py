"""Runs that start from the weights of another run."""

import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.config import schema
from gan_jax.game import Variables
from gan_jax.storage import start_from, workdir
from gan_jax.study import sweep
from helpers.commands import command, finish, python
from helpers.crash_at import CODE, crash_at
from helpers.runs import GAN, arrays, assert_same_run, kept_in

_EXPERIMENT = """
import runpy

def get_config(preset=''):
  config = runpy.run_path('experiments/gan.py')['get_config']('test')
  config.seed = 7
  config.start_from = {start_from}
  config.players.generator.frozen = ['generator.Dense_0']
  return config
"""


@pytest.fixture(scope='module')
def donor(tmp_path_factory):
  folder = tmp_path_factory.mktemp('donor') / 'run'
  done = command(GAN, f'--workdir={folder}')
  assert done.returncode == 0, done.stderr
  return folder


def shapes(folder, **changed):
  """The variables of a run's newest checkpoint; `changed` are other arrays of the generator."""
  with kept_in(folder) as kept:
    _, stored = kept.newest(print)
  trees = {'params': {}, 'state': {}}
  for name, array in stored.items():
    kind, *path = name.split('.')
    if kind != 'variables':
      continue
    inside = trees
    for key in path[:-1]:
      inside = inside.setdefault(key, {})
    inside[path[-1]] = array
  trees['params']['generator'] |= changed
  state = {network: trees['state'].get(network, {}) for network in trees['params']}
  return Variables(trees['params'], state)


def network(stored, prefix):
  return {n.removeprefix(prefix): a for n, a in stored.items() if n.startswith(prefix)}


@pytest.mark.slow
def test_killed_run_goes_on_without_the_run_that_it_started_from(donor, tmp_path):
  file = tmp_path / 'experiment.py'
  before = tmp_path / 'before'
  shutil.copytree(donor, before)
  spec = {'generator': {'run': str(before), 'weights': 'averaged'}, 'discriminator': str(before)}
  file.write_text(_EXPERIMENT.replace('{start_from}', repr(spec)))
  flags = f'--config={file}', f'--workdir={tmp_path / "whole"}'
  done = command(*flags)
  assert done.returncode == 0, done.stderr

  old, first, last = arrays(donor, 8), arrays(tmp_path / 'whole', 0), arrays(tmp_path / 'whole', 8)
  raw, averaged = (network(old, f'{kind}.generator.') for kind in ('variables.params', 'ema'))
  params = network(first, 'variables.params.generator.')
  assert any(np.any(raw[name] != params[name]) for name in raw)
  for name, array in params.items():
    np.testing.assert_array_equal(array, averaged[f'params.{name}'])
    np.testing.assert_array_equal(array, first[f'ema.generator.params.{name}'])
    # A frozen layer is after eight steps what it was, and the others are not.
    end = last[f'variables.params.generator.{name}']
    assert np.array_equal(end, array) == name.startswith('Dense_0.')
  for name in first:
    if name.startswith('variables.params.discriminator.'):
      np.testing.assert_array_equal(first[name], old[name])
  assert not [name for name in last if name.startswith('opt.generator') and '.Dense_0.' in name]

  # Killed at the second checkpoint, that of step 4, and resumed when the other run is gone.
  flags = f'--config={file}', f'--workdir={tmp_path / "killed"}'
  crash = crash_at('gan_jax.storage.checkpoints:Checkpoints', 'save', 2)
  assert finish(python(*crash, *flags)).returncode == CODE
  shutil.rmtree(before)
  done = command(*flags)
  assert done.returncode == 0, done.stderr
  assert_same_run(tmp_path / 'whole', tmp_path / 'killed', 8)


@pytest.mark.parametrize(
  ('spec', 'message'),
  [
    ({'generator': '{other}'}, r'^start_from\.generator\.run=.*: the folder contains no run; train'),
    ({'generator': '{empty}'}, r'^start_from\.generator\.run=.*: the run has no checkpoint; train it'),
    (
      {'encoder': '{donor}'},
      r"^start_from: unknown name 'encoder' \(known: discriminator, gene",
    ),
    (
      {'discriminator': {'run': '{donor}', 'weights': 'averaged'}},
      r"^start_from\.discriminator\.weights=averaged: the run .* has no average of 'discriminator'",
    ),
  ],
)
def test_run_that_cannot_be_started_from_is_refused(donor, tmp_path, spec, message):
  empty = tmp_path / 'empty'
  empty.mkdir()
  shutil.copy(donor / workdir.CONFIG, empty)
  folders = {'{donor}': donor, '{empty}': empty, '{other}': tmp_path / 'other'}
  text = json.dumps(spec)
  for name, folder in folders.items():
    text = text.replace(name, str(folder))
  with pytest.raises(ConfigError, match=message):
    start_from.read(json.loads(text), shapes(donor))


def test_network_that_the_other_run_lacks_is_refused(donor):
  like = shapes(donor)
  params, state = ({**side, 'encoder': {}} for side in (like.params, like.state))
  like = dataclasses.replace(like, params=params, state=state)
  message = r"run=.*: the run has no network 'encoder' \(networks: discriminator, generator\)"
  with pytest.raises(ConfigError, match=message):
    start_from.read({'encoder': str(donor)}, like)


def test_other_shape_is_refused_with_the_array_and_both_shapes(donor):
  kernel = jax.ShapeDtypeStruct((3, 5), np.float32)
  like = shapes(donor, Dense_0={'kernel': kernel, 'bias': kernel})
  size = arrays(donor, 8)['variables.params.generator.Dense_0.bias'].shape[0]
  message = (
    rf'^start_from\.generator\.run=.*: params\.Dense_0\.bias is float32 \[{size}\] in that run, and '
    r'float32 \[3, 5\] in this one'
  )
  with pytest.raises(ConfigError, match=message):
    start_from.read({'generator': str(donor)}, like)


@pytest.mark.parametrize('value', [5, '', {}, {'run': 'a', 'weights': 'best'}, {'run': 'a', 'step': 5}])
def test_start_from_of_another_form_is_refused(value):
  config = {**schema.plain(schema.default()), 'start_from': {'generator': value}}
  with pytest.raises(ConfigError, match=r'^start_from\.generator=.*: not a run \(its folder'):
    schema.check(config, devices=1)


def test_study_with_start_from_is_refused(tmp_path):
  file = tmp_path / 'experiment.py'
  file.write_text(_EXPERIMENT.replace('{start_from}', repr({'generator': 'runs/a'})))
  with pytest.raises(ConfigError, match='start_from=.*: a study starts every run from its seed'):
    sweep.settings([str(file)], {})


def test_run_without_the_newer_keys_goes_on(donor):
  config = workdir.read_config(donor)
  older = {key: value for key, value in config.items() if key not in ('start_from', 'microbatches')}
  assert schema.changes(older, config) == []
  assert schema.changes(older, {**config, 'microbatches': 2}) == ['microbatches: 1 -> 2']
