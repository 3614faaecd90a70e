"""The command export: what it writes, and what it rejects."""

import sys

import pytest

from gan_jax import export
from gan_jax.common.errors import ConfigError
from helpers.commands import command


def test_command_prints_the_files_and_the_step(finished_run, tmp_path):
  out = tmp_path / 'g.safetensors'
  done = command(f'--workdir={finished_run}', f'--out={out}', '--step=4', '--noema', verb='export')
  assert done.returncode == 0, done.stderr
  size = out.stat().st_size
  assert done.stdout == f'{out}: {size:,} bytes\nraw weights of step 4\n'


@pytest.mark.parametrize(
  ('out', 'message'),
  [
    ('g.onnx', 'unknown kind of output (FILE.safetensors, FILE.stablehlo, or FOLDER/); change --out'),
    ('full/', 'the folder is not empty (a new or empty one); choose another'),
    ('full', 'the folder is not empty (a new or empty one); choose another'),
    ('absent/g.safetensors', 'cannot write to it (No such file or directory); choose another path'),
  ],
)
def test_output_that_cannot_be_written_is_rejected(finished_run, tmp_path, out, message):
  (tmp_path / 'full').mkdir()
  (tmp_path / 'full' / 'notes.txt').touch()
  with pytest.raises(ConfigError) as error:
    export.write(finished_run, f'{tmp_path}/{out}')
  assert message in str(error.value)
  assert [path.name for path in tmp_path.rglob('*')] == ['full', 'notes.txt']


@pytest.mark.parametrize(
  ('package', 'out'), [('flatbuffers', 'g.stablehlo'), ('safetensors.numpy', 'g.safetensors')]
)
def test_missing_package_is_named_before_the_run_is_read(tmp_path, monkeypatch, package, out):
  monkeypatch.setitem(sys.modules, package, None)
  name = package.partition('.')[0]
  with pytest.raises(ConfigError, match=f'the package {name} is missing .*; run pip install {name}'):
    export.write(tmp_path / 'no run', tmp_path / out)
