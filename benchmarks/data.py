"""Measures the cost of data: a resident set in a step, and streams compared with torch and grain.

make benchmark-data, or python benchmarks/data.py --peer=<python with torch> [--only=stream]

Figures are medians of alternating runs.

- `resident` compares a call of DCGAN's step (28 x 28, as in `experiments/dcgan.py`) that gathers its
  batch with one whose batch is a constant.
- `stream` is images per second of the emoji in `build/emoji` at 64 x 64. We read decoded images from
  disk and place them on the device; torch decodes the PNG files with two workers. It also prints the
  speed of decoding, which we do once.
- `grain` is the same for Fashion-MNIST, compared with grain.DataLoader over `tfds.data_source`.
- `step` is DCGAN at 64 x 64 and width 64 with streamed batches, compared with a repeated batch.
- `memory` is the resident set of a process that streams 100,000 images of 64 x 64 x 3, at four times
  during two epochs.
"""

import contextlib
import dataclasses
import itertools
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import jax
import numpy as np
from absl import app, flags
from ml_collections import ConfigDict

from gan_jax.common import output
from gan_jax.common.types import Plain
from gan_jax.config import build, presets, schema
from gan_jax.config.run_config import parse
from gan_jax.data import folder, tfds
from gan_jax.data import source as sources
from gan_jax.data.pipeline import placement, prefetch
from gan_jax.data.pipeline.array_file import Rows
from gan_jax.run import setup
from gan_jax.runtime import devices
from gan_jax.training.step import make_step

_PEER = flags.DEFINE_string('peer', sys.executable, 'A Python that has torch.')
_ONLY = flags.DEFINE_list('only', ['resident', 'stream', 'grain', 'step', 'memory'], 'Measurements.')
_REPEATS = flags.DEFINE_integer('repeats', 5, 'Number of timings.')
_SECONDS = flags.DEFINE_float('seconds', 5.0, 'Seconds for which a loader is timed.')
_EMOJI, _BATCH, _WORKERS = 'build/emoji', 64, 2


@dataclasses.dataclass
class Fed:
  """A compiled step of a DCGAN, and its input."""

  call: Callable
  state: object
  feeds: Iterator

  def seconds(self, calls: int) -> float:
    """Returns the seconds of consecutive calls."""
    start = time.perf_counter()
    for _ in range(calls):
      self.state, metrics = self.call(self.state, next(self.feeds))
    jax.block_until_ready(metrics)
    return time.perf_counter() - start


def _config(word: str, **changes) -> Plain:
  config = presets.start(presets.words(word))
  config.gan.name = 'dcgan'
  config.update_from_flattened_dict(changes)
  return schema.plain(ConfigDict(config.to_dict()))


def _fed(config: Plain, source: sources.Source, feeds: Iterator, batch: Callable) -> Fed:
  parts = parse(config)
  game = build.make_game(parts.game)
  play = build.make_update_schedule(parts.updates, game)
  built = setup.Built(game, play, source, parts.training)
  step = make_step(game, built.play, batch, devices.GLOBAL_BATCH, config['steps_per_call'])
  state = devices.replicate(setup.initial_state(built))
  made = Fed(devices.Program(step), state, feeds)
  made.seconds(2)
  return made


def _constant(source: sources.Source) -> tuple[Iterator, Callable]:
  """Returns feeds and a batch function that repeat the first batch of a source."""
  rows = np.arange(_BATCH)
  first = jax.device_get(jax.jit(source.batch)(sources.arrays_of(source, 0, 1, rows), 0, rows))
  feed = devices.shard_batch(first, _BATCH)
  return itertools.repeat(feed), lambda arrays, batch_index, rows: {
    k: v[rows] for k, v in arrays.items()
  }


def _ratios(one: Callable[[], float], other: Callable[[], float]) -> tuple[float, float, float]:
  """Returns the medians of both, and of their ratio in alternating pairs."""
  pairs = [(one(), other()) for _ in range(_REPEATS.value)]
  first, second = (statistics.median(times) for times in zip(*pairs, strict=True))
  return first, second, statistics.median(a / b for a, b in pairs)


def resident() -> None:
  """Measures the cost of gathering a batch inside a step."""
  config = _config('mnist')
  source = build.make_source(parse({**config, 'placement': 'resident'}).data)
  gathered = _fed(
    config, source, itertools.repeat(devices.shard_batch(source.arrays, _BATCH)), source.batch
  )
  constant = _fed(config, source, *_constant(source))
  mine, theirs, ratio = _ratios(lambda: gathered.seconds(10), lambda: constant.seconds(10))
  print(
    f'resident: {1000 * mine / 50:.1f} ms per step, {1000 * theirs / 50:.1f} with a constant batch: '
    f'{ratio - 1:+.1%}'
  )


@contextlib.contextmanager
def _stream(source: sources.Source, count: int) -> Iterator[Iterator]:
  read = lambda first: sources.arrays_of(source, first, count, np.arange(_BATCH))
  with prefetch.mapped(read, 0, count) as arrays:
    yield devices.device_batches(arrays, _BATCH)


def _speed(feeds: Iterator, images: int) -> float:
  """Returns images per second, placed on the device."""
  count, start = 0, time.perf_counter()
  while time.perf_counter() - start < _SECONDS.value:
    jax.block_until_ready(next(feeds))
    count += images
  return count / (time.perf_counter() - start)


def _torch_speed() -> float:
  command = [_PEER.value, 'benchmarks/torch_loader.py', _EMOJI, 64, _BATCH, _WORKERS, _SECONDS.value]
  environment = {**os.environ, 'OMP_WAIT_POLICY': 'PASSIVE'}
  process = subprocess.run(
    list(map(str, command)), check=True, capture_output=True, text=True, env=environment
  )
  return float(process.stdout)


def stream() -> None:
  """Measures the stream of image files, compared with torch."""
  with tempfile.TemporaryDirectory() as cache:
    os.environ['XDG_CACHE_HOME'] = cache
    start = time.perf_counter()
    source = folder.load(0, _BATCH, 'stream', _EMOJI, size=64)
    decoding = len(source.images) / (time.perf_counter() - start)
    del os.environ['XDG_CACHE_HOME']
    with _stream(source, 5) as feeds:
      mine, theirs, ratio = _ratios(lambda: _speed(feeds, 5 * _BATCH), _torch_speed)
  print(
    f'stream: {mine:,.0f} images per second, torch with {_WORKERS} workers {theirs:,.0f}: '
    f'ratio {ratio:.1f}; decoding, once: {decoding:,.0f}'
  )


def _grain_speed(examples) -> float:
  import grain

  class Labeled(grain.transforms.Map):
    """Converts an example to the input of a network."""

    def map(self, example):
      return {'real': example['image'].astype(np.float32) / 127.5 - 1, 'label': example['label']}

  loader = grain.DataLoader(
    data_source=examples,
    sampler=grain.samplers.IndexSampler(
      len(examples), shard_options=grain.sharding.NoSharding(), shuffle=True, seed=0
    ),
    operations=[Labeled(), grain.transforms.Batch(_BATCH, drop_remainder=True)],
    worker_count=0,
  )
  batches = iter(loader)
  next(batches)
  count, start = 0, time.perf_counter()
  while time.perf_counter() - start < _SECONDS.value:
    count += len(next(batches)['label'])
  return count / (time.perf_counter() - start)


def grain_loader() -> None:
  """Measures Fashion-MNIST as prepared by TFDS, compared with grain's loader over the same files."""
  import tensorflow_datasets

  os.environ['TFDS_DATA_DIR'] = 'build/tfds'
  examples = tensorflow_datasets.data_source('fashion_mnist', data_dir='build/tfds', split='train')
  source = tfds.load(0, _BATCH, 'stream', 'fashion_mnist', channels=1)
  with _stream(source, 5) as feeds:
    mine, theirs, ratio = _ratios(lambda: _speed(feeds, 5 * _BATCH), lambda: _grain_speed(examples))
  print(f'grain: {mine:,.0f} images per second, grain.DataLoader {theirs:,.0f}: ratio {ratio:.1f}')


def fed_step() -> None:
  """Measures a step with streamed batches."""
  changes = {'data.name': f'folder:{_EMOJI}', 'data.size': 64, 'networks.generator.width': 64}
  config = _config('emoji', steps_per_call=1, **changes)
  source = build.make_source(parse({**config, 'placement': 'stream'}).data)
  with _stream(source, 1) as feeds:
    streamed = _fed(config, source, feeds, source.batch)
    constant = _fed(config, source, *_constant(source))
    mine, theirs, ratio = _ratios(lambda: streamed.seconds(3), lambda: constant.seconds(3))
  print(
    f'step: DCGAN-64 streamed {3 * _BATCH / mine:.0f} images per second, with a repeated batch '
    f'{3 * _BATCH / theirs:.0f}: {ratio - 1:+.1%} time'
  )


def _resident_set() -> float:
  pages = int(pathlib.Path('/proc/self/statm').read_text().split()[1])
  return pages * os.sysconf('SC_PAGE_SIZE') / 1e6


def memory() -> None:
  """Measures a process that streams a dataset larger than its memory limit."""
  count, shape = 100_000, (64, 64, 3)
  folder = pathlib.Path(tempfile.mkdtemp())
  with open(folder / 'images', 'wb') as file:
    for first in range(0, count, 1000):
      file.write(np.random.default_rng(first).integers(0, 256, (1000, *shape), np.uint8).tobytes())
  images = placement.ImageSet(Rows(folder / 'images', (count, *shape)))
  source = placement.place(images, 0, _BATCH, 'stream')
  megabytes = []
  with _stream(source, 5) as feeds:
    for number in range(2 * count // (5 * _BATCH) + 1):
      jax.block_until_ready(next(feeds))
      if number % (count // (5 * _BATCH) // 2) == 30:
        megabytes.append(_resident_set())
  shutil.rmtree(folder)
  values = ', '.join(f'{value:,.0f}' for value in megabytes)
  print(f'memory: {values} MB during two epochs of {count * 12288 / 1e6:,.0f} MB')


_CASES = {
  'resident': resident,
  'stream': stream,
  'grain': grain_loader,
  'step': fed_step,
  'memory': memory,
}


def main(unused_argv) -> None:
  """Measures and prints."""
  devices.prepare()
  print(f'{os.cpu_count()} cores, batch {_BATCH}, median of {_REPEATS.value}', flush=True)
  for name in _ONLY.value:
    _CASES[name]()


if __name__ == '__main__':
  output.protect()
  app.run(main)
