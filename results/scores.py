"""Scores experiments on digits over three seeds, beside real digits and noise: results/scores.md.

python results/scores.py

Runs are stored in runs/scores/<experiment>_<seed>; the command resumes them. All compared sets have
2,500 images. The first half of the 5,000 digits is the real set. The second half stands for a perfect
generator (the floor), and uniform noise is the ceiling. There is one process per core.
"""

import argparse
import concurrent.futures
import os
import statistics
import subprocess
import sys

import numpy as np
import shared

from gan_jax.common import output
from gan_jax.config.run_config import parse

RECORDS, TABLE = shared.HERE / 'scores.jsonl', shared.HERE / 'scores.md'
RUNS = shared.ROOT / 'runs' / 'scores'
EXPERIMENTS = ('dcgan', 'wgan_gp', 'hinge')
SEEDS = range(3)
HALF = 2_500
SCORES = [
  'frechet_distance',
  'kernel_distance',
  'inception',
  'precision_recall',
  'density_coverage',
  'memorized',
  'support',
]
COLUMNS = [
  'frechet',
  'kernel',
  'inception_score',
  'precision',
  'recall',
  'density',
  'coverage',
  'copied',
]


def folder(name: str, seed: int):
  """Returns the folder of a run."""
  return RUNS / f'{name}_{seed}'


def train(name: str, seed: int) -> None:
  """Trains a run, and stores in its folder the commit with which it began."""
  commit, file = shared.commit(), folder(name, seed) / 'commit'
  flags = [f'--config=experiments/{name}.py', f'--config.seed={seed}', f'--workdir={file.parent}']
  file.parent.mkdir(parents=True, exist_ok=True)
  if not file.exists():
    file.write_text(commit)
  command = [sys.executable, '-m', 'gan_jax.main', *flags]
  process = subprocess.run(command, cwd=shared.ROOT, capture_output=True, text=True)
  if process.returncode:
    message = process.stderr.strip()[-500:]
    raise RuntimeError(f'{name}, seed {seed}: exit {process.returncode}: {message}')


class Scorer:
  """Scores sets of 2,500 images against the first half of the digits."""

  def __init__(self):
    """Computes the statistics of the real half."""
    from gan_jax.config import build
    from gan_jax.evaluation import evaluator, feature_extraction, reference_statistics
    from gan_jax.metrics import frechet

    self._protocol = evaluator.protocol('digits', SCORES, HALF, seed=0)
    source = build.make_source(parse(shared.read_config('dcgan')).data)
    order = np.random.default_rng(reference_statistics.ORDER_SEED).permutation(len(source.images))
    self.halves = source.images[order[:HALF]], source.images[order[HALF : 2 * HALF]]
    self._real = feature_extraction.collect_set(self._protocol.network, self.halves[0], HALF)
    self._gaussian = frechet.prepare(self._real.moments)

  def of_images(self, images: np.ndarray) -> dict[str, float]:
    """Returns the scores of images, uint8."""
    from gan_jax.evaluation import feature_extraction

    return self._compare(feature_extraction.collect_set(self._protocol.network, images, HALF))

  def of_run(self, name: str, seed: int) -> dict[str, float]:
    """Returns the scores of samples of a run, from averaged weights."""
    from gan_jax.evaluation import feature_extraction
    from gan_jax.runtime import devices
    from gan_jax.storage import load_run

    game, variables, _ = load_run.load(folder(name, seed))
    width = self._real.features.shape[1]
    samples = feature_extraction.generated(game, self._protocol.seed)
    extract = feature_extraction.FeatureExtractor(self._protocol.network, samples, HALF, width)
    return self._compare(extract(devices.replicate(variables), HALF))

  def _compare(self, statistics) -> dict[str, float]:
    from gan_jax.evaluation import evaluator, scores

    comparison = scores.Comparison(
      self._real, statistics, 'digits', self._protocol.seed, self._gaussian
    )
    results = [score(comparison).values for score in self._protocol.chosen.values()]
    return evaluator.finite({name: value for values in results for name, value in values.items()})

  @property
  def card(self) -> dict:
    """The score card of all scores."""
    network = self._protocol.network
    return {
      'data': 'mnist5k',
      'real': HALF,
      'generated': HALF,
      'seed': self._protocol.seed,
      'features': network.name,
      'features_digest': network.digest,
      'resizer': network.resizer,
      'weights': 'averaged',
    }


def score() -> None:
  """Scores the other half, noise and all runs, and replaces the records."""
  scorer, lines = Scorer(), []
  noise = np.random.default_rng(0).integers(0, 256, scorer.halves[1].shape, np.uint8)
  for name, images in (('real digits, the other half', scorer.halves[1]), ('noise', noise)):
    lines.append({'what': name, 'scores': scorer.of_images(images)})
  for name in EXPERIMENTS:
    for seed in SEEDS:
      trained = (folder(name, seed) / 'commit').read_text()
      line = {'what': name, 'seed': seed, 'trained': trained, 'scores': scorer.of_run(name, seed)}
      lines.append(line)
  RECORDS.unlink(missing_ok=True)
  for line in lines:
    shared.add_record(RECORDS, line | {'scored': shared.commit(), 'card': scorer.card})


def write_table() -> None:
  """Writes the table of all records: a row per run, and a row of the means of each experiment."""
  records, rows = shared.read_records(RECORDS), []
  for record in records:
    if 'seed' not in record:
      rows.append([f'**{record["what"]}**', '', *(_text(record['scores'], c) for c in COLUMNS)])
  for name in EXPERIMENTS:
    runs = [record for record in records if record['what'] == name]
    rows += [[name, str(run['seed']), *(_text(run['scores'], c) for c in COLUMNS)] for run in runs]
    means = [_spread([run['scores'] for run in runs], column) for column in COLUMNS]
    rows.append([f'**{name}**', 'all', *means])
  shared.write_table(TABLE, ['images', 'seed', *COLUMNS], rows)


def _text(scores: dict[str, float], column: str) -> str:
  return f'{scores[f"{column}_digits"]:.3g}'


def _spread(scores: list[dict[str, float]], column: str) -> str:
  values = [one[f'{column}_digits'] for one in scores]
  return f'**{statistics.mean(values):.3g}** ± {statistics.stdev(values):.2g}'


def main() -> None:
  """Trains missing runs, scores all, and writes the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--table', action='store_true', help='write the table without training')
  if not parser.parse_args().table:
    shared.one_thread_per_process()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
      list(pool.map(lambda run: train(*run), [(n, s) for n in EXPERIMENTS for s in SEEDS]))
    score()
  write_table()


if __name__ == '__main__':
  output.protect()
  main()
