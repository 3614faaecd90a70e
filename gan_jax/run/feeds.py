"""The data that the calls of a run read."""

import contextlib
import itertools
from collections.abc import Generator, Iterator

from gan_jax.common.types import PyTree
from gan_jax.data import source as sources
from gan_jax.data.pipeline import prefetch
from gan_jax.runtime import devices


@contextlib.contextmanager
def opened(
  source: sources.Source, batch_size: int, first: int, count: int
) -> Generator[Iterator[PyTree]]:
  """Yields an iterator over the feeds of the calls: the resident arrays, and chunks of a stream if any.

  Args:
    source: the training data.
    batch_size: global.
    first: index of the first batch.
    count: batches that a call reads.
  """
  read_batches = source.read_batches
  if read_batches is None:
    yield itertools.repeat(devices.shard_batch(source.arrays, batch_size))
    return
  rows = devices.rows(batch_size).reshape(-1)
  read = lambda first: read_batches(first, count, rows)
  # Two threads read faster than devices train, and hold few chunks.
  with prefetch.mapped(read, first, count, threads=2) as chunks:
    yield devices.device_batches(chunks, batch_size, resident=source.arrays)


def peeked(feeds: Iterator[PyTree]) -> tuple[PyTree, Iterator[PyTree]]:
  """Returns the shapes and devices of the first feed, and an iterator over all feeds."""
  first = next(feeds)
  return devices.shape_structs(first), itertools.chain([first], feeds)
