"""What the commands of this folder share: experiments, notes of their runs, tables in documents."""

import hashlib
import json
import os
import pathlib
import subprocess

from gan_jax.runtime import environment

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent
BEGIN, END = '<!-- table -->', '<!-- end of table -->'


def one_thread_each() -> None:
  """For as many processes as cores: JAX in one started here has a thread, and huge pages."""
  os.environ['JAX_PLATFORMS'] = 'cpu'
  os.environ['XLA_FLAGS'] = '--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1'
  os.environ[environment.TUNABLES] = environment.SETTING


def experiments() -> list[str]:
  """The names of all experiments."""
  return sorted(path.stem for path in (ROOT / 'experiments').glob('*.py'))


def load(name: str) -> dict:
  """What the file of an experiment defines."""
  scope = {'__name__': name}
  exec(compile((ROOT / 'experiments' / f'{name}.py').read_text(), name, 'exec'), scope)
  return scope


def read_config(name: str, preset: str = '') -> dict:
  """The plain config of an experiment."""
  from gan_jax.config import schema

  return schema.plain(load(name)['get_config'](preset))


def digest(config: dict) -> str:
  """Of all settings but the seed, where the data lies, and what is done beside training."""
  from gan_jax.config import schema

  beside = ('placement', 'scan_unroll', 'remat', 'compiler_options', *schema.WATCHING)
  default = schema.plain(schema.default())
  # Keys that are younger than runs that are noted; those were as by default.
  young = [k for k in ('batch_statistics', 'compute_dtype') if config[k] == default[k]]
  settings = {k: v for k, v in config.items() if k not in (*beside, *young)} | {'seed': 0}
  return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def commit() -> str:
  """Of the code that runs; with a + if that has been changed since. A digest does not see code."""
  code = ['gan_jax', 'experiments', 'setup.cfg']
  commands = (['git', 'rev-parse', '--short', 'HEAD'], ['git', 'status', '--porcelain', '--', *code])
  head, changed = (subprocess.check_output(c, cwd=ROOT, text=True) for c in commands)
  return f'{head.strip()}+' if changed else head.strip()


def notes(path: pathlib.Path) -> list[dict]:
  """The runs that are noted in a file."""
  return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def note(path: pathlib.Path, line: dict) -> None:
  """Notes a run, in one write of one line: processes that append at once do not mix theirs."""
  with open(path, 'ab', buffering=0) as file:
    file.write(json.dumps(line).encode() + b'\n')


def write_table(path: pathlib.Path, head: list[str], rows: list[list[str]]) -> None:
  """Puts a table between the marks in a document."""
  lines = ['| ' + ' | '.join(row) + ' |' for row in (head, ['---'] * len(head), *rows)]
  before, _, rest = path.read_text().partition(BEGIN)
  path.write_text('\n'.join([before + BEGIN, '', *lines, '', END + rest.partition(END)[2]]))
