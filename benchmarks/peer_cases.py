"""The games that are timed in gan_jax and in PyTorch, and the protocol of both processes."""

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
    kind: 'dcgan', with strided convolutions, 'resnet', with residual blocks, or 'dense'.
    shape: shape of an example.
    batch: batch size.
    latents: size of a latent.
    width: width of the convolutions; of 'resnet', that of the generator, twice the discriminator's.
    generator, discriminator: widths of the hidden dense layers.
    batch_norm: whether the dense generator has batch norm.
    critic: updates of the discriminator per step; if several, the game is WGAN-GP.
    steps: steps per call of our compiled program.
    unroll: number of these steps that are compiled without a loop.
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
  'sngan32': Case('resnet', (32, 32, 3), batch=16, latents=128, width=256),
  'wgan_gp32': Case('dcgan', (32, 32, 3), critic=5),
  'plane512': Case('dense', (2,), batch=512, **_PLANE),
  'plane100': Case('dense', (2,), batch=100, **_PLANE),
}


def machine() -> str:
  """Describes the cores, the versions of Python and JAX, the date, and the commit, + if changed."""
  cores = f'{os.cpu_count()} cores of {_processor()}'
  versions = f'Python {platform.python_version()}, jax {metadata.version("jax")}'
  describe = ['git', 'describe', '--always', '--dirty=+', '--exclude=*']
  process = subprocess.run(describe, cwd=pathlib.Path(__file__).parent, capture_output=True, text=True)
  commit = process.stdout.strip() or 'unknown'
  return f'{cores}, {versions}, {datetime.date.today()}, commit {commit}'


def _processor() -> str:
  """Returns the model of the processor if the system reports it, as Linux does."""
  file = pathlib.Path('/proc/cpuinfo')
  lines = file.read_text().splitlines() if file.exists() else []
  models = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
  return f'{models[0]} ({platform.machine()})' if models else platform.machine()


def serve(run: Callable[[int], float], operations: float = 0.0) -> None:
  """Prints the number of operations per step, if known, and answers requests for steps.

  Each line of the input is a number of steps. The answer is the seconds per step and the memory in MB.
  """
  print('ready', operations, flush=True)
  for line in sys.stdin:
    print(run(int(line)), _resident(), flush=True)


def _resident() -> float:
  """Returns the resident memory of this process in megabytes."""
  pages = int(pathlib.Path('/proc/self/statm').read_text().split()[1])
  return pages * os.sysconf('SC_PAGE_SIZE') / 1e6
