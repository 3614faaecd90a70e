"""Compares the network of the FID with those of pytorch-fid and torch-fidelity, of the same weights.

    PYTHONPATH=. .venv-parity/bin/python tests/parity/check_inception.py

Features and logits of real pictures of several sizes differ by less than 1e-4, both as they are and
relative to their root mean square, and resized pictures by less than 1e-3 of 255, or it exits with 1.
Then it prints the time of each a picture.
"""

import os

# An OpenMP that spins while it waits makes torch several times slower beside another busy process.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import sys
import time
from collections.abc import Callable

import inception_inputs as inputs
import inception_references as references
import jax
import numpy as np
import torch

from gan_jax.metrics.features import convert_inception, inception_v3

BOUND = 1e-4
SIZES = (28, 28), (32, 32), (64, 48), (200, 200), (299, 299), (400, 300), (600, 512)
BATCH, ROUNDS = 16, 5


def pictures() -> dict[str, np.ndarray]:
  """Batches of two by their size, and one of gray pictures."""
  batches = {f'{height}x{width}': inputs.parts(height, width, 2) for height, width in SIZES}
  return batches | {'32x32 grey': inputs.parts(32, 32, 2)[..., 1:2]}


def ours() -> references.Network:
  """The network of the package, compiled."""
  params = jax.device_put(convert_inception.converted(inputs.state()))
  compiled = jax.jit(inception_v3.apply)
  return lambda images: tuple(np.asarray(found) for found in compiled(params, images))


def compare(networks: dict[str, references.Network], size: str, images: np.ndarray) -> list[bool]:
  """Prints a line for each output of each peer; whether they agree."""
  found, agree = networks['ours'](images), []
  for peer in ('pytorch-fid', 'torch-fidelity'):
    for name, one, other in zip(('features', 'logits'), found, networks[peer](images), strict=True):
      difference, scale = np.abs(one - other).max(), np.sqrt((other**2).mean())
      agree.append(difference < BOUND and difference / scale < BOUND)
      line = f'{size:12} {peer:15} {name:9} rms {scale:8.4f}  difference {difference:.1e}'
      print(f'{line}, relative {difference / scale:.1e} {"" if agree[-1] else "DIFFERS"}', flush=True)
  return agree


def compare_resized(size: str, images: np.ndarray) -> bool:
  """Prints how far resized pictures are from torch-fidelity's, and those of PyTorch's own resizer."""
  expected = references.resized(images)
  channels = references.channels_first(images).float()
  half_pixel = torch.nn.functional.interpolate(channels, size=(299, 299), mode='bilinear')
  difference = np.abs(inception_v3.resize(images) - expected).max()
  other = np.abs(half_pixel.numpy().transpose(0, 2, 3, 1) - expected).max()
  print(f'{size:12} resized: difference {difference:.1e} of 255; half-pixel centers differ {other:.0f}')
  return difference < 1e-3


def channels_last(state: references.State) -> Callable[[np.ndarray], None]:
  """pytorch-fid's network in the layout in which torch is fastest on CPU, of prepared pictures."""
  network = references.pytorch_fid(state)[0].to(memory_format=torch.channels_last)

  def run(images: np.ndarray) -> None:
    prepared = torch.from_numpy((np.float32(images) - 128) / 128).permute(0, 3, 1, 2)
    network(prepared.contiguous(memory_format=torch.channels_last))

  return torch.inference_mode()(run)


def speed(networks: dict[str, Callable]) -> None:
  """Prints the best of some interleaved rounds: seconds, and those of all cores."""
  images = inputs.parts(299, 299, BATCH)
  best = {name: (np.inf, np.inf) for name in networks}
  for i in range(ROUNDS + 1):
    for name, network in networks.items():
      start = time.perf_counter(), time.process_time()
      network(images)
      took = time.perf_counter() - start[0], time.process_time() - start[1]
      best[name] = tuple(map(min, best[name], took)) if i else best[name]
  for name, (wall, cores) in best.items():
    print(f'{name:28} {1e3 * wall / BATCH:7.1f} ms a picture, {1e3 * cores / BATCH:7.1f} ms of cores')


def main() -> None:
  """All comparisons."""
  state = inputs.state()
  networks = {'ours': ours()} | references.every(state)
  agree = []
  for size, images in pictures().items():
    agree += compare(networks, size, images) + [compare_resized(size, images)]
  print(f'{len(agree)} comparisons, {agree.count(False)} beyond their bound', flush=True)
  tensors = {name: torch.from_numpy(array) for name, array in state.items()}
  speed(networks | {'pytorch-fid, channels last': channels_last(tensors)})
  sys.exit(not all(agree))


if __name__ == '__main__':
  main()
