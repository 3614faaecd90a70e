"""How long it takes to score images by Inception features, beside pytorch-fid with the same weights.

make benchmark-evaluation, or `python benchmarks/evaluation.py --num=10000` where both are installed.

Both get the same random weights and the same images, uint8 [num, 32, 32, 3] of noise, for neither time
depends on what they show, and end with a Frechet distance to the moments of as many others. Times are
of whole work, without files, compilation and loading; both may use all cores. pytorch-fid runs
at its own batch size, 50, in the layout in which torch is fastest on CPU. Each part of the images goes
through ours and through theirs in turn, so that a busy machine is as slow for one as for the other.
"""

import argparse
import os
import pathlib
import sys
import time

# An OpenMP that spins while it waits makes torch several times slower beside another busy process.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / 'tests' / 'parity'))

import inception_inputs
import inception_references
import jax
import numpy as np
import torch
from pytorch_fid import fid_score, inception

from gan_jax import collect
from gan_jax.metrics import frechet
from gan_jax.metrics.features import FeatureNetwork, convert_inception, inception_v3

BATCH = 50
DIMENSIONS = 2048


class Ours:
  """What `gan_jax.evaluate` does with images: features and moments in one pass, then the distance."""

  name = 'gan_jax'

  def __init__(self, state):
    """Prepares the network of these weights."""
    params = jax.device_put(convert_inception.converted(state))
    network = FeatureNetwork('inception', params, inception_v3.RESIZER, inception_v3.apply)
    self._collect = collect.Collector(network, collect.given, kept=0)
    self._moments = None

  def see(self, images):
    """Looks at images, a multiple of `collect.BATCH`."""
    parts = (images[i : i + collect.BATCH] for i in range(0, len(images), collect.BATCH))
    seen = self._collect.parts(parts, len(images)).moments
    self._moments = frechet.merge(self._moments, seen) if self._moments else seen

  def distance(self, real):
    """To the moments of real features."""
    return frechet.distance(frechet.moments(real), self._moments)


class Theirs:
  """What pytorch-fid does, from images in memory."""

  name = 'pytorch-fid'

  def __init__(self, state):
    """Prepares the network of these weights."""
    tensors = {name: torch.from_numpy(array) for name, array in state.items()}
    with inception_references.instead_of_download(inception, tensors):
      network = inception.InceptionV3()
    self._network = network.eval().to(memory_format=torch.channels_last)
    self._features = []

  @torch.inference_mode()
  def see(self, images):
    """Looks at images."""
    for first in range(0, len(images), BATCH):
      batch = torch.from_numpy(images[first : first + BATCH]).permute(0, 3, 1, 2).float() / 255
      found = self._network(batch.contiguous(memory_format=torch.channels_last))[0]
      self._features.append(found[:, :, 0, 0].numpy())

  def distance(self, real):
    """To real features."""
    fake = np.concatenate(self._features)
    moments = [(x.mean(axis=0), np.cov(x, rowvar=False)) for x in (real, fake)]
    return fid_score.calculate_frechet_distance(*moments[0], *moments[1])


def seconds(work, *arguments) -> float:
  """How long a call takes."""
  began = time.perf_counter()
  work(*arguments)
  return time.perf_counter() - began


def main() -> None:
  """Measures and prints."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--num', type=int, default=10_000, help='images, a multiple of 100')
  num = parser.parse_args().num
  state = inception_inputs.state()
  images = np.random.default_rng(0).integers(0, 256, (num, 32, 32, 3), np.uint8)
  real = np.abs(np.random.default_rng(1).standard_normal((num, DIMENSIONS), np.float32))
  tools = Ours(state), Theirs(state)
  features = dict.fromkeys(('gan_jax', 'pytorch-fid'), 0.0)
  for first in range(-100, num, 100):
    for tool in tools:
      took = seconds(tool.see, images[max(first, 0) :][:100])
      # The first part is only to compile and to warm up.
      features[tool.name] += took if first >= 0 else 0
  for tool in tools:
    last = seconds(tool.distance, real)
    print(
      f'{tool.name:12} {num:,} images: features {features[tool.name]:.1f} s, '
      f'moments and distance {last:.1f} s, in all {features[tool.name] + last:.1f} s'
    )


if __name__ == '__main__':
  main()
