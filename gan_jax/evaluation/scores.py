"""The scores of samples, one function each: what a comparison of real and generated examples gives.

A score that depends on a feature network is named after it, e.g. `frechet_digits`. With the network
`inception`, Frechet distance is what the literature calls FID, and kernel distance KID. The formulas
are in `gan_jax.metrics`; the functions here say what of a comparison each is given.
"""

import inspect
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gan_jax.common import lookup
from gan_jax.evaluation.feature_extraction import FeatureStatistics
from gan_jax.metrics import birthday_paradox, frechet, inception_score, memorization, ms_ssim
from gan_jax.metrics import kernel_distance as kernel
from gan_jax.metrics import precision_recall as neighbors
from gan_jax.metrics import sliced_wasserstein as sliced

COMPARED = 10_000
"""How many samples at the most are compared with as many real examples."""

HIGHER = (
  *('inception_score', 'precision', 'recall', 'density', 'coverage'),
  *('support', 'modes/captured', 'modes/high_quality'),
)
"""Scores that are better when higher, without the name of a network."""

LOWER = (
  *('frechet', 'kernel', 'sliced_wasserstein', 'sliced_patches', 'ms_ssim', 'copied'),
  'modes/reverse_kl',
)
"""Scores that are better when lower."""

_OF_NO_NETWORK = ('sliced_patches', 'ms_ssim', 'modes/')


class NotApplicableError(ValueError):
  """A score that there is not of such samples, and why."""


class Scored(NamedTuple):
  """What a function of this module gives.

  Attributes:
    values: {name: value}; None where there is no such value.
    settings: {name: value} that the formula was used with, for the card.
    remarks: {name of a value: what a person must know to read it}.
  """

  values: Mapping[str, float | None]
  settings: Mapping[str, int | bool] = types.MappingProxyType({})
  remarks: Mapping[str, str] = types.MappingProxyType({})


class OfMoments(Scored):
  """Scores of means and covariances alone, of any number of samples in little memory."""


class OfSamples(Scored):
  """Scores that compare sample with sample."""


class Comparison(NamedTuple):
  """What scores are of.

  Attributes:
    real: what was seen of real examples.
    fake: the same of samples.
    network: the name of the feature network.
    seed: of what is random in a score.
    gaussian: the moments of the real features, prepared.
    modes: of the data, with a method `scores`, see `source.Source`; None where they are not known.
  """

  real: FeatureStatistics
  fake: FeatureStatistics
  network: str
  seed: int
  gaussian: frechet.Prepared
  modes: Any = None

  def named(self, **values: float | None) -> dict[str, float | None]:
    """The values under names that say the network."""
    return {
      f'{name}_{self.network}': None if value is None else float(value)
      for name, value in values.items()
    }

  @property
  def compared(self) -> int:
    """How many of each are compared where there must be as many real ones as samples."""
    return min(len(self.real.features), len(self.fake.features), COMPARED)

  def equal(self) -> tuple[FeatureStatistics, FeatureStatistics]:
    """As many real examples as samples, the first of each."""
    num = self.compared
    return self.real.first(num), self.fake.first(num)


def frechet_distance(of: Comparison) -> OfMoments:
  """Frechet distance of all samples to all real examples, see `metrics.frechet`."""
  values = of.named(frechet=frechet.distance(of.gaussian, of.fake.moments))
  singular = frechet.is_singular(of.real.moments) or frechet.is_singular(of.fake.moments)
  settings = {'dimensions': len(of.fake.moments.mean), 'singular': singular}
  return OfMoments(values, settings, dict.fromkeys(values, _too_few(of)) if singular else {})


def _too_few(of: Comparison) -> str:
  real, fake = (int(seen.moments.count) for seen in (of.real, of.fake))
  dimensions = len(of.fake.moments.mean)
  return (
    f'{fake:,} samples and {real:,} real examples are too few for {dimensions:,} features: a '
    'covariance is singular, and the value does not compare with others; '
    f'score at least {dimensions + 1:,} of each'
  )


def kernel_distance(of: Comparison) -> OfSamples:
  """Kernel distance and the standard error of its subsets, see `kernel_distance`."""
  found = kernel.kernel_distance(of.real.features, of.fake.features, seed=of.seed)
  settings = {'subsets': found.subsets, 'subset_size': found.subset_size}
  remark = _whole_subsets(of, found.subset_size)
  remarks = dict.fromkeys(of.named(kernel_error=None), remark) if remark else {}
  return OfSamples(of.named(kernel=found.value, kernel_error=found.standard_error), settings, remarks)


def _whole_subsets(of: Comparison, size: int) -> str:
  """Returns what subsets of this size cannot show, or ''."""
  sets = {'samples': of.fake, 'real examples': of.real}
  whole = [name for name, seen in sets.items() if len(seen.features) == size]
  if not whole:
    return ''
  one_set = 'the error measures only how the other set is drawn'
  lost = 'subsets cannot differ' if len(whole) == 2 else one_set
  remedy = '; score more samples' if 'samples' in whole else ''
  return f'each subset holds all {size:,} {" and all ".join(whole)}, so {lost}{remedy}'


def inception(of: Comparison) -> OfSamples:
  """The inception score by the classes of the network, see `metrics.inception_score`."""
  if not of.fake.logits.shape[1]:
    raise NotApplicableError(f'the network {of.network} has no classes')
  found = inception_score.inception_score(of.fake.logits, seed=of.seed)
  values = of.named(inception_score=found.mean, inception_score_deviation=found.std)
  return OfSamples(values, {'splits': found.splits})


def precision_recall(of: Comparison) -> OfSamples:
  """Improved precision and recall, of as many real examples as samples, see `precision_recall`."""
  real, fake = of.equal()
  found = neighbors.precision_recall(real.features, fake.features)
  return OfSamples(of.named(precision=found.precision, recall=found.recall), {'k': found.k})


def density_coverage(of: Comparison) -> OfSamples:
  """Density and coverage, of as many real examples as samples, see `precision_recall`."""
  real, fake = of.equal()
  found = neighbors.density_coverage(real.features, fake.features)
  return OfSamples(of.named(density=found.density, coverage=found.coverage), {'k': found.k})


def sliced_wasserstein(of: Comparison) -> OfSamples:
  """The sliced Wasserstein distance of features, of as many real examples, see `sliced_wasserstein`."""
  real, fake = of.equal()
  found = sliced.sliced_wasserstein(real.features, fake.features, seed=of.seed)
  return OfSamples(of.named(sliced_wasserstein=found), {'directions': sliced.DIRECTIONS})


def sliced_patches(of: Comparison) -> OfSamples:
  """The sliced Wasserstein distance of patches at each level of detail, see `sliced_wasserstein`."""
  _check_images(of)
  real, fake = of.equal()
  found = sliced.pyramid_distance(real.images, fake.images, seed=of.seed)
  values = {
    'sliced_patches' if level == 'mean' else f'sliced_patches/{level}': value
    for level, value in found.items()
  }
  return OfSamples(values, {'directions': sliced.DIRECTIONS, 'patches_per_image': sliced.PER_IMAGE})


def ms_ssim_diversity(of: Comparison) -> OfSamples:
  """How alike two samples are, and two real examples, see `metrics.ms_ssim`."""
  _check_images(of)
  fake = ms_ssim.diversity(of.fake.images, seed=of.seed)
  real = ms_ssim.diversity(of.real.images, seed=of.seed)
  values = {'ms_ssim': fake.value, 'ms_ssim_of_real': real.value}
  return OfSamples(values, {'pairs': fake.pairs, 'scales': fake.scales})


def memorized(of: Comparison) -> OfSamples:
  """How many samples are nearer to a real example than real ones are, see `metrics.memorization`."""
  found = memorization.memorization(of.fake.features, of.real.features)
  return OfSamples(of.named(copied=found.copied, copied_of_real=found.expected, copied_z=found.z))


def support(of: Comparison) -> OfSamples:
  """The support size by the birthday paradox, where that of real data counts as 100,000."""
  threshold = birthday_paradox.calibrated_threshold(of.real.features)
  found = birthday_paradox.support(of.fake.features, threshold)
  return OfSamples(of.named(support=found.size, support_at_least=found.at_least))


def _check_images(of: Comparison) -> None:
  if of.fake.images.ndim != 4:
    raise NotApplicableError('it is of images, not of points')


def modes(of: Comparison) -> OfSamples:
  """Modes captured, and how evenly, of data whose modes are known."""
  if of.modes is None:
    raise NotApplicableError('the modes of this data are not known')
  found = of.modes.scores(of.fake.images)
  return OfSamples({f'modes/{name}': float(value) for name, value in found.items()})


Score = Callable[[Comparison], Scored]


def known() -> dict[str, Score]:
  """The scores that can be named."""
  here = sys.modules[__name__]
  return {**lookup.factories(here, OfMoments), **lookup.factories(here, OfSamples)}


def compares_samples(score: Score) -> bool:
  """Whether it needs every sample, not only their mean and covariance."""
  return inspect.signature(score).return_annotation is OfSamples


def printed(name: str, network: str) -> str:
  """Returns a name of `HIGHER` or `LOWER` as it is printed of the features of this network."""
  return name if name.startswith(_OF_NO_NETWORK) else f'{name}_{network}'


def is_better(name: str, value: float, than: float) -> bool:
  """Whether a value of the score of this name, as it is printed, is better than another."""
  higher = name.startswith(HIGHER)
  return value > than if higher else value < than
