"""Trains every experiment on mixtures of Gaussians, over ten seeds: the table in results/mixtures.md.

python results/mixtures.py [--only WORD ...]

Each experiment is a study, see `gan_jax.study`, in runs/mixtures. The studies run one after the other,
because each uses all cores. When a study ends, its runs are recorded in results/mixtures.jsonl with a
digest of their config. The command skips recorded runs, and resumes a study that was stopped.
"""

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys

import shared

from gan_jax.common import output

RECORDS, TABLE = shared.HERE / 'mixtures.jsonl', shared.HERE / 'mixtures.md'
SEEDS = range(10)
DATA = ('ring', 'grid')
# gan:non_saturating, fgan:gan and fgan:jensen_shannon are missing: on points they equal dcgan.
IMAGES_ONLY = ('ada', 'diffaugment')
"""Experiments that need images."""
WORDS = {
  'mmd_gan': ('', 'scaled'),
  'hinge': ('', 'orthogonal'),
  'fgan': ('total_variation', 'kl', 'reverse_kl', 'pearson', 'neyman', 'hellinger'),
}
"""{experiment: the words of its presets, besides the data}."""


def jobs() -> list[tuple[str, str]]:
  """Returns all pairs (experiment, preset)."""
  names = [name for name in shared.experiments() if name not in IMAGES_ONLY]
  variants = [(name, word) for name in names for word in WORDS.get(name, ('',))]
  return [(name, '-'.join(filter(None, (data, word)))) for data in DATA for name, word in variants]


def train(name: str, preset: str) -> None:
  """Runs the study of a job, with all seeds in one program, and records each run."""
  config, commit = shared.read_config(name, preset), shared.commit()
  digest = shared.digest(config)
  out = shared.ROOT / 'runs' / 'mixtures' / f'{name}_{preset}_{digest}'
  experiment = f'--config=experiments/{name}.py:{preset}'
  command = ['-m', 'gan_jax.study', experiment, f'--seeds={len(SEEDS)}', f'--out={out}']
  resumed = out.exists()
  before = _processor_seconds()
  subprocess.run([sys.executable, *command], cwd=shared.ROOT, check=True)
  # The time of a resumed study is not known in full.
  seconds = None if resumed else round((_processor_seconds() - before) / len(SEEDS), 1)
  (setting,) = json.loads((out / 'study.json').read_text())['settings']
  known = recorded()
  for run in setting['runs']:
    if (name, preset, digest, run['seed']) in known:
      continue
    scores = {k.removeprefix('modes/'): v for k, v in run['scores'].items()}
    shared.add_record(
      RECORDS,
      {'experiment': name, 'preset': preset, 'seed': run['seed'], 'config': digest}
      | {'steps': run['diverged'] or run['steps'], 'batch_size': config['batch_size']}
      | {'finite': run['diverged'] is None, **scores}
      | {'processor_seconds': seconds, 'commit': commit},
    )


def _processor_seconds() -> float:
  """Returns the processor time of all finished child processes."""
  used = resource.getrusage(resource.RUSAGE_CHILDREN)
  return used.ru_utime + used.ru_stime


def recorded() -> set[tuple[str, str, str, int]]:
  """Returns (experiment, preset, digest of the config, seed) of the recorded runs."""
  records = shared.read_records(RECORDS)
  return {(r['experiment'], r['preset'], r['config'], r['seed']) for r in records}


def missing(only: list[str]) -> list[tuple[str, str]]:
  """Returns the jobs without records of all seeds."""
  known, remaining = recorded(), []
  for name, preset in jobs():
    if only and not any(word in f'{name}:{preset}' for word in only):
      continue
    digest = shared.digest(shared.read_config(name, preset))
    if any((name, preset, digest, seed) not in known for seed in SEEDS):
      remaining.append((name, preset))
  return remaining


def _spread(values: list[float], worst: float, digits: int = 1) -> str:
  """Formats the mean, the standard error of the mean, and the worst value."""
  mean = sum(values) / len(values)
  variance = sum((v - mean) ** 2 for v in values) / max(len(values) - 1, 1)
  error = math.sqrt(variance / len(values))
  return f'{mean:.{digits}f} ± {error:.{digits}f} ({worst:.{digits}f})'


def _cells(runs: list[dict]) -> list[str]:
  if not runs:
    return ['-'] * 4
  captured = [r['captured'] for r in runs]
  quality = [100 * r['high_quality'] for r in runs]
  divergence = [r['reverse_kl'] for r in runs]
  labels = [100 * r['label_accuracy'] for r in runs if 'label_accuracy' in r]
  return [
    _spread(captured, min(captured)),
    _spread(quality, min(quality)),
    _spread(divergence, max(divergence), digits=3),
    _spread(labels, min(labels)) if labels else '-',
  ]


def _row(label: str, runs_by_data: list[list[dict]]) -> list[str]:
  runs = [run for runs in runs_by_data for run in runs]
  cells = [cell for runs in runs_by_data for cell in _cells(runs)]
  seconds = [run['processor_seconds'] for run in runs if run.get('processor_seconds')]
  steps = '/'.join(str(s) for s in sorted({run['steps'] for run in runs if run['finite']})) or '-'
  seeds = '/'.join(str(len(runs)) for runs in runs_by_data)
  diverged = sum(not run['finite'] for run in runs)
  spent = f'{statistics.mean(seconds):.0f}' if seconds else '-'
  return [label, *cells, steps, spent, seeds, str(diverged)]


def write_table() -> None:
  """Writes the table of the runs that have the current config of their experiment."""
  current = {job: shared.digest(shared.read_config(*job)) for job in jobs()}
  runs = {job: [] for job in current}
  for record in shared.read_records(RECORDS):
    job = (record['experiment'], record['preset'])
    if current.get(job) == record['config']:
      runs[job].append(record)
  rows = []
  for name, preset in current:
    data, _, word = preset.partition('-')
    runs_by_data = [runs[name, '-'.join(filter(None, (d, word)))] for d in DATA]
    if data == DATA[0] and any(runs_by_data):
      rows.append(_row(f'{name} {word}'.strip(), runs_by_data))
  scores = ['high quality %', 'reverse KL', 'right label %']
  titles = ['experiment', 'ring: modes of 8', *scores, 'grid: modes of 25', *scores]
  titles += ['steps', 'processor seconds per run', 'seeds', 'diverged']
  shared.write_table(TABLE, titles, rows)


def main() -> None:
  """Runs the missing studies, and writes the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--only', nargs='*', default=[], help='substrings of EXPERIMENT:PRESET')
  parser.add_argument('--table', action='store_true', help='write the table without training')
  arguments = parser.parse_args()
  remaining = [] if arguments.table else missing(arguments.only)
  for number, job in enumerate(remaining, start=1):
    print(f'{number}/{len(remaining)} {":".join(job)}', flush=True)
    train(*job)
    write_table()
  write_table()


if __name__ == '__main__':
  output.protect()
  main()
