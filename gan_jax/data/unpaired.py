"""Two datasets in independent orders, as in CycleGAN."""

from gan_jax.data import combinators
from gan_jax.data.source import MakeSource, Source


def load(seed: int, batch_size: int, *, real: MakeSource, source: MakeSource) -> Source:
  """Returns batches of 'real' and 'source' in independent orders, see `combinators.unpaired`.

  Args:
    seed: the seed of both orders.
    batch_size: the global batch size, which both datasets share.
    real: the examples that metrics compare with, {'name': ..., **settings}.
    source: the other examples, {'name': ..., **settings}.

  Source: Zhu et al. 2017 (arXiv:1703.10593).
  """
  return combinators.unpaired(seed, real, source)
