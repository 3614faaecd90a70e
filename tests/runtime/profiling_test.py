"""Traces of steps."""

import gzip
import json

import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.runtime import profiling
from helpers.commands import command

LAST_CALL = 6


def test_profile_window_traces_the_requested_steps(tmp_path):
  done = command('--config=experiments/gan.py:test', f'--workdir={tmp_path}', '--profile=2,4')
  assert done.returncode == 0, done.stderr
  assert f'profile: traced into {tmp_path}/profile\n' in done.stdout
  (file,) = (tmp_path / profiling.FOLDER).rglob('perfetto_trace.json.gz')
  events = json.loads(gzip.decompress(file.read_bytes()))['traceEvents']
  # A call has two steps.
  assert [e['args']['step_num'] for e in events if e.get('name') == 'call'] == ['2', '4']
  (trace,) = (tmp_path / profiling.FOLDER).rglob('*.xplane.pb')
  assert trace.stat().st_size > 0


@pytest.mark.parametrize('text', ['', '5', '5,0', 'a,b', '1,2,3', '-1,2'])
def test_profile_window_that_is_malformed_is_rejected(tmp_path, text):
  with pytest.raises(ConfigError, match='not of the form STEP,COUNT'):
    profiling.window(text, tmp_path, LAST_CALL)


def test_profile_window_after_the_last_call_is_rejected(tmp_path):
  assert profiling.window('6,4', tmp_path, LAST_CALL)
  with pytest.raises(ConfigError, match='the last call of the run begins after 6 steps; write 6 or'):
    profiling.window('7,4', tmp_path, LAST_CALL)


def test_profile_window_beyond_the_run_ends_with_the_run(tmp_path):
  window = profiling.window('0,100', tmp_path, LAST_CALL)
  window.before(0, 0)
  window.after(2, 0)
  window.close()
  window.close()
  assert list((tmp_path / profiling.FOLDER).rglob('*.xplane.pb'))
  assert profiling.window(None, tmp_path, LAST_CALL).close() is None
