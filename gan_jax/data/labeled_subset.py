"""A dataset, a few of whose images are labeled, for semi-supervised learning."""

from gan_jax.data import combinators
from gan_jax.data.source import MakeSource, Source


def load(
  seed: int,
  batch_size: int,
  *,
  real: MakeSource,
  per_class: int = 0,
  total: int = 0,
  subset_seed: int = 0,
) -> Source:
  """Returns batches of a dataset, 'real', and of 'labeled' images with their 'labeled_label'.

  Args:
    seed: the seed of both orders.
    batch_size: the global batch size, also of the labeled images.
    real: the whole dataset, {'name': ..., **settings}; it has labels.
    per_class, total, subset_seed: the labeled images, see `combinators.labeled_subset`.

  Raises:
    ConfigError: see `combinators.labeled_subset`.

  Source: Salimans et al. 2016 (arXiv:1606.03498), section 5.
  """
  return combinators.labeled_subset(seed, real, per_class, total, subset_seed)
