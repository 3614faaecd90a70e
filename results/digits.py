"""Trains every experiment on digits with its defaults: the table in results/digits.md.

python results/digits.py [EXPERIMENT ...]

Runs are stored in runs/digits/<experiment>_<digest of its config>; the command resumes them. It skips a
run that is recorded in results/digits.jsonl with the current config. Every run has seed 0 and 60
uncurated samples of the averaged weights. results/digits_remarks.json describes the samples of each
experiment. There is one process per core, with one thread each.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys

import shared

from gan_jax.common import output

RECORDS, TABLE = shared.HERE / 'digits.jsonl', shared.HERE / 'digits.md'
REMARKS = shared.HERE / 'digits_remarks.json'
PICTURES = shared.HERE / 'digits'


def run(name: str) -> None:
  """Trains an experiment, draws its samples, and records the run."""
  digest, commit = shared.digest(shared.read_config(name)), shared.commit()
  workdir = shared.ROOT / 'runs' / 'digits' / f'{name}_{digest}'
  for command in (
    ['gan_jax.main', f'--config=experiments/{name}.py', f'--workdir={workdir}'],
    ['gan_jax.sample', f'--workdir={workdir}', '--num=60', f'--out={PICTURES / name}.png'],
  ):
    process = subprocess.run(
      [sys.executable, '-m', *command], cwd=shared.ROOT, capture_output=True, text=True
    )
    if process.returncode:
      raise RuntimeError(f'{name}: {process.stderr.strip().splitlines()[-1]}')
  last = json.loads((workdir / 'metrics.jsonl').read_text().splitlines()[-1])
  line = {'experiment': name, 'config': digest, 'steps': last['step'], 'seconds': last['time']}
  shared.add_record(RECORDS, line | {'commit': commit})


def recorded() -> dict[str, dict]:
  """Returns the newest record of each experiment that has its current config."""
  current = {name: shared.digest(shared.read_config(name)) for name in shared.experiments()}
  return {
    record['experiment']: record
    for record in shared.read_records(RECORDS)
    if current.get(record['experiment']) == record['config']
  }


def write_table() -> None:
  """Writes the table of the runs that have the current config of their experiment."""
  remarks = json.loads(REMARKS.read_text())
  rows = []
  for name, record in sorted(recorded().items()):
    picture = f'<img src="digits/{name}.png" width="233">'
    steps, minutes = f'{record["steps"]:,}', f'{record["seconds"] / 60:.0f}'
    rows.append([name, steps, minutes, picture, remarks.get(name, '-')])
  titles = ['experiment', 'steps', 'minutes', 'samples', 'remarks']
  shared.write_table(TABLE, titles, rows)


def main() -> None:
  """Trains missing runs, and writes the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('experiments', nargs='*', help='default: all')
  parser.add_argument('--workers', type=int, default=os.cpu_count(), help='concurrent runs')
  parser.add_argument('--table', action='store_true', help='write the table without training')
  arguments = parser.parse_args()
  shared.one_thread_per_process()
  PICTURES.mkdir(exist_ok=True)
  if not arguments.table:
    missing = [n for n in arguments.experiments or shared.experiments() if n not in recorded()]
    with concurrent.futures.ThreadPoolExecutor(arguments.workers) as pool:
      pending = {pool.submit(run, name): name for name in missing}
      for number, future in enumerate(concurrent.futures.as_completed(pending), start=1):
        future.result()
        print(f'{number}/{len(pending)} {pending[future]}', flush=True)
        write_table()
  write_table()


if __name__ == '__main__':
  output.protect()
  main()
