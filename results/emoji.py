"""Trains two GANs on color emoji for the same processor time: the table in results/emoji.md.

python results/emoji.py [--minutes M]

`projection` has labels, and its discriminator sees augmented images; `dcgan` has neither. Each is one
process with one thread, which trains until it has used the given processor time, compilation included.
The command skips recorded runs, and resumes those in runs/emoji that were stopped. A run that has ended
is scored, drawn and recorded in results/emoji.jsonl with a digest of its config. Seed 0.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import time

import shared

from gan_jax.common import output
from gan_jax.visualization import page

RECORDS, TABLE = shared.HERE / 'emoji.jsonl', shared.HERE / 'emoji.md'
PICTURES = shared.HERE / 'emoji'
EXPERIMENTS = ('projection', 'dcgan')
WIDTH = 64
STEPS = 1_000_000
"""More steps than fit into the time, which ends the runs."""
EVERY = 500
SPENT = 'processor_seconds.jsonl'
NUM = 3_660
"""As many samples as there are emoji."""
SCORES = ('frechet_distance', 'precision_recall')


def config(name: str):
  """Returns the config of an experiment on emoji, with networks of width 64."""
  import gan_jax

  changes = {f'networks.{network}.width': WIDTH for network in ('generator', 'discriminator')}
  return gan_jax.load_config(f'{name}:emoji', steps=STEPS, sample_every=5 * EVERY, **changes)


def digest(name: str) -> str:
  """Returns the digest of the config of an experiment."""
  from gan_jax.config import schema

  return shared.digest(schema.plain(config(name)))


def folder(name: str) -> pathlib.Path:
  """Returns the folder of a run."""
  return shared.ROOT / 'runs' / 'emoji' / f'{name}_{digest(name)}'


def train(name: str, minutes: float) -> None:
  """Trains a run in this process until it has used the processor time in all."""
  import gan_jax

  spent = folder(name) / SPENT
  before = {line['step']: line['seconds'] for line in shared.read_records(spent)}
  offset = max(before.values(), default=0)

  def note(snapshot) -> None:
    seconds = offset + time.process_time()
    shared.add_record(spent, {'step': snapshot.step, 'seconds': round(seconds, 1)})

  trainer = gan_jax.Trainer(config(name), folder(name), callbacks=[(EVERY, note)])
  for _ in trainer:
    if offset + time.process_time() > 60 * minutes:
      break
  note(trainer.snapshot)


def record(name: str) -> None:
  """Scores and draws a run, and records it."""
  commit, run = shared.commit(), folder(name)
  scored = ','.join(SCORES)
  protocol = ('--features=random', f'--num={NUM}', f'--scores={scored}')
  shared.run_command('evaluate', f'--workdir={run}', *protocol)
  shared.run_command('report', f'--workdir={run}')
  neighbors = run / page.INSPECTION / page.NEIGHBORS.format('pixels')
  shutil.copy(neighbors, PICTURES / f'{name}_neighbors.png')
  labels = ','.join(map(str, range(config(name).gan.get('classes', 0))))
  rows = [f'--label={labels}'] if labels else []
  shared.run_command('sample', f'--workdir={run}', '--num=72', *rows, f'--out={PICTURES / name}.png')
  scores = json.loads((run / 'scores.jsonl').read_text().splitlines()[-1])
  line = {'experiment': name, 'config': digest(name), 'commit': commit}
  minutes = shared.read_records(run / SPENT)[-1]['seconds'] / 60
  scores = {key: scores[key] for key in ('step', 'scores', 'card')}
  shared.add_record(RECORDS, line | {'processor_minutes': round(minutes, 1)} | scores)


def recorded() -> dict[str, dict]:
  """Returns the newest record of each experiment with its current config."""
  current = {name: digest(name) for name in EXPERIMENTS}
  records = shared.read_records(RECORDS)
  return {r['experiment']: r for r in records if r['config'] == current[r['experiment']]}


def run_missing(minutes: float) -> None:
  """Trains the experiments without a record, one process each, and records them."""
  missing = [name for name in EXPERIMENTS if name not in recorded()]
  command = [sys.executable, __file__, f'--minutes={minutes}', '--train']
  running = [subprocess.Popen([*command, name], cwd=shared.ROOT) for name in missing]
  failed = [name for name, process in zip(missing, running, strict=True) if process.wait()]
  for name in missing:
    if name not in failed:
      record(name)
  if failed:
    raise RuntimeError(f'{", ".join(failed)}: training failed; run the command again')


def write_table() -> None:
  """Writes the table of `recorded`."""
  titles = ['frechet_random', 'precision_random', 'recall_random']
  rows = [
    [name, f'{r["step"]:,}', f'{r["processor_minutes"]:.0f}']
    + [f'{r["scores"][title]:.3g}' for title in titles]
    + [f'<img src="emoji/{name}.png" width="300">']
    for name, r in recorded().items()
  ]
  shared.write_table(TABLE, ['experiment', 'steps', 'processor minutes', *titles, 'samples'], rows)


def main() -> None:
  """Trains, scores and records the runs, and writes the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--minutes', type=float, default=60, help='processor time of each run')
  parser.add_argument('--train', choices=EXPERIMENTS, help='train only this one, in this process')
  parser.add_argument('--table', action='store_true', help='write the table without training')
  arguments = parser.parse_args()
  if arguments.train:
    train(arguments.train, arguments.minutes)
    return
  if not arguments.table:
    PICTURES.mkdir(exist_ok=True)
    shared.one_thread_per_process()
    run_missing(arguments.minutes)
  write_table()


if __name__ == '__main__':
  output.protect()
  main()
