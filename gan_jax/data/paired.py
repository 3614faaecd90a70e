"""Pairs: image i of one dataset belongs to image i of another, as in pix2pix."""

from gan_jax.data import combinators
from gan_jax.data.source import MakeSource, Source


def load(seed: int, batch_size: int, *, real: MakeSource, source: MakeSource) -> Source:
  """Returns batches of 'real' and of the image 'source' that belongs to each, see `combinators.paired`.

  Args:
    seed: the seed of the order, which both datasets share.
    batch_size: the global batch size, which both datasets share.
    real: the images that the game generates, {'name': ..., **settings}; metrics compare with them.
    source: the images that they belong to, {'name': ..., **settings}.

  Raises:
    ConfigError: the datasets have different sizes, flips or held-out images, or have no fixed examples.

  Source: Isola et al. 2017 (arXiv:1611.07004).
  """
  return combinators.paired(seed, real, source)
