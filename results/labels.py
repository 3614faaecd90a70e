"""Trains the experiments that know or find labels on digits: the table in results/labels.md.

python results/labels.py [--only WORD ...]

Each experiment is a study, see `gan_jax.study`, in runs/labels. When a study ends, 10,000 samples of
each run are scored with the features of `digits`, and the run is recorded in results/labels.jsonl with
a digest of its config. The command skips recorded runs, and resumes a study that was stopped.
"""

import argparse
import json
import pathlib
import shutil
import statistics
from typing import NamedTuple

import shared

from gan_jax.common import output
from gan_jax.visualization import page

RECORDS, TABLE = shared.HERE / 'labels.jsonl', shared.HERE / 'labels.md'
PICTURES = shared.HERE / 'labels'
SAMPLES = 10_000
LAST = 1_000
"""The number of last steps whose logged information is averaged."""
LABELED = ('label_accuracy', 'intra_frechet', 'classification_accuracy', 'frechet_distance')
UNLABELED = ('matching_accuracy', 'frechet_distance')
COLUMNS = {
  'label_accuracy_digits': 'label accuracy',
  'intra_frechet_digits': 'intra_frechet',
  'classification_accuracy_digits': 'classification accuracy',
  'frechet_digits': 'frechet_digits',
  'matching_accuracy': 'matching accuracy',
  'information_0': 'information of the category, nats',
}


class Job(NamedTuple):
  """A study: an experiment, its preset, the number of seeds, and the scores of its samples."""

  experiment: str
  preset: str
  seeds: int
  scores: tuple[str, ...]

  @property
  def name(self) -> str:
    """The name in the table and in file names."""
    return '_'.join(filter(None, (self.experiment, self.preset)))

  def config(self) -> dict:
    """Returns the plain config."""
    return shared.read_config(self.experiment, self.preset)

  def seed_folder(self, seed: int) -> pathlib.Path:
    """Returns the folder of a run of the study."""
    (folder,) = self.folder().glob(f'*/seed_{seed}')
    return folder

  def folder(self) -> pathlib.Path:
    """Returns the folder of the study."""
    return shared.ROOT / 'runs' / 'labels' / f'{self.name}_{shared.digest(self.config())}'


JOBS = (
  Job('conditional', '', 3, LABELED),
  Job('acgan', '', 3, LABELED),
  Job('acgan', 'modified', 3, LABELED),
  Job('projection', '', 3, LABELED),
  Job('infogan', '', 5, UNLABELED),
  Job('infogan', 'uninformed', 5, UNLABELED),
)


def run(job: Job) -> None:
  """Trains a study, scores its runs, records them, and draws the samples of seed 0."""
  commit, digest = shared.commit(), shared.digest(job.config())
  preset = f':{job.preset}' if job.preset else ''
  shared.run_command(
    'study',
    f'--config=experiments/{job.experiment}.py{preset}',
    f'--seeds={job.seeds}',
    f'--out={job.folder()}',
  )
  known = {record['seed'] for record in recorded(job)}
  for seed in set(range(job.seeds)) - known:
    scores = score(job, seed)
    line = {'experiment': job.experiment, 'preset': job.preset, 'seed': seed, 'config': digest}
    shared.add_record(RECORDS, line | {'commit': commit} | scores)
  draw(job)


def score(job: Job, seed: int) -> dict:
  """Scores samples of a run; returns its steps, its scores and their card."""
  folder = job.seed_folder(seed)
  shared.run_command(
    'evaluate',
    f'--workdir={folder}',
    '--features=digits',
    f'--num={SAMPLES}',
    f'--scores={",".join(job.scores)}',
  )
  scored = json.loads((folder / 'scores.jsonl').read_text().splitlines()[-1])
  if scored['step'] < job.config()['steps']:
    raise RuntimeError(f'{folder}: stopped at step {scored["step"]:,}; run the command again')
  logged = shared.read_records(folder / 'metrics.jsonl')
  information = [
    line['generator/information_0']
    for line in logged
    if line['step'] > scored['step'] - LAST and 'generator/information_0' in line
  ]
  if information:
    scored['scores']['information_0'] = statistics.mean(information)
  return {key: scored[key] for key in ('step', 'scores', 'card')}


def draw(job: Job) -> None:
  """Draws a row of samples per label, or the traversals of the codes, of seed 0."""
  folder = job.seed_folder(0)
  if job.scores == LABELED:
    labels = ','.join(map(str, range(10)))
    shared.run_command(
      'sample', f'--workdir={folder}', f'--label={labels}', f'--out={PICTURES / job.name}.png'
    )
    return
  shared.run_command('report', f'--workdir={folder}')
  for index, path in enumerate(sorted((folder / page.INSPECTION).glob(page.TRAVERSALS.format('*')))):
    shutil.copy(path, PICTURES / f'{job.name}_{index}.png')


def recorded(job: Job) -> list[dict]:
  """Returns the records of a job's runs with its current config, by seed."""
  key = job.experiment, job.preset, shared.digest(job.config())
  records = shared.read_records(RECORDS)
  of_job = [r for r in records if (r['experiment'], r['preset'], r['config']) == key]
  return sorted(of_job, key=lambda record: record['seed'])


def write_table() -> None:
  """Writes the table: a row per run, and a row of the medians of each experiment."""
  rows = []
  for job in JOBS:
    runs = recorded(job)
    rows += [[job.name, str(r['seed']), f'{r["step"]:,}', *_cells(r['scores'])] for r in runs]
    if len(runs) > 1:
      medians = {
        name: statistics.median(r['scores'][name] for r in runs)
        for name in COLUMNS
        if name in runs[0]['scores']
      }
      rows.append([f'**{job.name}**', 'median', '', *_cells(medians)])
  shared.write_table(TABLE, ['experiment', 'seed', 'steps', *COLUMNS.values()], rows)


def _cells(scores: dict[str, float]) -> list[str]:
  return [f'{scores[name]:.4g}' if name in scores else '-' for name in COLUMNS]


def main() -> None:
  """Runs the missing studies, and writes the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--only', nargs='*', default=[], help='names of experiments in the table')
  parser.add_argument('--table', action='store_true', help='write the table without training')
  arguments = parser.parse_args()
  wanted = [job for job in JOBS if not arguments.only or job.name in arguments.only]
  PICTURES.mkdir(exist_ok=True)
  for job in wanted:
    if not arguments.table and len(recorded(job)) < job.seeds:
      run(job)
      write_table()
  write_table()


if __name__ == '__main__':
  output.protect()
  main()
