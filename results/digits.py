"""Trains every experiment on digits with its defaults: the table in results/digits.md.

python results/digits.py [EXPERIMENT ...]

A run lives in runs/digits/<experiment>_<digest of its config> and goes on where it was stopped; one
that is noted in results/digits.jsonl with its present config is not made again. Seed 0; 60 samples,
none chosen, of the averaged weights. What is seen in them is said by the experiment, in the paragraph
of its docstring that begins with "Digits:". One process a core, one thread each.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys

import shared

from gan_jax.common import output

NOTES, TABLE = shared.HERE / 'digits.jsonl', shared.HERE / 'digits.md'
PICTURES = shared.HERE / 'digits'
MARK = 'Digits: '


def run(name: str) -> None:
  """Trains to the end, draws, and notes the run."""
  mark, commit = shared.digest(shared.read_config(name)), shared.commit()
  workdir = shared.ROOT / 'runs' / 'digits' / f'{name}_{mark}'
  for command in (
    ['gan_jax.main', f'--config=experiments/{name}.py', f'--workdir={workdir}'],
    ['gan_jax.sample', f'--workdir={workdir}', '--num=60', f'--out={PICTURES / name}.png'],
  ):
    done = subprocess.run(
      [sys.executable, '-m', *command], cwd=shared.ROOT, capture_output=True, text=True
    )
    if done.returncode:
      raise RuntimeError(f'{name}: {done.stderr.strip().splitlines()[-1]}')
  last = json.loads((workdir / 'metrics.jsonl').read_text().splitlines()[-1])
  line = {'experiment': name, 'config': mark, 'steps': last['step'], 'seconds': last['time']}
  shared.note(NOTES, line | {'commit': commit})


def noted() -> dict[str, dict]:
  """The newest run of each experiment that has its present config."""
  present = {name: shared.digest(shared.read_config(name)) for name in shared.experiments()}
  return {
    n['experiment']: n for n in shared.notes(NOTES) if present.get(n['experiment']) == n['config']
  }


def seen(name: str) -> str:
  """What the experiment says of its digits."""
  paragraphs = shared.load(name)['__doc__'].split('\n\n')
  found = [p.removeprefix(MARK) for p in paragraphs if p.startswith(MARK)]
  return ' '.join(found[0].split()) if found else '-'


def write_table() -> None:
  """Writes the table of the runs whose config is still the experiment's."""
  rows = []
  for name, note in sorted(noted().items()):
    picture = f'<img src="digits/{name}.png" width="233">'
    rows.append([name, f'{note["steps"]:,}', f'{note["seconds"] / 60:.0f}', picture, seen(name)])
  shared.write_table(TABLE, ['experiment', 'steps', 'minutes', 'samples', 'what is seen'], rows)


def main() -> None:
  """Makes the runs that are missing, and the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('experiments', nargs='*', help='of all, if none is named')
  parser.add_argument('--workers', type=int, default=os.cpu_count(), help='runs at once')
  parser.add_argument('--table', action='store_true', help='write the table of what is noted, no runs')
  arguments = parser.parse_args()
  shared.one_thread_each()
  PICTURES.mkdir(exist_ok=True)
  if not arguments.table:
    wanted = [n for n in arguments.experiments or shared.experiments() if n not in noted()]
    with concurrent.futures.ThreadPoolExecutor(arguments.workers) as pool:
      pending = {pool.submit(run, name): name for name in wanted}
      for number, done in enumerate(concurrent.futures.as_completed(pending), start=1):
        done.result()
        print(f'{number}/{len(pending)} {pending[done]}', flush=True)
        write_table()
  write_table()


if __name__ == '__main__':
  output.protect()
  main()
