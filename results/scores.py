"""Scores experiments on digits over three seeds, beside real digits and noise: results/scores.md.

python results/scores.py

Runs live in runs/scores/<experiment>_<seed>, and go on where they were stopped. All sets that are
compared are of 2,500 images: the first half of the 5,000 digits is what is real; the second half is
what a perfect generator would draw (the floor), uniform noise is the ceiling. One process a core.
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

NOTES, TABLE = shared.HERE / 'scores.jsonl', shared.HERE / 'scores.md'
RUNS = shared.ROOT / 'runs' / 'scores'
EXPERIMENTS, SEEDS, HALF = ('dcgan', 'wgan_gp', 'hinge'), range(3), 2_500
SCORES = (
  *('frechet_distance', 'kernel_distance', 'inception'),
  *('precision_recall', 'density_coverage', 'memorized', 'support'),
)
COLUMNS = (
  *('frechet', 'kernel', 'inception_score', 'precision', 'recall', 'density', 'coverage'),
  'copied',
)


def folder(name: str, seed: int):
  """Where a run lives."""
  return RUNS / f'{name}_{seed}'


def train(name: str, seed: int) -> None:
  """Trains to the end, and leaves in the folder which code began it."""
  commit, mark = shared.commit(), folder(name, seed) / 'commit'
  flags = [f'--config=experiments/{name}.py', f'--config.seed={seed}', f'--workdir={mark.parent}']
  mark.parent.mkdir(parents=True, exist_ok=True)
  if not mark.exists():
    mark.write_text(commit)
  command = [sys.executable, '-m', 'gan_jax.main', *flags]
  done = subprocess.run(command, cwd=shared.ROOT, capture_output=True, text=True)
  if done.returncode:
    raise RuntimeError(f'{name}, seed {seed}: exit {done.returncode}: {done.stderr.strip()[-500:]}')


class Judge:
  """Compares sets of 2,500 with the first half of the digits."""

  def __init__(self):
    """Looks at the real halves."""
    from gan_jax.config import build
    from gan_jax.evaluation import evaluator, feature_extraction, reference_statistics
    from gan_jax.metrics import frechet

    self._how = evaluator.protocol('digits', SCORES, HALF, seed=0)
    source = build.make_source(parse(shared.read_config('dcgan')).data)
    order = np.random.default_rng(reference_statistics.ORDER).permutation(len(source.images))
    self.halves = source.images[order[:HALF]], source.images[order[HALF : 2 * HALF]]
    self._real = feature_extraction.collect_set(self._how.network, self.halves[0], HALF)
    self._gaussian = frechet.prepare(self._real.moments)

  def of_images(self, images: np.ndarray) -> dict[str, float]:
    """Scores of a set at rest."""
    from gan_jax.evaluation import feature_extraction

    return self._compare(feature_extraction.collect_set(self._how.network, images, HALF))

  def of_run(self, name: str, seed: int) -> dict[str, float]:
    """Scores of the samples of a run, of averaged weights."""
    from gan_jax.evaluation import feature_extraction
    from gan_jax.runtime import devices
    from gan_jax.storage import load_run

    game, variables, _ = load_run.load(folder(name, seed))
    look = feature_extraction.FeatureExtractor(
      self._how.network, feature_extraction.generated(game, self._how.seed), HALF
    )
    return self._compare(look(devices.replicate(variables), HALF))

  def _compare(self, seen) -> dict[str, float]:
    from gan_jax.evaluation import evaluator, scores

    of = scores.Comparison(self._real, seen, 'digits', self._how.seed, self._gaussian)
    found = {k: v for score in self._how.chosen.values() for k, v in score(of).values.items()}
    return evaluator.finite(found)

  @property
  def card(self) -> dict:
    """The protocol of all scores."""
    network = self._how.network
    return {
      'data': 'mnist5k',
      'real': HALF,
      'generated': HALF,
      'seed': self._how.seed,
      'features': network.name,
      'features_digest': network.digest,
      'resizer': network.resizer,
      'weights': 'averaged',
    }


def score() -> None:
  """Notes the scores of the halves, of noise and of all runs, anew."""
  judge, lines = Judge(), []
  noise = np.random.default_rng(0).integers(0, 256, judge.halves[1].shape, np.uint8)
  for name, images in (('real digits, the other half', judge.halves[1]), ('noise', noise)):
    lines.append({'what': name, 'scores': judge.of_images(images)})
  for name in EXPERIMENTS:
    for seed in SEEDS:
      trained = (folder(name, seed) / 'commit').read_text()
      line = {'what': name, 'seed': seed, 'trained': trained, 'scores': judge.of_run(name, seed)}
      lines.append(line)
  NOTES.unlink(missing_ok=True)
  for line in lines:
    shared.note(NOTES, line | {'scored': shared.commit(), 'card': judge.card})


def write_table() -> None:
  """Writes the table of what is noted: a row a run, and a row of the means of each experiment."""
  notes, rows = shared.notes(NOTES), []
  for note in notes:
    if 'seed' not in note:
      rows.append([f'**{note["what"]}**', '', *(_text(note['scores'], c) for c in COLUMNS)])
  for name in EXPERIMENTS:
    found = [note for note in notes if note['what'] == name]
    rows += [[name, str(n['seed']), *(_text(n['scores'], c) for c in COLUMNS)] for n in found]
    rows.append([f'**{name}**', 'all', *(_spread([n['scores'] for n in found], c) for c in COLUMNS)])
  shared.write_table(TABLE, ['what', 'seed', *COLUMNS], rows)


def _text(scores: dict[str, float], column: str) -> str:
  return f'{scores[f"{column}_digits"]:.3g}'


def _spread(scores: list[dict[str, float]], column: str) -> str:
  values = [one[f'{column}_digits'] for one in scores]
  return f'**{statistics.mean(values):.3g}** ± {statistics.stdev(values):.2g}'


def main() -> None:
  """Makes the runs that are missing, scores all, and writes the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--table', action='store_true', help='write the table of what is noted, no runs')
  if not parser.parse_args().table:
    shared.one_thread_each()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
      list(pool.map(lambda run: train(*run), [(n, s) for n in EXPERIMENTS for s in SEEDS]))
    score()
  write_table()


if __name__ == '__main__':
  output.protect()
  main()
