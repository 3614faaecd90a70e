"""Faults of the machine: full or read-only disks, damage, clocks set back, other devices."""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from gan_jax.storage import checkpoints, hardware, workdir
from helpers import commands, experiments
from helpers.commands import command, python
from helpers.runs import DCGAN, GAN, assert_same_run, kept_in

# A separate file system of three megabytes that no other process sees.
ON_A_SMALL_DISK = """
mount -t tmpfs -o size=3m tmpfs "$1" || exit 77
shift
"$@" --config.steps=100000
echo "code $?"
"""
# Checkpoints alone fill it.
GAN_ALONE = (GAN, '--config.sample_every=100000', '--config.checkpoint_every=20')


def on_a_small_disk(place, then):
  """Runs until the disk is full, and then shell commands, in which "$@" trains on."""
  train = [sys.executable, '-m', 'gan_jax.main', f'--workdir={place}/run', *GAN_ALONE]
  done = subprocess.run(
    ['unshare', '-rm', 'sh', '-c', ON_A_SMALL_DISK + then, 'sh', place, *train],
    cwd=experiments.ROOT,
    capture_output=True,
    text=True,
    check=False,
  )
  if done.returncode == 77 or 'unshare: ' in done.stderr:
    pytest.skip('this system lets nobody mount a file system of his own')
  return done


@pytest.mark.slow
def test_full_disk_ends_with_one_line_and_loses_nothing(tmp_path):
  done = on_a_small_disk(
    tmp_path,
    'mount -o remount,size=100m "$1"; ls "${4#--workdir=}/checkpoints"\n'.replace('"$1"', str(tmp_path))
    + '"$@" --config.steps=400; echo "code $?"; find "${4#--workdir=}" -name "*tmp*"',
  )
  full, after = done.stdout.split('code 6\n')
  assert 'step 10/100000' in full
  assert (
    f'error: cannot write to {tmp_path}/run: No space left on device; the last saved' in done.stderr
  )
  kept = [int(name) for name in after.split('\n')[:3] if name.isdecimal()]
  assert kept, done.stdout
  assert f'step {max(kept) + 2}/400' in after
  assert after.rstrip().endswith('code 0'), (after, done.stderr)


def test_read_only_folder_is_rejected_at_once(tmp_path):
  others = (f'"$1" -m gan_jax.{name} "$4"; echo "code $?"' for name in ('report', 'evaluate'))
  done = on_a_small_disk(
    tmp_path,
    f'mount -o remount,ro {tmp_path}; "$@" --config.steps=400; echo "code $?"; {"; ".join(others)}',
  )
  assert done.stdout.rstrip().endswith('code 2\ncode 2\ncode 2'), done.stdout
  said = f'error: workdir={tmp_path}/run: cannot write to {tmp_path}/run (Read-only file system)'
  assert done.stderr.count(said) == 3, done.stderr


def _bits(folder: pathlib.Path):
  """Each file in turn with its middle bit flipped."""
  for path in sorted(p for p in folder.rglob('*') if p.is_file()):
    content = path.read_bytes()
    if content:
      damaged = bytearray(content)
      damaged[len(content) // 2] ^= 1
      path.write_bytes(damaged)
      yield path.relative_to(folder)
      path.write_bytes(content)


def test_flipped_bit_in_a_checkpoint_is_detected_or_harmless(tmp_path, finished_run):
  folder = pathlib.Path(shutil.copytree(finished_run / workdir.CHECKPOINTS, tmp_path / 'kept'))
  config = workdir.read_config(finished_run)
  with checkpoints.opened(folder, config) as kept:
    whole = {step: kept.read(step) for step in (4, 8)}
  outcomes = {}
  for name in _bits(folder / '8'):
    told = []
    with checkpoints.opened(folder, config) as kept:
      step, arrays = kept.newest(told.append)
    assert (step, len(told)) in ((8, 0), (4, 1)), name
    for key, array in whole[step].items():
      np.testing.assert_array_equal(arrays[key], array, err_msg=f'{name}: {key}')
    outcomes[str(name)] = step
  # The damaged bytes were read, and the damage was noticed.
  assert 4 in outcomes.values()


def test_checkpoint_of_another_experiment_is_rejected(tmp_path, finished_run):
  folder = pathlib.Path(shutil.copytree(finished_run, tmp_path / 'run'))
  shutil.copyfile(folder / 'data.json', tmp_path / 'data.json')
  # A game of networks of the same shapes, as if its checkpoints had been copied there.
  config = workdir.read_config(folder)
  (folder / workdir.CONFIG).unlink()
  refused = f'error: checkpoint {folder}/checkpoints/8 is of another config ('
  done = command('--config=experiments/lsgan.py:test', f'--workdir={folder}', '--config.steps=16')
  assert done.returncode == 2
  assert done.stderr.startswith(refused), done.stderr
  config['gan']['real_label'] = 0.9
  workdir.write_config(folder, config)
  done = command(f'--workdir={folder}', f'--out={tmp_path}/x.png', verb='sample')
  assert done.returncode == 2
  assert done.stderr.startswith(refused + 'gan.real_label: 1.0 -> 0.9)'), done.stderr


@pytest.mark.slow
def test_clock_set_back_changes_nothing(tmp_path, finished_run):
  script = """
import time
now = time.time
time.time = lambda: now() - 86400 * 30
from gan_jax import cli
from gan_jax.commands import train
cli.run(train.main)
"""
  set_back, other = (shutil.copytree(finished_run, tmp_path / name) for name in ('back', 'other'))
  longer = (DCGAN, '--config.steps=16')
  done = commands.finish(python('-c', script, *longer, f'--workdir={set_back}'))
  assert done.returncode == 0, done.stderr
  assert command(*longer, f'--workdir={other}').returncode == 0
  with kept_in(set_back) as kept:
    assert kept.steps() == [8, 12, 16]
  assert_same_run(set_back, other, 16)


@pytest.mark.slow
def test_resume_on_other_hardware_is_recorded_with_a_warning(tmp_path, finished_run):
  shutil.copytree(finished_run, tmp_path, dirs_exist_ok=True)
  done = command(DCGAN, f'--workdir={tmp_path}', '--config.steps=16', devices=2)
  assert done.returncode == 0, done.stderr
  assert 'warning: devices: 1 until step 8, 2 from there on; sums over the batch are' in done.stderr
  noted = json.loads((tmp_path / hardware.FILE).read_text())
  assert [(line['from_step'], line['devices']) for line in noted] == [(0, 1), (8, 2)]
  # A run that comes back to a step before the change forgets it.
  said = []
  hardware.note(tmp_path, 8, said.append)
  noted = json.loads((tmp_path / hardware.FILE).read_text())
  assert [line['from_step'] for line in noted] == [0, 8]
  assert any(line.startswith('devices: 1 until step 8') for line in said)
