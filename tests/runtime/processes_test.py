"""Launchers of several processes, and messages about lost processes."""

import subprocess
import sys
from unittest import mock

import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.runtime import abort_filter, processes
from helpers.commands import finish, python
from helpers.runs import free_port

ALONE = (
  {},
  {'SLURM_JOB_ID': '7', 'SLURM_NTASKS': '4'},
  {'SLURM_STEP_NUM_TASKS': '1'},
  {'OMPI_COMM_WORLD_SIZE': '1'},
  {'KUBERNETES_SERVICE_HOST': '10.0.0.1'},
  {'TPU_SKIP_MDS_QUERY': '1', 'TPU_WORKER_HOSTNAMES': 'localhost'},
)
OF_SEVERAL = (
  {'SLURM_STEP_NUM_TASKS': '4'},
  {'OMPI_COMM_WORLD_SIZE': '2'},
  {'KUBERNETES_SERVICE_HOST': '10.0.0.1', 'JOB_COMPLETION_INDEX': '0'},
  {'TPU_WORKER_HOSTNAMES': 'a,b'},
)


@pytest.mark.parametrize('environment', ALONE)
def test_launcher_of_one_process_is_not_detected(environment):
  assert not processes.is_launched(environment)


@pytest.mark.parametrize('environment', OF_SEVERAL)
def test_launcher_of_several_processes_is_detected(environment):
  assert processes.is_launched(environment)


def test_launcher_with_one_process_requested_is_ignored(monkeypatch):
  joined = []
  monkeypatch.setattr(processes, 'StderrFilter', lambda: mock.Mock())
  monkeypatch.setattr(processes, '_join', lambda *given: joined.append(given))
  monkeypatch.setenv('SLURM_STEP_NUM_TASKS', '4')
  processes.connect(None, 1, None)
  assert joined == []
  processes.connect(None, None, None)
  assert joined == [(None, None, None)]


def test_connect_while_waiting_reports_what_it_waits_for(monkeypatch, capsys):
  monkeypatch.setattr(processes, 'StderrFilter', lambda: mock.Mock())
  monkeypatch.setattr(processes, '_join', lambda *given: print('joined'))
  monkeypatch.setenv('SLURM_STEP_NUM_TASKS', '4')
  processes.connect(None, None, None)
  processes.connect('10.0.0.1:1234', 3, 1)
  alone = '--num_processes=1 trains in this process alone'
  assert capsys.readouterr().out.splitlines() == [
    f'SLURM_STEP_NUM_TASKS=4: waiting up to 60 seconds for the other processes of the run; {alone}',
    'joined',
    f'process 1 of 3: waiting up to 60 seconds for the others, process 0 at 10.0.0.1:1234; {alone}',
    'joined',
  ]


def test_connect_that_times_out_ends_with_one_line():
  script = """
from gan_jax.runtime import processes
processes._JOINING = 2
processes.connect('127.0.0.1:%d', 2, 0)
"""
  done = finish(python('-c', script % free_port()))
  assert done.returncode == 2, done.stderr
  assert done.stdout.startswith(
    'process 0 of 2: waiting up to 2 seconds for the others, process 0 at 127'
  )
  assert 'have not connected within 2 seconds (process 0 at 127.0.0.1:' in done.stderr
  assert done.stderr.count('\n') == 1


def test_connect_with_one_process_prints_nothing(capsys, monkeypatch):
  monkeypatch.delenv('SLURM_STEP_NUM_TASKS', raising=False)
  processes.connect(None, None, None)
  processes.connect(None, 1, None)
  assert capsys.readouterr().out == ''


@pytest.mark.parametrize('given', [(None, 2, None), ('a:1', None, 0), (None, 1, 0)])
def test_connect_with_incomplete_settings_is_rejected(given):
  with pytest.raises(ConfigError, match='go together; give all three'):
    processes.connect(*given)


def test_stderr_filter_replaces_connection_dump_with_one_line():
  lines = [
    b'something else\n',
    b'\0say not found\n',
    b'a warning\n',
    b'\0say lost\n',
    b'E1126 coordination_service_agent.cc:289] Polled an error\n',
    b'*** Check failure stack trace: ***\n',
  ]
  assert [*abort_filter.explained(lines)] == [b'something else\n', b'a warning\n', b'lost\n']
  assert [*abort_filter.explained(lines[:3])] == [b'something else\n', b'a warning\n']


def test_abort_filter_runs_without_the_package():
  # The helper process runs the file alone, isolated from the package.
  done = subprocess.run(
    [sys.executable, '-I', '-S', abort_filter.__file__],
    input='a warning\n\0say lost\ncoordination service\nmore\n',
    capture_output=True,
    text=True,
    check=False,
  )
  assert (done.stdout, done.stderr) == ('a warning\nlost\n', '')


def test_other_errors_are_not_reported_as_lost_process():
  with pytest.raises(ValueError, match='Barrier'), processes.guarded():
    raise ValueError('Barrier')
