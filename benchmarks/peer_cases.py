"""The games that are timed, ours and in PyTorch: what both sides read."""

import datetime
import os
import pathlib
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from typing import NamedTuple


class Case(NamedTuple):
  """A game.

  Attributes:
    kind: 'dcgan', convolutions, or 'dense'.
    shape: of an example.
    batch: examples.
    latents: size of a latent.
    width: of the convolutions.
    generator, discriminator: widths of the hidden dense layers.
    batch_norm: whether the dense generator has batch norm.
    critic: updates of the discriminator in a step; of several, it is WGAN-GP.
    steps: in one call of our compiled program.
    unroll: of these, those that are compiled as one piece.
  """

  kind: str
  shape: tuple[int, ...]
  batch: int = 64
  latents: int = 100
  width: int = 64
  generator: tuple[int, ...] = ()
  discriminator: tuple[int, ...] = ()
  batch_norm: bool = False
  critic: int = 1
  steps: int = 1
  unroll: int = 1


_PLANE = {'latents': 2, 'generator': (128, 128), 'discriminator': (128, 128), 'steps': 100}
_MLP = {'generator': (128, 256, 512, 1024), 'discriminator': (512, 256), 'batch_norm': True}

CASES = {
  'mlp': Case('dense', (784,), steps=16, unroll=2, **_MLP),
  'dcgan28': Case('dcgan', (28, 28, 1)),
  'dcgan32': Case('dcgan', (32, 32, 1)),
  'dcgan64': Case('dcgan', (64, 64, 3)),
  'wgan_gp32': Case('dcgan', (32, 32, 3), critic=5),
  'plane512': Case('dense', (2,), batch=512, **_PLANE),
  'plane100': Case('dense', (2,), batch=100, **_PLANE),
}


def machine() -> str:
  """The cores, the versions of Python and JAX, the day, and the commit, + if it has been changed."""
  cores = f'{os.cpu_count()} cores of {_processor()}'
  versions = f'Python {platform.python_version()}, jax {metadata.version("jax")}'
  describe = ['git', 'describe', '--always', '--dirty=+', '--exclude=*']
  told = subprocess.run(describe, cwd=pathlib.Path(__file__).parent, capture_output=True, text=True)
  commit = told.stdout.strip() or 'unknown'
  return f'{cores}, {versions}, {datetime.date.today()}, commit {commit}'


def _processor() -> str:
  """Its model where the system says it, as Linux does."""
  told = pathlib.Path('/proc/cpuinfo')
  lines = told.read_text().splitlines() if told.exists() else []
  models = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
  return f'{models[0]} ({platform.machine()})' if models else platform.machine()


def serve(run: Callable[[int], float], operations: float = 0.0) -> None:
  """Says how many operations a step has, if that is known, and waits for numbers of steps.

  Each on a line of the input is answered with the seconds of one and the memory, MB.
  """
  print('ready', operations, flush=True)
  for line in sys.stdin:
    print(run(int(line)), _resident(), flush=True)


def _resident() -> float:
  """Megabytes of memory that this process has."""
  pages = int(pathlib.Path('/proc/self/statm').read_text().split()[1])
  return pages * os.sysconf('SC_PAGE_SIZE') / 1e6
