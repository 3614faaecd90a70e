"""Settings that a command makes before it starts."""

import json
import os
import subprocess
import sys

import pytest

from gan_jax.runtime import devices, environment
from helpers import commands
from helpers.experiments import ROOT

SCRIPT = """
import gc, json, os, sys
from gan_jax.runtime import environment
environment.prepare()
flags = sys.argv[1:], sys.flags.optimize
print(json.dumps([os.environ.get(environment.TUNABLES), os.getpid(), *flags, gc.get_threshold()]))
"""


def run(**changes):
  inherited = {
    k: v for k, v in os.environ.items() if k not in (environment.TUNABLES, environment.SWITCH)
  }
  process = subprocess.Popen(
    [sys.executable, '-O', '-c', SCRIPT, 'one', '--two=a b'],
    cwd=ROOT,
    env=inherited | changes,
    stdout=subprocess.PIPE,
    text=True,
  )
  output, _ = process.communicate(timeout=60)
  return [*json.loads(output), process.pid]


@pytest.mark.skipif(not environment.is_restart_needed({}), reason='the C library is not glibc')
def test_prepare_requests_huge_pages_and_keeps_process_and_arguments():
  tunables, number, arguments, optimize, _, pid = run()
  assert tunables == environment.SETTING
  assert number == pid
  assert (arguments, optimize) == (['one', '--two=a b'], 1)


def test_prepare_with_user_tunables_keeps_them():
  assert run(GAN_JAX_TUNING='0')[0] is None
  assert run(GLIBC_TUNABLES='glibc.malloc.check=0')[0] == 'glibc.malloc.check=0'


def test_compiler_options_with_tuning_off_are_empty(monkeypatch):
  options = {'cpu': {'xla_cpu_multi_thread_eigen': True}, 'tpu': {'other': 1}}
  assert devices.compiler_options(options) == options['cpu']
  monkeypatch.setenv(environment.SWITCH, '0')
  assert devices.compiler_options(options) == {}


def test_compiler_options_of_presets_unknown_to_xla_are_left_out(monkeypatch):
  monkeypatch.setattr(devices, '_NEWER', ('xla_no_such_option', 'xla_cpu_multi_thread_eigen'))
  options = {'xla_no_such_option': 1, 'xla_cpu_multi_thread_eigen': True, 'xla_mistyped': 1}
  known = {'xla_cpu_multi_thread_eigen': True, 'xla_mistyped': 1}
  assert devices.compiler_options({'cpu': options}) == known


def test_prepare_with_an_invalid_switch_is_rejected(monkeypatch):
  monkeypatch.setenv(environment.SWITCH, 'false')
  done = commands.command('--config=experiments/gan.py')
  assert done.returncode == 2
  assert done.stderr == (
    'error: GAN_JAX_TUNING=false: not a valid switch (0 or 1); set GAN_JAX_TUNING to 0 or 1\n'
  )


def test_prepare_raises_the_gc_threshold_unless_tuning_is_off():
  assert run()[4][0] == environment.OBJECTS
  assert run(GAN_JAX_TUNING='0')[4][0] < environment.OBJECTS


def test_prepare_with_another_c_library_changes_nothing(monkeypatch):
  monkeypatch.setattr(environment.platform, 'libc_ver', lambda: ('', ''))
  assert not environment.is_restart_needed({})


@pytest.mark.skipif(not hasattr(os, 'sched_setaffinity'), reason='the system has no affinity')
def test_cores_counts_only_cores_the_process_may_use():
  before = os.sched_getaffinity(0)
  try:
    os.sched_setaffinity(0, {min(before)})
    assert environment.cores() == 1
  finally:
    os.sched_setaffinity(0, before)
