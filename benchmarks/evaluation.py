"""Measures the time to score 10,000 images by Inception features, compared with pytorch-fid.

make benchmark-evaluation, or where both are installed: python benchmarks/evaluation.py [--images=2000]

Both networks have the same random weights and process the same noise images, uint8 [N, 32, 32, 3]; no
time depends on the content. They alternate every hundred images, so that a busy machine slows both
equally. The time is proportional to the number of images. Then each computes moments of the same 10,000
features and their Frechet distance.

Files, loading and compilation do not count, and both may use all cores. The peer, pytorch-fid, runs at
its default batch size of 50. It runs once unchanged, and once with images and weights in the layout
that is fastest for torch on CPU.
"""

import argparse
import functools
import os
import pathlib
import sys
import time

# Beside another busy process, OpenMP threads that spin while waiting slow torch down several times.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / 'tests' / 'parity'))

import inception_inputs
import inception_references
import jax
import numpy as np
import torch
from pytorch_fid import fid_score, inception

from gan_jax.common import output
from gan_jax.evaluation import feature_extraction
from gan_jax.metrics import frechet
from gan_jax.metrics.features import FeatureNetwork, convert_inception, inception_v3

BATCH = 50
DIMENSIONS = 2048
SCORED = 10_000


class Ours:
  """The computations of `gan_jax.evaluate` on images and on features."""

  name = 'gan_jax'

  def __init__(self, state):
    """Prepares the network with these weights."""
    params = jax.device_put(convert_inception.converted(state))
    network = FeatureNetwork('inception', params, inception_v3.RESIZER, inception_v3.apply)
    self._extract = feature_extraction.FeatureExtractor(
      network, feature_extraction.from_chunk, num_stored=0, width=DIMENSIONS
    )
    self._moments = jax.jit(lambda moments, chunk: frechet.merge(moments, frechet.moments(chunk)))

  def extract(self, images):
    """Computes features of images, and their moments, 100 at a time."""
    size = feature_extraction.BATCH
    self._extract.from_chunks((images[i : i + size] for i in range(0, len(images), size)), len(images))

  def distance(self, real, fake):
    """Returns the Frechet distance of features."""
    chunks = np.split(fake, len(fake) // feature_extraction.BATCH)
    moments = functools.reduce(self._moments, chunks, frechet.empty(DIMENSIONS))
    return frechet.distance(frechet.moments(real), moments)


class Theirs:
  """The computations of pytorch-fid, unchanged or in the layout that is fastest for torch on CPU."""

  def __init__(self, state, name, layout):
    """Prepares the network with these weights."""
    self.name = name
    self._layout = layout
    tensors = {name: torch.from_numpy(array) for name, array in state.items()}
    with inception_references.instead_of_download(inception, tensors):
      network = inception.InceptionV3()
    self._network = network.eval().to(memory_format=layout)

  @torch.inference_mode()
  def extract(self, images):
    """Computes features of images."""
    for first in range(0, len(images), BATCH):
      batch = torch.from_numpy(images[first : first + BATCH]).permute(0, 3, 1, 2).float() / 255
      self._network(batch.contiguous(memory_format=self._layout))

  def distance(self, real, fake):
    """Returns the Frechet distance of features."""
    moments = [(x.mean(axis=0), np.cov(x, rowvar=False)) for x in (real, fake)]
    return fid_score.calculate_frechet_distance(*moments[0], *moments[1])


def seconds(work, *arguments) -> float:
  """Returns the seconds of a call."""
  start = time.perf_counter()
  work(*arguments)
  return time.perf_counter() - start


def main() -> None:
  """Measures and prints."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--images', type=int, default=2_000, help='number, a multiple of 100')
  count = parser.parse_args().images
  state, random = inception_inputs.state(), np.random.default_rng(0)
  images = random.integers(0, 256, (count, 32, 32, 3), np.uint8)
  real, fake = np.abs(random.standard_normal((2, SCORED, DIMENSIONS), np.float32))
  tools = (
    Ours(state),
    Theirs(state, 'pytorch-fid', torch.contiguous_format),
    Theirs(state, 'the same, channels last', torch.channels_last),
  )
  for tool in tools:
    tool.extract(images[:100])
    tool.distance(real[:200], fake[:200])
  extraction = {tool.name: 0.0 for tool in tools}
  for first in range(0, count, 100):
    for tool in tools:
      extraction[tool.name] += seconds(tool.extract, images[first : first + 100])
  for tool in tools:
    distance, per_image = seconds(tool.distance, real, fake), extraction[tool.name] / count
    print(
      f'{tool.name:23} features {1000 * per_image:.0f} ms per image ({count:,} images), moments and '
      f'distance of {SCORED:,} {distance:.1f} s: {SCORED * per_image + distance:.0f} s for '
      f'{SCORED:,} images'
    )


if __name__ == '__main__':
  output.protect()
  main()
