"""Work for later calls, done in threads while the devices are at the present one."""

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import Any

from gan_jax.runtime import environment

_LAST = 2**31 - 1


@contextlib.contextmanager
def mapped(
  function: Callable[[int], Any], first: int, stride: int, last: int = _LAST, threads: int | None = None
) -> Generator[Iterator[Any], None, None]:
  """Of `function` of first, first + stride ... below `last`, in this order, some made ahead of need.

  Args:
    function: whatever it raises is raised where its value is asked for.
    first: the first argument.
    stride: from one argument to the next.
    last: where to end.
    threads: that work at once; None for one a core.

  Yields:
    The values. On leaving, the threads end.
  """
  # It takes seconds, which a start without it should not spend.
  import grain

  threads = threads or environment.cores()
  options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * threads)
  values = iter(grain.MapDataset.range(first, last, stride).map(function).to_iter_dataset(options))
  try:
    yield values
  finally:
    values.close()
