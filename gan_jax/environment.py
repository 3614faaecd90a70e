"""What must be set before a process begins, so that it runs faster: huge pages for its memory.

On CPU a step takes and gives back large blocks of memory, with a page fault for every 4 KiB of them.
GNU's C library takes huge pages if GLIBC_TUNABLES says so when a process starts.
"""

import os
import platform
import sys
from collections.abc import Mapping, MutableMapping

TUNABLES, SETTING = 'GLIBC_TUNABLES', 'glibc.malloc.hugetlb=1'
SWITCH = 'GAN_JAX_TUNING'


def prepare(environment: MutableMapping[str, str] = os.environ) -> None:
  """Starts this process anew, under its own number, with what it lacks in its environment.

  Nothing is done where GLIBC_TUNABLES is set already, where GAN_JAX_TUNING is 0, or on a system of
  another C library. Called before JAX is imported, it costs little more than a start of Python.
  """
  if lacking(environment):
    environment[TUNABLES] = SETTING
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], dict(environment))


def lacking(environment: MutableMapping[str, str]) -> bool:
  """Whether huge pages are to be had and have not been asked for."""
  asked = TUNABLES in environment or not is_tuned(environment)
  return not asked and platform.libc_ver()[0] == 'glibc'


def is_tuned(environment: Mapping[str, str] = os.environ) -> bool:
  """Whether what only makes a program faster is done; GAN_JAX_TUNING=0 leaves all of it."""
  return environment.get(SWITCH) != '0'
