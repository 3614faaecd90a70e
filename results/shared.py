"""Functions that the scripts of this folder share: experiments, and records of their runs."""

import hashlib
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'tools'))

import documents

from gan_jax.runtime import environment

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent


def one_thread_per_process() -> None:
  """Sets the environment so that JAX in a child process uses one thread, and huge pages."""
  os.environ['JAX_PLATFORMS'] = 'cpu'
  os.environ['XLA_FLAGS'] = '--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1'
  os.environ[environment.TUNABLES] = environment.SETTING


def experiments() -> list[str]:
  """Returns the names of all experiments."""
  return sorted(path.stem for path in (ROOT / 'experiments').glob('*.py'))


def read_config(name: str, preset: str = '') -> dict:
  """Returns the plain config of an experiment."""
  from gan_jax.config import schema

  scope = {'__name__': name}
  exec(compile((ROOT / 'experiments' / f'{name}.py').read_text(), name, 'exec'), scope)
  return schema.plain(scope['get_config'](preset))


NEWER = ('batch_statistics', 'compute_dtype', 'microbatches', 'start_from')
"""Keys that are newer than some recorded runs, which used their defaults."""


def digest(config: dict) -> str:
  """Returns a digest of a config's settings that affect training, without the seed."""
  from gan_jax.config import schema

  ignored = ('placement', 'scan_unroll', 'remat', 'compiler_options', *schema.WATCHING)
  default = schema.plain(schema.default())
  newer = [k for k in NEWER if config[k] == default[k]]
  settings = {k: v for k, v in config.items() if k not in (*ignored, *newer)} | {'seed': 0}
  if not config['data'].get('held_out'):
    settings['data'] = {k: v for k, v in config['data'].items() if k != 'held_out'}
  return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def commit() -> str:
  """Returns the commit of the running code, with a + if files have changed; a digest ignores code."""
  code = ['gan_jax', 'experiments', 'setup.cfg']
  commands = (['git', 'rev-parse', '--short', 'HEAD'], ['git', 'status', '--porcelain', '--', *code])
  head, changed = (subprocess.check_output(c, cwd=ROOT, text=True) for c in commands)
  return f'{head.strip()}+' if changed else head.strip()


def run_command(command: str, *flags: str) -> None:
  """Runs a command of gan_jax in the repository; raises CalledProcessError if it fails."""
  subprocess.run([sys.executable, '-m', f'gan_jax.{command}', *flags], cwd=ROOT, check=True)


def read_records(path: pathlib.Path) -> list[dict]:
  """Returns the runs that are recorded in a file."""
  return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def add_record(path: pathlib.Path, line: dict) -> None:
  """Records a run as one line, in a single write, so that concurrent writes do not mix."""
  with open(path, 'ab', buffering=0) as file:
    file.write(json.dumps(line).encode() + b'\n')


def write_table(path: pathlib.Path, titles: list[str], rows: list[list[str]]) -> None:
  """Replaces the table of a document."""
  documents.write_table(path, documents.table(titles, rows))
