"""The help of gan-jax, its version, its experiments, and resolved configs, without training."""

import importlib.metadata
import json
import sys

import pytest

from gan_jax import commands
from gan_jax.commands import list as list_command
from gan_jax.commands import train
from gan_jax.common.errors import ConfigError
from gan_jax.config import experiments, presets, schema


def run(monkeypatch, main, *arguments):
  """Runs a command in this process, as its parser reads the arguments of the process too."""
  monkeypatch.setattr(sys, 'argv', ['gan-jax', *arguments])
  return main(sys.argv)


def dispatched(monkeypatch, capsys, *arguments):
  """The exit code and the output of gan-jax."""
  monkeypatch.setattr(sys, 'argv', ['gan-jax', *arguments])
  with pytest.raises(SystemExit) as ended:
    commands.dispatch()
  return ended.value.code, capsys.readouterr().out


@pytest.mark.parametrize('flag', ['--help', '-h', 'help'])
def test_help_has_a_line_for_every_verb(monkeypatch, capsys, flag):
  code, out = dispatched(monkeypatch, capsys, flag)
  assert code == 0
  lines = dict(line.strip().split(maxsplit=1) for line in out.splitlines() if line.startswith('  '))
  assert tuple(lines) == commands.VERBS
  assert lines['train'] == 'Trains an experiment'


def test_version_is_printed(monkeypatch, capsys):
  version = importlib.metadata.version('gan_jax')
  assert dispatched(monkeypatch, capsys, '--version') == (0, f'gan_jax {version}\n')


def test_list_names_every_experiment_and_every_word(monkeypatch, capsys):
  assert run(monkeypatch, list_command.main) == 0
  out = capsys.readouterr().out
  lines = {line.split()[0]: line for line in out.splitlines() if line.startswith('  ')}
  for name, file in experiments.shipped().items():
    assert experiments.summary(file).title.rstrip('.') in lines[name]
    assert all(word in lines[name] for word in experiments.summary(file).words)
  assert all(word in out for word in presets.WORDS)


def test_print_config_prints_presets_and_overrides_and_trains_nothing(monkeypatch, capsys, tmp_path):
  monkeypatch.chdir(tmp_path)
  flags = ['--config=hinge:ring-orthogonal', '--print_config', '--config.steps=400']
  assert run(monkeypatch, train.main, *flags, '--config.players.generator.b1=0.25') == 0
  config = json.loads(capsys.readouterr().out)
  assert set(config) == set(schema.default())
  assert (config['steps'], config['players']['generator']['b1']) == (400, 0.25)
  transforms = config['players']['generator']['gradient_transforms']
  assert (config['data'], list(transforms)) == ({'name': 'ring'}, ['add_orthogonal_gradient'])
  assert list(tmp_path.iterdir()) == []


def test_print_config_of_an_invalid_config_is_rejected(monkeypatch):
  with pytest.raises(ConfigError, match='batch_size=0: out of range'):
    run(monkeypatch, train.main, '--config=dcgan', '--print_config', '--config.batch_size=0')


def test_help_of_train_lists_keys_presets_and_experiments(monkeypatch, capsys):
  with pytest.raises(SystemExit) as ended:
    run(monkeypatch, train.main, '--help')
  assert ended.value.code == 0
  out = capsys.readouterr().out
  for word in (*schema.default(), *presets.WORDS, *experiments.shipped(), '--print_config'):
    assert word in out, word
