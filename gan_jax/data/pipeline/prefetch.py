"""Computes values for later calls in threads, while the devices work on the current call."""

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import Any

from gan_jax.runtime import environment

_LAST = 2**31 - 1


@contextlib.contextmanager
def mapped(
  function: Callable[[int], Any], first: int, stride: int, last: int = _LAST, threads: int | None = None
) -> Generator[Iterator[Any], None, None]:
  """Yields the values of `function` at first, first + stride, ... below `last`, in this order.

  Some values are computed ahead of need.

  Args:
    function: an error that it raises is raised where its value is requested.
    first: the first argument.
    stride: the difference between successive arguments.
    last: the upper limit of the arguments, not included.
    threads: the number of threads; None for one per core.

  Yields:
    An iterator over the values. The threads end when the context is left.
  """
  # Imported lazily: grain takes seconds to import.
  import grain

  threads = threads or environment.cores()
  options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * threads)
  values = iter(grain.MapDataset.range(first, last, stride).map(function).to_iter_dataset(options))
  try:
    yield values
  finally:
    values.close()
