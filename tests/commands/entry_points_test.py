"""Ways to start a command, its help, and how it rejects keys and runs of version 0.1."""

import json

import pytest

from helpers.commands import command, finish, forks, python

MODULES = {
  'main': ('config', 'workdir', 'profile', 'coordinator', 'num_processes', 'process_id', 'wandb'),
  'sample': ('workdir', 'num', 'seed', 'out', 'step', 'ema'),
  'evaluate': ('workdir', 'data', 'features', 'scores', 'num', 'seed', 'step', 'ema'),
  'report': ('workdir', 'data', 'step', 'seed'),
  'study': ('config', 'seeds', 'sweep', 'out', 'dry_run'),
}


@pytest.mark.parametrize('name', MODULES)
def test_module_with_help_prints_its_flags_and_exits_0(name):
  done = finish(python('-m', f'gan_jax.{name}', '--help'))
  assert done.returncode == 0, done.stderr
  for flag in MODULES[name]:
    assert f'--{flag}:' in done.stdout or f'--[no]{flag}:' in done.stdout, flag


def test_unknown_verb_is_rejected_with_the_known_ones():
  done = command(verb='trian')
  assert done.returncode == 2
  assert done.stdout == ''
  (line,) = done.stderr.splitlines()
  assert line.startswith("error: 'trian': unknown command (one of: evaluate, ")
  assert line.endswith("; did you mean 'train'?")


def test_missing_verb_prints_the_usage_and_exits_2():
  done = finish(python('-m', 'gan_jax'))
  assert done.returncode == 2
  assert done.stdout.startswith('usage: gan-jax VERB [flags], or python -m gan_jax VERB')


API = """
from gan_jax import divergences, losses, metrics, penalties
import gan_jax

assert gan_jax.penalties is penalties
assert gan_jax.losses.hinge() is not None
assert gan_jax.divergences is divergences
print(callable(penalties.gradient_penalty), callable(penalties.pull_away), metrics.__name__)
"""


def test_packages_of_pure_functions_are_reachable_from_gan_jax():
  done = finish(python('-c', API))
  assert done.returncode == 0, done.stderr
  assert done.stdout == 'True True gan_jax.metrics\n'


# Keys of version 0.1 with a value, and their names now.
RENAMED = {
  'update': ('"simultaneous"', 'update_rule'),
  'unroll': ('2', 'scan_unroll'),
  'keep': ('3', 'keep_checkpoints'),
  'players.discriminator.steps': ('2', 'updates_per_step'),
  'players.discriminator.before': ('{}', 'gradient_transforms'),
  'players.generator.after': ('{}', 'update_transforms'),
  'players.generator.constraints': ('{}', 'weight_constraints'),
  'data.bad_share': ('0.1', 'max_corrupt_fraction'),
}
EXPERIMENT = """
import runpy

def get_config(preset):
  config = runpy.run_path('experiments/gan.py')['get_config'](preset)
  with config.unlocked():
    config.{key} = {value}
  return config
"""


def assert_rejected(done, message):
  assert done.returncode == 2, (done.stdout, done.stderr)
  (line,) = done.stderr.splitlines()
  assert line.startswith('error: '), line
  assert message in line, line


@pytest.fixture(scope='module')
def rejections(tmp_path_factory):
  """Returns {(key, 'flag' or 'file'): how training with the old key ended}."""
  folder = tmp_path_factory.mktemp('renamed')
  commands = {}
  for key, (value, _) in RENAMED.items():
    file = folder / f'{key}.py'
    file.write_text(EXPERIMENT.format(key=key, value=value))
    workdir = f'--workdir={folder}/run'
    commands[key, 'flag'] = ['--config=experiments/gan.py:test', f'--config.{key}={value}', workdir]
    commands[key, 'file'] = [f'--config={file}:test', workdir]
  return forks(commands)


# In one worker, so that the commands run once.
@pytest.mark.xdist_group('renamed')
@pytest.mark.parametrize('source', ['flag', 'file'])
@pytest.mark.parametrize('key', RENAMED)
def test_key_of_version_0_1_is_rejected_with_the_new_name(key, source, rejections):
  _, new = RENAMED[key]
  assert_rejected(rejections[key, source], 'renamed in version 0.2')
  assert new in rejections[key, source].stderr


@pytest.mark.parametrize('verb', ['train', 'sample', 'evaluate', 'report'])
def test_run_of_version_0_1_is_rejected(tmp_path, verb):
  (tmp_path / 'config.json').write_text(json.dumps({'steps': 8, 'keep': 2}))
  flags = {'train': ['--config=experiments/gan.py:test'], 'sample': [f'--out={tmp_path}/x.npz']}
  done = command(f'--workdir={tmp_path}', *flags.get(verb, []), verb=verb)
  assert_rejected(done, f'workdir={tmp_path}: a run of gan_jax 0.1')
  assert not (tmp_path / 'checkpoints').exists()
