"""The log of a run in Weights & Biases: offline, resumed, and where it fails."""

import json
import pathlib
import struct
import sys

import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.storage import wandb_log
from helpers.commands import command
from helpers.runs import GAN, lines, pictures

LOSS = {'time': 0.5, 'generator/loss': 0.25, 'card': {'features': 'digits'}, 'frechet_digits': None}


@pytest.fixture
def offline(tmp_path, monkeypatch):
  """Returns the folder where wandb, offline, keeps its files."""
  pytest.importorskip('wandb')
  monkeypatch.setenv('WANDB_MODE', 'offline')
  monkeypatch.setenv('WANDB_DIR', str(tmp_path))
  monkeypatch.setenv('WANDB_SILENT', 'true')
  return tmp_path / 'wandb'


def records(file: pathlib.Path):
  """The records of a file of wandb: LevelDB's log, in blocks of 32 KiB, after 7 bytes."""
  from wandb.proto import wandb_internal_pb2

  content, place, record = file.read_bytes(), 7, b''
  while place < len(content):
    left = 32768 - place % 32768
    if left < 7:
      place += left
      continue
    _, size, kind = struct.unpack_from('<IHB', content, place)
    record += content[place + 7 : place + 7 + size]
    place += 7 + size
    # 1: a whole record; 4: the last part of one.
    if kind in (1, 4):
      yield wandb_internal_pb2.Record.FromString(record)
      record = b''


def logged(file: pathlib.Path):
  """The id of the run, its config, and its history, [{name: value}]."""
  run_id, config, history = None, {}, []
  for record in records(file):
    if record.HasField('run'):
      run_id = record.run.run_id
      config = {item.key: json.loads(item.value_json) for item in record.run.config.update}
    if record.HasField('history'):
      items = record.history.item
      history.append({'/'.join(i.nested_key) or i.key: json.loads(i.value_json) for i in items})
  return run_id, config, history


def files(folder: pathlib.Path):
  """The files of the runs in wandb, in the order of their starts."""
  return sorted(folder.glob('offline-run-*/run-*.wandb'), key=lambda path: path.stat().st_mtime_ns)


def test_metrics_config_and_pictures_are_logged_under_one_id(offline, tmp_path):
  warnings = []
  for steps in ((2, 4), (6,)):
    log = wandb_log.open_log(
      'gans', tmp_path, {'steps': steps[-1], 'gan': {'name': 'a'}}, warnings.append
    )
    for step in steps:
      log.write({'step': step, **LOSS})
    log.picture(steps[-1], np.zeros((4, 5, 3), np.uint8))
    log.close()
  assert warnings == []
  # Its server may write the last records only when it ends.
  pytest.importorskip('wandb').teardown()
  ids = json.loads((tmp_path / wandb_log.FILE).read_text())
  (first, second) = [logged(file) for file in files(offline)]
  assert {'gans': first[0]} == {'gans': second[0]} == ids
  assert first[1]['gan'] == {'name': 'a'}
  assert (first[1]['steps'], second[1]['steps']) == (4, 6)
  numbers = [row for row in first[2] if 'generator/loss' in row]
  assert [row['step'] for row in numbers] == [2, 4]
  assert numbers[0]['generator/loss'] == 0.25
  assert 'card' not in numbers[0]
  assert 'frechet_digits' not in numbers[0]
  (picture,) = [row for row in first[2] if 'samples/path' in row]
  assert picture['step'] == 4
  assert (picture['samples/height'], picture['samples/width']) == (4, 5)
  assert len(list(offline.glob('offline-run-*/files/media/images/samples_*.png'))) == 2


@pytest.mark.slow
def test_training_with_wandb_resumes_its_run(offline, tmp_path):
  folder = tmp_path / 'run'
  for steps in (4, 8):
    flags = (f'--workdir={folder}', '--wandb=gans', f'--config.steps={steps}')
    done = command(GAN, *flags)
    assert done.returncode == 0, done.stderr
    assert 'warning' not in done.stderr
  first, second = [logged(file) for file in files(offline)]
  assert first[0] == second[0]
  rows = [row for _, _, history in (first, second) for row in history]
  expected = [line['step'] for line in lines(folder) if 'generator/loss' in line]
  assert [row['step'] for row in rows if 'generator/loss' in row] == expected
  shown = [f'step_{row["step"]:08}.png' for row in rows if 'samples/path' in row]
  assert shown == sorted(pictures(folder))


class Failing:
  """A run of wandb whose second call of `log` fails."""

  def __init__(self):
    self.rows = []

  def define_metric(self, *arguments, **settings):
    pass

  def log(self, row):
    if self.rows:
      raise ConnectionError('no\nnetwork')
    self.rows.append(row)

  def finish(self):
    raise AssertionError('finished after a fault')


def test_fault_of_wandb_is_one_warning():
  run, warnings = Failing(), []
  log = wandb_log.WandbLog(lambda: run, warnings.append)
  for step in (1, 2, 3):
    log.write({'step': step, **LOSS})
  log.close()
  assert run.rows == [{'step': 1, 'time': 0.5, 'generator/loss': 0.25}]
  assert warnings == ['wandb: no network (ConnectionError); training goes on without it']


def test_start_that_fails_is_one_warning():
  def start():
    raise RuntimeError('no key')

  warnings = []
  log = wandb_log.WandbLog(start, warnings.append)
  log.write({'step': 1, **LOSS})
  log.picture(1, np.zeros((4, 5, 3), np.uint8))
  log.close()
  assert warnings == ['wandb: no key (RuntimeError); training goes on without it']


def test_missing_package_is_rejected_with_the_command_that_installs_it(monkeypatch):
  monkeypatch.setitem(sys.modules, 'wandb', None)
  with pytest.raises(
    ConfigError, match='--wandb=gans: the package wandb is missing .*pip install wandb'
  ):
    wandb_log.check('gans')


def test_corrupt_file_of_ids_is_rejected(monkeypatch, tmp_path):
  monkeypatch.setitem(sys.modules, 'wandb', object())
  (tmp_path / wandb_log.FILE).write_text('[]')
  with pytest.raises(ConfigError, match='wandb.json is corrupt'):
    wandb_log.open_log('gans', tmp_path, {}, print)
