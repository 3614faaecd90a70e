"""What is set before a program begins, so that it runs faster.

On CPU a step takes and gives back large blocks of memory, with a page fault for every 4 KiB of them.
GNU's C library takes huge pages if GLIBC_TUNABLES says so when a process starts. Tracing makes very
many small objects, hardly any of them garbage, which Python would else look through all the time.
"""

import gc
import os
import platform
import sys
from collections.abc import Mapping, MutableMapping

from gan_jax.common.errors import ConfigError

TUNABLES, SETTING = 'GLIBC_TUNABLES', 'glibc.malloc.hugetlb=1'
SWITCH = 'GAN_JAX_TUNING'
OBJECTS = 100_000
"""New objects after which Python looks for garbage; its own number is 700, or 2,000."""


def prepare(environment: MutableMapping[str, str] = os.environ) -> None:
  """Has Python look for garbage seldom, and huge pages taken; GAN_JAX_TUNING=0 leaves both.

  For huge pages it starts this process anew, under its own number, unless GLIBC_TUNABLES is set
  already or the C library is another. Called before JAX is imported, it costs little more than a start
  of Python. A switch that says neither is an error of the command, with the exit code of `cli` for it.
  """
  try:
    tuned = is_tuned(environment)
  except ConfigError as error:
    print(f'error: {error}', file=sys.stderr)
    sys.exit(2)
  if lacking(environment):
    environment[TUNABLES] = SETTING
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], dict(environment))
  if tuned:
    gc.set_threshold(OBJECTS)


def lacking(environment: MutableMapping[str, str]) -> bool:
  """Whether huge pages are to be had and have not been asked for."""
  asked = TUNABLES in environment or not is_tuned(environment)
  return not asked and platform.libc_ver()[0] == 'glibc'


def cores() -> int:
  """How many this process may run on, fewer than there are or not; it sees no quotas of time."""
  if hasattr(os, 'sched_getaffinity'):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def is_tuned(environment: Mapping[str, str] = os.environ) -> bool:
  """Whether what only makes a program faster is done; GAN_JAX_TUNING=0 leaves all of it.

  Raises:
    ConfigError: it is neither 0 nor 1.
  """
  asked = environment.get(SWITCH) or '1'
  if asked not in ('0', '1'):
    raise ConfigError(f'{SWITCH} is {asked!r}; it must be 0 or 1')
  return asked == '1'
