"""Trains every experiment on mixtures of Gaussians, over ten seeds: the table in results/mixtures.md.

python results/mixtures.py [--only WORD ...]

Each run is noted in results/mixtures.jsonl as it ends, with a digest of its config; a run that is
noted there is not made again, so the command goes on where it was stopped. One process a core, one
thread each.
"""

import argparse
import concurrent.futures
import hashlib
import json
import math
import multiprocessing
import os
import pathlib
import time

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent
NOTES, TABLE = HERE / 'mixtures.jsonl', HERE / 'mixtures.md'
BEGIN, END = '<!-- table -->', '<!-- end of table -->'
SEEDS = range(10)
DATA = ('ring', 'grid')
WORDS = {
  'gan': ('', 'non_saturating'),
  'mmd_gan': ('', 'scaled'),
  'hinge': ('', 'orthogonal'),
  'fgan': (
    *('total_variation', 'kl', 'reverse_kl', 'pearson'),
    *('neyman', 'hellinger', 'jensen_shannon', 'gan'),
  ),
}
CHECKED = 1_000
"""Steps between looks at whether a run is still finite, which also keep the device from racing on."""


def jobs() -> list[tuple[str, str]]:
  """All (experiment, preset)."""
  names = sorted(path.stem for path in (ROOT / 'experiments').glob('*.py'))
  variants = [(name, word) for name in names for word in WORDS.get(name, ('',))]
  return [(name, '-'.join(filter(None, (data, word)))) for data in DATA for name, word in variants]


def read_config(name: str, preset: str) -> dict:
  """The plain config of an experiment."""
  from gan_jax import config as configs

  scope = {'__name__': name}
  exec(compile((ROOT / 'experiments' / f'{name}.py').read_text(), name, 'exec'), scope)
  return configs.plain(scope['get_config'](preset))


def digest(config: dict) -> str:
  """Of all settings but the seed."""
  return hashlib.sha256(json.dumps({**config, 'seed': 0}, sort_keys=True).encode()).hexdigest()[:12]


def notes() -> list[dict]:
  """The runs that are noted."""
  return [json.loads(line) for line in NOTES.read_text().splitlines()] if NOTES.exists() else []


def train(name: str, preset: str, seeds: list[int]) -> str:
  """Trains with each seed, one compiled program for all, and notes each run."""
  import jax

  from gan_jax import build, latents, loop, parallel
  from gan_jax.metrics import modes
  from gan_jax.train import averaged, make_step

  config = read_config(name, preset)
  built, per_call = loop.assemble(config), config['steps_per_call']
  step = make_step(built.game, built.play, built.source.batch, parallel.ACROSS, per_call)
  call, sample = parallel.on_devices(step), jax.jit(built.game.sample)
  for seed in seeds:
    began, config['seed'] = time.perf_counter(), seed
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
    samples = sample(averaged(parallel.local(state)), keys)
    scores = {k: float(v) for k, v in modes.scores(samples, *own.source.modes).items()}
    _note(
      {'experiment': name, 'preset': preset, 'seed': seed, 'config': digest(config)}
      | {'steps': done, 'batch_size': config['batch_size'], 'finite': finite, **scores}
      | {'seconds': round(time.perf_counter() - began, 1)}
    )
  return f'{name}:{preset}'


def _note(line: dict) -> None:
  # One write of one line: processes that append at once do not mix theirs.
  with open(NOTES, 'ab', buffering=0) as file:
    file.write(json.dumps(line).encode() + b'\n')


def missing(only: list[str]) -> list[tuple[str, str, list[int]]]:
  """The jobs with the seeds that are not noted yet."""
  done = {(n['experiment'], n['preset'], n['config'], n['seed']) for n in notes()}
  found = []
  for name, preset in jobs():
    if only and not any(word in f'{name}:{preset}' for word in only):
      continue
    mark = digest(read_config(name, preset))
    seeds = [seed for seed in SEEDS if (name, preset, mark, seed) not in done]
    if seeds:
      found.append((name, preset, seeds))
  return found


def _spread(values: list[float], scale: float = 1, digits: int = 1) -> str:
  """The mean, and the standard error of the mean."""
  mean = sum(values) / len(values)
  variance = sum((v - mean) ** 2 for v in values) / max(len(values) - 1, 1)
  return f'{scale * mean:.{digits}f} ± {scale * math.sqrt(variance / len(values)):.{digits}f}'


def _cells(runs: list[dict]) -> list[str]:
  if not runs:
    return ['-'] * 3
  return [
    _spread([r['captured'] for r in runs]),
    _spread([r['high_quality'] for r in runs], 100),
    _spread([r['reverse_kl'] for r in runs], digits=3),
  ]


def write_table() -> None:
  """Writes the table of the runs whose config is still the experiment's."""
  present = {job: digest(read_config(*job)) for job in jobs()}
  runs = {job: [] for job in present}
  for note in notes():
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
    seconds = sum(r['seconds'] for r in flat) / max(len(flat), 1)
    steps = '/'.join(str(s) for s in sorted({r['steps'] for r in flat if r['finite']})) or '-'
    seeds = '/'.join(str(len(found)) for found in each)
    broken = sum(not r['finite'] for r in flat)
    label = f'{name} {word}'.strip()
    rows.append([label, *cells, steps, f'{seconds:.0f}', seeds, str(broken)])
  scores = ['high quality %', 'reverse KL']
  head = ['experiment', 'ring: modes of 8', *scores, 'grid: modes of 25', *scores]
  head += ['steps', 'seconds a run', 'seeds', 'diverged']
  lines = ['| ' + ' | '.join(row) + ' |' for row in (head, ['---'] * len(head), *rows)]
  before, _, rest = TABLE.read_text().partition(BEGIN)
  after = rest.partition(END)[2]
  TABLE.write_text('\n'.join([before + BEGIN, *lines, END + after]))


def main() -> None:
  """Makes the runs that are missing, and the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--only', nargs='*', default=[], help='parts of EXPERIMENT:PRESET')
  parser.add_argument('--workers', type=int, default=os.cpu_count(), help='runs at once')
  parser.add_argument('--table', action='store_true', help='write the table of what is noted, no runs')
  arguments = parser.parse_args()
  os.environ['JAX_PLATFORMS'] = 'cpu'
  os.environ['XLA_FLAGS'] = '--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1'
  if not arguments.table:
    context = multiprocessing.get_context('spawn')
    with concurrent.futures.ProcessPoolExecutor(
      arguments.workers, context, max_tasks_per_child=1
    ) as pool:
      pending = [pool.submit(train, *job) for job in missing(arguments.only)]
      for number, done in enumerate(concurrent.futures.as_completed(pending), start=1):
        print(f'{number}/{len(pending)} {done.result()}', flush=True)
  write_table()


if __name__ == '__main__':
  main()
