"""Trains every experiment on mixtures of Gaussians, over ten seeds: the table in results/mixtures.md.

python results/mixtures.py [--only WORD ...]

Each run is noted in results/mixtures.jsonl as it ends, with a digest of its config; a run that is
noted there is not made again, so the command goes on where it was stopped. One process a core, one
thread each.
"""

import argparse
import concurrent.futures
import math
import multiprocessing
import os
import time

import shared

NOTES, TABLE = shared.HERE / 'mixtures.jsonl', shared.HERE / 'mixtures.md'
SEEDS = range(10)
DATA = ('ring', 'grid')
# Left out are gan:non_saturating, fgan:gan and fgan:jensen_shannon: on points they are dcgan's game.
WORDS = {
  'mmd_gan': ('', 'scaled'),
  'hinge': ('', 'orthogonal'),
  'fgan': ('total_variation', 'kl', 'reverse_kl', 'pearson', 'neyman', 'hellinger'),
}
CHECKED = 1_000
"""Steps between looks at whether a run is still finite, which also keep the device from racing on."""


def jobs() -> list[tuple[str, str]]:
  """All (experiment, preset)."""
  variants = [(name, word) for name in shared.experiments() for word in WORDS.get(name, ('',))]
  return [(name, '-'.join(filter(None, (data, word)))) for data in DATA for name, word in variants]


def train(name: str, preset: str, seeds: list[int]) -> str:
  """Trains with each seed, one compiled program for all, and notes each run."""
  import jax

  from gan_jax import build, latents, loop, parallel
  from gan_jax.metrics import modes
  from gan_jax.train import averaged, make_step

  config, commit = shared.read_config(name, preset), shared.commit()
  built, per_call = loop.assemble(config), config['steps_per_call']
  step = make_step(built.game, built.play, built.source.batch, parallel.ACROSS, per_call)
  call, sample = parallel.on_devices(step), jax.jit(built.game.sample)
  for seed in seeds:
    began, config['seed'] = time.process_time(), seed
    own = built._replace(source=build.source(config))
    state = parallel.replicate(loop.start(config, own))
    feed = parallel.feed(own.source.arrays, config['batch_size'])
    finite = True
    for done in range(per_call, config['steps'] + 1, per_call):
      state, metrics = call(state, feed)
      if done % CHECKED == 0:
        values = parallel.to_host(metrics).values()
        finite = all(math.isfinite(x) for value in values for x in value)
        if not finite:
          break
    keys = latents.sample_keys(seed, 0, modes.SAMPLES)
    end = parallel.local(state)
    samples = sample(averaged(end.variables, end.ema), keys)
    scores = {k: float(v) for k, v in modes.scores(samples, *own.source.modes).items()}
    shared.note(
      NOTES,
      {'experiment': name, 'preset': preset, 'seed': seed, 'config': shared.digest(config)}
      | {'steps': done, 'batch_size': config['batch_size'], 'finite': finite, **scores}
      | {'seconds': round(time.process_time() - began, 1), 'commit': commit},
    )
  return f'{name}:{preset}'


def missing(only: list[str]) -> list[tuple[str, str, list[int]]]:
  """The jobs with the seeds that are not noted yet."""
  done = {(n['experiment'], n['preset'], n['config'], n['seed']) for n in shared.notes(NOTES)}
  found = []
  for name, preset in jobs():
    if only and not any(word in f'{name}:{preset}' for word in only):
      continue
    mark = shared.digest(shared.read_config(name, preset))
    seeds = [seed for seed in SEEDS if (name, preset, mark, seed) not in done]
    if seeds:
      found.append((name, preset, seeds))
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
    seconds = f'{min(r["seconds"] for r in flat):.0f}'
    steps = '/'.join(str(s) for s in sorted({r['steps'] for r in flat if r['finite']})) or '-'
    seeds = '/'.join(str(len(found)) for found in each)
    broken = sum(not r['finite'] for r in flat)
    label = f'{name} {word}'.strip()
    rows.append([label, *cells, steps, seconds, seeds, str(broken)])
  scores = ['high quality %', 'reverse KL']
  head = ['experiment', 'ring: modes of 8', *scores, 'grid: modes of 25', *scores]
  head += ['steps', 'seconds of the fastest run', 'seeds', 'diverged']
  shared.write_table(TABLE, head, rows)


def main() -> None:
  """Makes the runs that are missing, and the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--only', nargs='*', default=[], help='parts of EXPERIMENT:PRESET')
  parser.add_argument('--workers', type=int, default=os.cpu_count(), help='runs at once')
  parser.add_argument('--table', action='store_true', help='write the table of what is noted, no runs')
  arguments = parser.parse_args()
  shared.one_thread_each()
  if not arguments.table:
    context = multiprocessing.get_context('spawn')
    with concurrent.futures.ProcessPoolExecutor(
      arguments.workers, context, max_tasks_per_child=1
    ) as pool:
      pending = [pool.submit(train, *job) for job in missing(arguments.only)]
      for number, done in enumerate(concurrent.futures.as_completed(pending), start=1):
        print(f'{number}/{len(pending)} {done.result()}', flush=True)
        write_table()
  write_table()


if __name__ == '__main__':
  main()
