"""How long it takes to score 10,000 images by Inception features, beside pytorch-fid.

make benchmark-evaluation, or where both are installed: python benchmarks/evaluation.py [--looked=2000]

Both networks have the same random weights and look at the same images, uint8 [looked, 32, 32, 3] of
noise: no time depends on what is seen. Hundred by hundred they go through each in turn, so
that a busy machine is as slow for one as for the other; time is in proportion to how many there are.
Then each makes moments of the same 10,000 features and their Frechet distance. Files, loading and
compilation are left out, both may use all cores, and pytorch-fid runs at its own batch size, 50: as it
is, and with its images and weights in the layout in which torch is fastest on CPU.
"""

import argparse
import functools
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

from gan_jax.common import output
from gan_jax.evaluation import feature_extraction
from gan_jax.metrics import frechet
from gan_jax.metrics.features import FeatureNetwork, convert_inception, inception_v3

BATCH = 50
DIMENSIONS = 2048
SCORED = 10_000


class Ours:
  """What `gan_jax.evaluate` does with images and with features."""

  name = 'gan_jax'

  def __init__(self, state):
    """Prepares the network of these weights."""
    params = jax.device_put(convert_inception.converted(state))
    network = FeatureNetwork('inception', params, inception_v3.RESIZER, inception_v3.apply)
    self._collect = feature_extraction.FeatureExtractor(
      network, feature_extraction.given, kept=0, width=DIMENSIONS
    )
    self._moments = jax.jit(lambda before, part: frechet.merge(before, frechet.moments(part)))

  def look(self, images):
    """Features of images, and their moments, 100 at a time."""
    parts = (
      images[i : i + feature_extraction.BATCH] for i in range(0, len(images), feature_extraction.BATCH)
    )
    self._collect.parts(parts, len(images))

  def distance(self, real, fake):
    """Of features to features."""
    parts = [frechet.empty(DIMENSIONS), *np.split(fake, len(fake) // feature_extraction.BATCH)]
    of_fake = functools.reduce(self._moments, parts)
    return frechet.distance(frechet.moments(real), of_fake)


class Theirs:
  """What pytorch-fid does, as it is or in the layout in which torch is fastest on CPU."""

  def __init__(self, state, name, layout):
    """Prepares the network of these weights."""
    self.name = name
    self._layout = layout
    tensors = {name: torch.from_numpy(array) for name, array in state.items()}
    with inception_references.instead_of_download(inception, tensors):
      network = inception.InceptionV3()
    self._network = network.eval().to(memory_format=layout)

  @torch.inference_mode()
  def look(self, images):
    """Features of images."""
    for first in range(0, len(images), BATCH):
      batch = torch.from_numpy(images[first : first + BATCH]).permute(0, 3, 1, 2).float() / 255
      self._network(batch.contiguous(memory_format=self._layout))

  def distance(self, real, fake):
    """Of features to features."""
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
  parser.add_argument('--looked', type=int, default=2_000, help='images, a multiple of 100')
  looked = parser.parse_args().looked
  state, random = inception_inputs.state(), np.random.default_rng(0)
  images = random.integers(0, 256, (looked, 32, 32, 3), np.uint8)
  real, fake = np.abs(random.standard_normal((2, SCORED, DIMENSIONS), np.float32))
  tools = (
    Ours(state),
    Theirs(state, 'pytorch-fid', torch.contiguous_format),
    Theirs(state, 'the same, channels last', torch.channels_last),
  )
  for tool in tools:
    tool.look(images[:100])
    tool.distance(real[:200], fake[:200])
  looking = {tool.name: 0.0 for tool in tools}
  for first in range(0, looked, 100):
    for tool in tools:
      looking[tool.name] += seconds(tool.look, images[first : first + 100])
  for tool in tools:
    last, share = seconds(tool.distance, real, fake), looking[tool.name] / looked
    print(
      f'{tool.name:23} features {1000 * share:.0f} ms an image ({looked:,} images), moments and '
      f'distance of {SCORED:,} {last:.1f} s: {SCORED * share + last:.0f} s for {SCORED:,} images'
    )


if __name__ == '__main__':
  output.protect()
  main()
