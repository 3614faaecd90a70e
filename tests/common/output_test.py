"""Output without a reader, or that cannot be written, does not end a command or lose a result."""

import io
import os
import shutil
import signal
import subprocess
import sys

import pytest

from gan_jax.common import output
from gan_jax.storage import metrics_log
from helpers.commands import command, finish, python, start
from helpers.experiments import ROOT
from helpers.runs import GAN, kept_in, until

CHATTY = (GAN, '--config.log_every=2', '--config.steps=40')


def test_train_with_a_closed_pipe_runs_to_the_end(tmp_path):
  process = start(*CHATTY, f'--workdir={tmp_path}')
  for _ in range(2):
    process.stdout.readline()
  process.stdout.close()
  errors = process.stderr.read()
  assert process.wait() == 0, errors
  assert 'Error' not in errors
  with kept_in(tmp_path) as kept:
    assert kept.steps()[-1] == 40


@pytest.mark.parametrize(
  ('numbers', 'code'),
  [
    pytest.param([signal.SIGINT], 130, marks=pytest.mark.slow),
    ([signal.SIGTERM], 0),
    pytest.param([signal.SIGHUP, signal.SIGHUP], 0, marks=pytest.mark.slow),
  ],
)
def test_signal_with_both_pipes_closed_saves_a_checkpoint(tmp_path, numbers, code):
  process = start(GAN, '--config.log_every=2', '--config.steps=1000000', f'--workdir={tmp_path}')
  until(process, '^step 4/')
  process.stdout.close()
  process.stderr.close()
  for number in numbers:
    process.send_signal(number)
  assert process.wait(timeout=100) == code
  with kept_in(tmp_path) as kept:
    step = kept.steps()[-1]
    assert int(kept.read(step)['step']) == step >= 4


def test_sighup_saves_and_prints_the_checkpoint(tmp_path):
  process = start(GAN, '--config.steps=1000000', f'--workdir={tmp_path}')
  until(process, '^step ')
  process.send_signal(signal.SIGHUP)
  done = finish(process)
  assert done.returncode == 0, done.stderr
  assert f'SIGHUP: saved {tmp_path} at ' in done.stdout


def test_sighup_that_nohup_ignores_stays_ignored():
  script = (
    'import os, signal\n'
    'from gan_jax.runtime import processes\n'
    'signal.signal(signal.SIGHUP, signal.SIG_IGN)\n'
    'with processes.StopRequest() as stop:\n'
    '  os.kill(os.getpid(), signal.SIGHUP)\n'
    '  print(stop.reached(1))\n'
  )
  done = finish(python('-c', script))
  assert done.stdout == 'False\n', done.stderr


def in_shell(redirection, *arguments, verb='train'):
  line = f'exec "$0" -m gan_jax {verb} "$@" {redirection}'
  return subprocess.run(
    ['sh', '-c', line, sys.executable, *arguments],
    cwd=ROOT,
    env=os.environ | {'XLA_FLAGS': '', 'JAX_PLATFORMS': 'cpu'},
    capture_output=True,
    text=True,
    check=False,
  )


def test_full_disk_under_the_log_is_reported_once_and_training_continues(tmp_path):
  done = in_shell('>/dev/full', *CHATTY, f'--workdir={tmp_path}')
  assert done.returncode == 0, done.stderr
  assert done.stderr.splitlines() == [
    'warning: cannot write output (No space left on device); the command continues without it'
  ]


def test_closed_descriptors_are_not_reused_by_files_of_the_run(tmp_path):
  done = in_shell('<&- >&- 2>&-', *CHATTY, f'--workdir={tmp_path}')
  assert done.returncode == 0
  lines = (tmp_path / metrics_log.METRICS).read_text().splitlines()
  assert len(lines) == 20
  assert all(line.startswith('{"step": ') for line in lines)


def test_scores_with_a_closed_pipe_are_saved(tmp_path, finished_run):
  folder = shutil.copytree(finished_run, tmp_path / 'run')
  arguments = (f'--workdir={folder}', '--num=20', '--features=random', '--scores=frechet_distance')
  process = start(*arguments, verb='evaluate')
  process.stdout.close()
  errors = process.stderr.read()
  assert process.wait() == 0, errors
  assert len((folder / metrics_log.SCORES).read_bytes().splitlines()) == 1


def test_error_code_with_a_closed_pipe_is_unchanged():
  assert command('--config=nothing.py').returncode == 2
  assert in_shell('2>&-', '--config=nothing.py').returncode == 2


def test_stream_escapes_characters_missing_in_the_encoding():
  reader, writer = os.pipe()
  stream = output.stream(writer, io.TextIOWrapper(io.BytesIO(), 'ascii'))
  print('gr\u00fcn \udcff', file=stream, flush=True)
  assert os.read(reader, 100) == rb'gr\xfcn \udcff' + b'\n'
  os.close(reader)
  print('nobody reads this', file=stream, flush=True)
  os.close(writer)


def test_stream_with_a_slow_reader_waits():
  reader, writer = os.pipe()
  os.set_blocking(writer, False)
  text = 'x' * 2**18
  # The pipe holds less than the text, so its writer must wait for this reader.
  process = subprocess.Popen(
    [sys.executable, '-c', 'import sys; sys.stdout.write(str(len(sys.stdin.read())))'],
    stdin=reader,
    stdout=subprocess.PIPE,
  )
  os.close(reader)
  stream = output.stream(writer, None)
  print(text, file=stream, flush=True)
  os.close(writer)
  assert process.communicate()[0] == b'262145'


def test_say_with_a_closed_stream_raises_nothing():
  script = (
    'import os\nfrom gan_jax.common import output\nos.close(2)\noutput.say("lost")\nprint("went on")'
  )
  assert finish(python('-c', script)).stdout == 'went on\n'
