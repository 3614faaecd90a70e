"""Settings that must be made before a program starts, so that it runs faster.

On CPU a step allocates and frees large blocks of memory, with a page fault for every 4 KiB of them.
GNU's C library uses huge pages if GLIBC_TUNABLES requests them when a process starts. Tracing
allocates many small objects, few of which are garbage, so frequent garbage collection wastes time.
"""

import gc
import os
import platform
import sys
from collections.abc import Mapping, MutableMapping

from gan_jax.common.errors import ConfigError

TUNABLES = 'GLIBC_TUNABLES'
SETTING = 'glibc.malloc.hugetlb=1'
SWITCH = 'GAN_JAX_TUNING'
OBJECTS = 100_000
"""Number of new objects that triggers a garbage collection; Python's default is 700 or 2,000."""


def prepare(environment: MutableMapping[str, str] = os.environ) -> None:
  """Makes garbage collection rare and requests huge pages; GAN_JAX_TUNING=0 disables both.

  To get huge pages it restarts this process, with the same process id, unless GLIBC_TUNABLES is already
  set or the C library is not GNU's. It is called before JAX is imported, so it takes little longer than
  a start of Python. An invalid GAN_JAX_TUNING ends the command with the exit code of a bad request.
  """
  try:
    tuned = is_tuned(environment)
  except ConfigError as error:
    print(f'error: {error}', file=sys.stderr)
    sys.exit(2)
  if is_restart_needed(environment):
    environment[TUNABLES] = SETTING
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], dict(environment))
  if tuned:
    gc.set_threshold(OBJECTS)


def is_restart_needed(environment: MutableMapping[str, str]) -> bool:
  """Returns whether huge pages are available and not yet requested."""
  is_decided = TUNABLES in environment or not is_tuned(environment)
  return not is_decided and platform.libc_ver()[0] == 'glibc'


def cores() -> int:
  """Returns the number of cores that this process may use; it does not consider CPU time quotas."""
  if hasattr(os, 'sched_getaffinity'):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def is_tuned(environment: Mapping[str, str] = os.environ) -> bool:
  """Returns whether to apply settings that only affect speed; GAN_JAX_TUNING=0 disables them.

  Raises:
    ConfigError: GAN_JAX_TUNING is neither 0 nor 1.
  """
  value = environment.get(SWITCH) or '1'
  if value not in ('0', '1'):
    raise ConfigError(f'{SWITCH}={value}: not a valid switch (0 or 1); set {SWITCH} to 0 or 1')
  return value == '1'
