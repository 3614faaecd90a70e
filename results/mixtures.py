"""Trains every experiment on mixtures of Gaussians, over ten seeds: the table in results/mixtures.md.

python results/mixtures.py [--only WORD ...]

Each is a study, see `gan_jax.study`, in runs/mixtures; one at a time, as it takes all cores. Its runs
are noted in results/mixtures.jsonl as it ends, with a digest of their config; what is noted there is
not made again, so the command goes on where it was stopped.
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

NOTES, TABLE = shared.HERE / 'mixtures.jsonl', shared.HERE / 'mixtures.md'
SEEDS = range(10)
DATA = ('ring', 'grid')
# Left out are gan:non_saturating, fgan:gan and fgan:jensen_shannon: on points they are dcgan's game.
OF_IMAGES = ('ada', 'diffaugment')
"""Experiments that are of images alone."""
WORDS = {
  'mmd_gan': ('', 'scaled'),
  'hinge': ('', 'orthogonal'),
  'fgan': ('total_variation', 'kl', 'reverse_kl', 'pearson', 'neyman', 'hellinger'),
}


def jobs() -> list[tuple[str, str]]:
  """All (experiment, preset)."""
  named = [name for name in shared.experiments() if name not in OF_IMAGES]
  variants = [(name, word) for name in named for word in WORDS.get(name, ('',))]
  return [(name, '-'.join(filter(None, (data, word)))) for data in DATA for name, word in variants]


def train(name: str, preset: str) -> None:
  """Makes the study of a job, all seeds in one program, and notes each run."""
  config, commit = shared.read_config(name, preset), shared.commit()
  mark = shared.digest(config)
  out = shared.ROOT / 'runs' / 'mixtures' / f'{name}_{preset}_{mark}'
  experiment = f'--config=experiments/{name}.py:{preset}'
  command = ['-m', 'gan_jax.study', experiment, f'--seeds={len(SEEDS)}', f'--out={out}']
  begun = out.exists()
  before = _processor_seconds()
  subprocess.run([sys.executable, *command], cwd=shared.ROOT, check=True)
  # Of a study that was begun before, this is not all.
  seconds = None if begun else round((_processor_seconds() - before) / len(SEEDS), 1)
  (setting,) = json.loads((out / 'study.json').read_text())['settings']
  done = noted()
  for run in setting['runs']:
    if (name, preset, mark, run['seed']) in done:
      continue
    scores = {k.removeprefix('modes/'): v for k, v in run['scores'].items()}
    shared.note(
      NOTES,
      {'experiment': name, 'preset': preset, 'seed': run['seed'], 'config': mark}
      | {'steps': run['diverged'] or run['steps'], 'batch_size': config['batch_size']}
      | {'finite': run['diverged'] is None, **scores}
      | {'processor_seconds': seconds, 'commit': commit},
    )


def _processor_seconds() -> float:
  """Of the studies that have ended."""
  used = resource.getrusage(resource.RUSAGE_CHILDREN)
  return used.ru_utime + used.ru_stime


def noted() -> set[tuple[str, str, str, int]]:
  """(experiment, preset, digest of the config, seed) of the runs that are noted."""
  return {(n['experiment'], n['preset'], n['config'], n['seed']) for n in shared.notes(NOTES)}


def missing(only: list[str]) -> list[tuple[str, str]]:
  """The jobs of which not all seeds are noted yet."""
  done, found = noted(), []
  for name, preset in jobs():
    if only and not any(word in f'{name}:{preset}' for word in only):
      continue
    mark = shared.digest(shared.read_config(name, preset))
    if any((name, preset, mark, seed) not in done for seed in SEEDS):
      found.append((name, preset))
  return found


def _spread(values: list[float], worst: float, digits: int = 1) -> str:
  """The mean, the standard error of the mean, and the worst value."""
  mean = sum(values) / len(values)
  variance = sum((v - mean) ** 2 for v in values) / max(len(values) - 1, 1)
  error = math.sqrt(variance / len(values))
  return f'{mean:.{digits}f} ± {error:.{digits}f} ({worst:.{digits}f})'


def _cells(runs: list[dict]) -> list[str]:
  if not runs:
    return ['-'] * 3
  captured = [r['captured'] for r in runs]
  quality = [100 * r['high_quality'] for r in runs]
  divergence = [r['reverse_kl'] for r in runs]
  return [
    _spread(captured, min(captured)),
    _spread(quality, min(quality)),
    _spread(divergence, max(divergence), digits=3),
  ]


def write_table() -> None:
  """Writes the table of the runs whose config is still the experiment's."""
  present = {job: shared.digest(shared.read_config(*job)) for job in jobs()}
  runs = {job: [] for job in present}
  for note in shared.notes(NOTES):
    job = (note['experiment'], note['preset'])
    if present.get(job) == note['config']:
      runs[job].append(note)
  rows = []
  for name, preset in present:
    data, _, word = preset.partition('-')
    if data != DATA[0]:
      continue
    each = [runs[name, '-'.join(filter(None, (d, word)))] for d in DATA]
    cells = [cell for found in each for cell in _cells(found)]
    flat = [r for found in each for r in found]
    if not flat:
      continue
    seconds = [r['processor_seconds'] for r in flat if r.get('processor_seconds')]
    steps = '/'.join(str(s) for s in sorted({r['steps'] for r in flat if r['finite']})) or '-'
    seeds = '/'.join(str(len(found)) for found in each)
    broken = sum(not r['finite'] for r in flat)
    label = f'{name} {word}'.strip()
    spent = f'{statistics.mean(seconds):.0f}' if seconds else '-'
    rows.append([label, *cells, steps, spent, seeds, str(broken)])
  scores = ['high quality %', 'reverse KL']
  head = ['experiment', 'ring: modes of 8', *scores, 'grid: modes of 25', *scores]
  head += ['steps', 'processor seconds of a run', 'seeds', 'diverged']
  shared.write_table(TABLE, head, rows)


def main() -> None:
  """Makes the runs that are missing, and the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--only', nargs='*', default=[], help='parts of EXPERIMENT:PRESET')
  parser.add_argument('--table', action='store_true', help='write the table of what is noted, no runs')
  arguments = parser.parse_args()
  left = [] if arguments.table else missing(arguments.only)
  for number, job in enumerate(left, start=1):
    print(f'{number}/{len(left)} {":".join(job)}', flush=True)
    train(*job)
    write_table()
  write_table()


if __name__ == '__main__':
  output.protect()
  main()
