"""Whole runs in separate processes: resuming, signals, faults."""

import json
import pathlib
import re
import shutil
import signal

import numpy as np
import pytest

from gan_jax.storage import metrics_log
from helpers.commands import command, finish, python, start
from helpers.crash_at import CODE, crash_at, half_a_draft, the_call
from helpers.runs import (
  DCGAN,
  GAN,
  LONG,
  arrays,
  assert_same_run,
  events,
  kept_in,
  lines,
  pictures,
  until,
)


@pytest.fixture(scope='module')
def uninterrupted(tmp_path_factory):
  folder = tmp_path_factory.mktemp('uninterrupted')
  done = command(GAN, *LONG, f'--workdir={folder}')
  assert done.returncode == 0, done.stderr
  return folder


def test_run_folder_has_the_documented_contents(finished_run):
  assert json.loads((finished_run / 'config.json').read_text())['steps'] == 8
  assert [line['step'] for line in lines(finished_run)] == [2, 4, 6, 8]
  for line in lines(finished_run):
    assert set(line) == {
      'step',
      'discriminator/loss',
      'discriminator/gradient_norm',
      'discriminator/real_score',
      'discriminator/fake_score',
      'discriminator/accuracy',
      'discriminator/real_distance',
      'discriminator/fake_distance',
      'generator/loss',
      'generator/gradient_norm',
      'generator/fake_score',
    }
  assert sorted(pictures(finished_run)) == [f'step_{s:08}.png' for s in (0, 4, 8)]
  assert list(finished_run.glob('events.out.tfevents.*'))
  with kept_in(finished_run) as kept:
    assert kept.steps() == [4, 8]
  data = json.loads((finished_run / 'data.json').read_text())
  assert data['about'].startswith('5,000 images 28 x 28 x 1 of mnist5k, resident on each device')


@pytest.mark.slow
def test_streamed_data_after_a_kill_matches_resident_data(tmp_path, uninterrupted):
  streamed = (GAN, *LONG, f'--workdir={tmp_path}', '--config.placement=stream')
  process = start(*streamed)
  until(process, r'step 30/')
  process.kill()
  finish(process)
  done = command(*streamed)
  assert done.returncode == 0, done.stderr
  assert 'data: 5,000 images 28 x 28 x 1 of mnist5k, streamed' in done.stdout
  assert_same_run(tmp_path, uninterrupted, 60)


def test_changed_data_of_the_same_name_is_rejected(tmp_path, finished_run):
  folder = pathlib.Path(shutil.copytree(finished_run, tmp_path / 'run'))
  data = json.loads((folder / 'data.json').read_text())
  (folder / 'data.json').write_text(json.dumps({**data, 'digest': 'another'}))
  done = command(DCGAN, f'--workdir={folder}')
  assert done.returncode == 2
  assert ': the images differ from those that the run in' in done.stderr
  flags = (f'--workdir={folder}', '--features=random', '--num=20', '--scores=frechet_distance')
  done = command(*flags, verb='evaluate')
  assert done.returncode == 0, done.stderr
  assert 'warning: the images differ from those that this run started with' in done.stderr


def test_finished_run_started_again_reports_it_and_exits_0(finished_run):
  before = {p: p.stat().st_mtime_ns for p in finished_run.rglob('*.png')}
  done = command(DCGAN, f'--workdir={finished_run}')
  assert done.returncode == 0
  assert 'finished before: 8 of 8 steps' in done.stdout
  assert str(finished_run / 'samples' / 'step_00000008.png') in done.stdout
  assert before == {p: p.stat().st_mtime_ns for p in finished_run.rglob('*.png')}


def test_killed_run_resumes_bit_identically(tmp_path, uninterrupted):
  process = start(GAN, *LONG, f'--workdir={tmp_path}')
  until(process, '^step 46/')
  process.kill()
  assert finish(process).returncode == -signal.SIGKILL
  # A torn last line, as a kill in mid-write leaves it.
  with open(tmp_path / metrics_log.METRICS, 'a') as file:
    file.write('{"step": 59, "ti')
  done = command(GAN, *LONG, f'--workdir={tmp_path}')
  assert done.returncode == 0, done.stderr
  assert_same_run(uninterrupted, tmp_path, 60)
  assert events(uninterrupted) == events(tmp_path)
  assert not [p.name for p in tmp_path.rglob('*') if 'draft' in p.name or 'tmp' in p.name]


CRASHES = {
  'between the draft of a picture and the picture': crash_at(
    'gan_jax.common.pixels', 'write_atomic', count=2, before=half_a_draft
  ),
  'between a picture and its checkpoint': crash_at(
    'gan_jax.storage.checkpoints:Checkpoints', 'save', count=2
  ),
  'while a checkpoint is being written': crash_at(
    'gan_jax.storage.checkpoints:Checkpoints', 'save', count=3, before=the_call
  ),
  'before the first checkpoint': crash_at('gan_jax.storage.metrics_log:Metrics', 'write', count=3),
}


# Kills at random instants leave the same states, see random_kills_test.
SELDOM = (
  'between the draft of a picture and the picture',
  'between a picture and its checkpoint',
  'before the first checkpoint',
)


@pytest.mark.parametrize(
  'crash', [pytest.param(c, marks=[pytest.mark.slow] if c in SELDOM else []) for c in CRASHES]
)
def test_crash_while_writing_resumes_bit_identically(tmp_path, uninterrupted, crash):
  flags = (GAN, *LONG, f'--workdir={tmp_path}')
  crashed = finish(python(*CRASHES[crash], *flags))
  assert crashed.returncode == CODE, crashed.stderr
  done = command(*flags)
  assert done.returncode == 0, done.stderr
  assert_same_run(uninterrupted, tmp_path, 60)
  assert not [p.name for p in tmp_path.rglob('*') if 'draft' in p.name or 'tmp' in p.name]


@pytest.mark.parametrize(
  ('number', 'code'), [(signal.SIGTERM, 0), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_signal_saves_a_checkpoint_and_exits_cleanly(tmp_path, uninterrupted, number, code):
  process = start(GAN, *LONG, f'--workdir={tmp_path}')
  until(process, '^step 6/')
  process.send_signal(number)
  done = finish(process)
  assert done.returncode == code, done.stderr
  said = re.search(rf'{number.name}: saved \S+ at (\d+) of 60 steps', done.stdout)
  assert said
  assert 'Traceback' not in done.stderr
  with kept_in(tmp_path) as kept:
    assert kept.steps()[-1] == int(said[1])
  assert command(GAN, *LONG, f'--workdir={tmp_path}').returncode == 0
  assert_same_run(uninterrupted, tmp_path, 60)


def test_interrupt_inside_a_callback_ends_the_process():
  # JAX has callbacks of the garbage collector, where an exception is printed and forgotten.
  done = finish(
    python(
      '-c',
      'import gc, os, signal\n'
      'from gan_jax import cli\n'
      'cli.end_on_interrupt()\n'
      'gc.callbacks.append(lambda *_: os.kill(os.getpid(), signal.SIGINT))\n'
      'gc.collect()\n'
      'print("went on")',
    )
  )
  assert (done.returncode, done.stdout) == (130, '')
  assert done.stderr == 'interrupted: the last saved state is intact\n'


@pytest.mark.slow
def test_finished_run_with_more_steps_continues(tmp_path, uninterrupted):
  assert command(GAN, f'--workdir={tmp_path}').returncode == 0
  assert command(GAN, *LONG, f'--workdir={tmp_path}').returncode == 0
  a, b = arrays(uninterrupted, 60), arrays(tmp_path, 60)
  for name in a:
    np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_corrupt_newest_checkpoint_is_reported_and_the_previous_is_used(tmp_path, uninterrupted):
  folder = tmp_path / 'run'
  shutil.copytree(uninterrupted, folder)
  data = max((folder / 'checkpoints' / '60').rglob('*'), key=lambda p: p.stat().st_size)
  content = bytearray(data.read_bytes())
  content[len(content) // 2] ^= 1
  data.write_bytes(content)
  done = command(GAN, *LONG, f'--workdir={folder}')
  assert done.returncode == 0, done.stderr
  assert re.search(r'warning: checkpoint \S+checkpoints/60 is broken', done.stderr)
  assert (folder / 'checkpoints' / 'broken-60').is_dir()
  assert_same_run(uninterrupted, folder, 60)


def test_second_run_in_one_folder_is_rejected(tmp_path):
  process = start(GAN, '--config.steps=1000000', f'--workdir={tmp_path}')
  until(process, '^step 2/')
  other = command(GAN, '--config.steps=1000000', f'--workdir={tmp_path}')
  assert other.returncode == 2
  assert f'process {process.pid} is training in this folder' in other.stderr
  assert process.poll() is None
  process.kill()
  finish(process)


GROWING = """
import runpy

def get_config(preset):
  config = runpy.run_path('experiments/gan.py')['get_config'](preset)
  growing = {{'add_decayed_weights': {{'weight_decay': {growth}}}}}
  config.players.discriminator.update_transforms = growing
  return config
"""


@pytest.mark.parametrize(('growth', 'saved'), [(30.0, True), (1e12, False)])
def test_nonfinite_loss_stops_the_run(tmp_path, growth, saved):
  """The weights of three layers grow by a factor each step, scores by its cube: inf at step 6, or 2."""
  folder, experiment = tmp_path / 'run', tmp_path / 'growing.py'
  experiment.write_text(GROWING.format(growth=growth))
  every = ('--config.steps_per_call=1', '--config.checkpoint_every=2')
  done = command(f'--config={experiment}:test', *every, f'--workdir={folder}')
  assert done.returncode == 3, done.stdout
  said = re.fullmatch(
    r'error: step (\d+): (loss|gradient_norm) of the (discriminator|generator) is (nan|-?inf); '
    r'last good checkpoint: (\S+)\n',
    done.stderr,
  )
  assert said, done.stderr
  with kept_in(folder) as kept:
    steps = kept.steps()
  assert all(step < int(said[1]) for step in steps)
  assert bool(steps) == saved
  assert said[5] == (str(folder / 'checkpoints' / str(steps[-1])) if steps else 'none')
  *trained, last = lines(folder)
  assert all(np.isfinite(list(line.values())).all() for line in trained)
  (alert,) = last['alerts']
  assert (last['step'], alert['name']) == (int(said[1]), 'divergence')
