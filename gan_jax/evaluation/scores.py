"""The scores of generated examples, one function each, and the table of their names.

A score that depends on a feature network carries its name, e.g. `frechet_digits`. With the network
`inception` the Frechet distance is the FID of the literature, and the kernel distance the KID. The
formulas are in `gan_jax.metrics`; the functions here select their inputs from a `Comparison`.

A new score is a function and a line of `_OURS`. A user adds scores with `gan_jax.extend`.
"""

import types
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from gan_jax import modalities
from gan_jax.common import lookup
from gan_jax.common.errors import ConfigError
from gan_jax.evaluation.feature_extraction import FeatureStatistics
from gan_jax.evaluation.predictions import Confusion
from gan_jax.metrics import (
  birthday_paradox,
  frechet,
  inception_score,
  matching,
  memorization,
  ms_ssim,
  per_class,
)
from gan_jax.metrics import kernel_distance as kernel
from gan_jax.metrics import precision_recall as neighbors
from gan_jax.metrics import sliced_wasserstein as sliced

COMPARED = 10_000
"""The largest number of samples that are compared with an equal number of real examples."""


class NotApplicableError(ValueError):
  """A score is not defined for these samples; the message says why."""


class Scored(NamedTuple):
  """The result of a score.

  Attributes:
    values: {name: value}; None where the value is not defined.
    settings: {name: value} that the formula used, for the card.
    remarks: {name of a value: a warning for its reader}.
  """

  values: Mapping[str, float | None]
  settings: Mapping[str, float | str] = types.MappingProxyType({})
  remarks: Mapping[str, str] = types.MappingProxyType({})


class Comparison(NamedTuple):
  """The inputs of a score.

  Attributes:
    real: features of real examples.
    fake: features of samples.
    network: the name of the feature network.
    seed: seed of the random choices of a score.
    gaussian: the prepared moments of the real features.
    modes: the modes of the data, with a method `scores`, see `source.Source`; None if unknown.
    confusion: counts the labels of held-out examples by what the game predicts, see `predictions`; it
      raises ConfigError if no example is held out. None if the game predicts no classes.
  """

  real: FeatureStatistics
  fake: FeatureStatistics
  network: str
  seed: int
  gaussian: frechet.Prepared
  modes: Any = None
  confusion: Callable[[], Confusion] | None = None

  def named(self, **values: float | None) -> dict[str, float | None]:
    """Returns the values under names that end in the name of the network."""
    return {
      f'{name}_{self.network}': None if value is None else float(value)
      for name, value in values.items()
    }

  @property
  def compared(self) -> int:
    """The number of real examples, and of samples, for scores that compare equal numbers."""
    return min(len(self.real.features), len(self.fake.features), COMPARED)

  @property
  def is_labeled(self) -> bool:
    """Whether the labels of both sets are known."""
    return self.real.labels is not None and self.fake.labels is not None

  def labels(self) -> tuple[np.ndarray, np.ndarray]:
    """Returns the labels of the real examples and of the samples, as many as there are features.

    Raises:
      NotApplicableError: they are unknown.
    """
    if self.real.labels is None:
      raise NotApplicableError('the real examples have no labels')
    if self.fake.labels is None:
      raise NotApplicableError('the samples have no labels')
    return self.real.labels, self.fake.labels

  def equal(self) -> tuple[FeatureStatistics, FeatureStatistics]:
    """Returns the first `compared` real examples and the first `compared` samples."""
    return self.real.first(self.compared), self.fake.first(self.compared)


def frechet_distance(pair: Comparison) -> Scored:
  """The Frechet distance between all samples and all real examples, see `metrics.frechet`."""
  values = pair.named(frechet=frechet.distance(pair.gaussian, pair.fake.moments))
  singular = frechet.is_singular(pair.real.moments) or frechet.is_singular(pair.fake.moments)
  settings = {'dimensions': len(pair.fake.moments.mean), 'singular': singular}
  return Scored(values, settings, dict.fromkeys(values, _too_few(pair)) if singular else {})


def _too_few(pair: Comparison) -> str:
  real, fake = int(pair.real.moments.count), int(pair.fake.moments.count)
  dimensions = len(pair.fake.moments.mean)
  return (
    f'{fake:,} samples and {real:,} real examples are too few for {dimensions:,} features: a '
    'covariance is singular, and the value does not compare with others; '
    f'score at least {dimensions + 1:,} of each'
  )


def kernel_distance(pair: Comparison) -> Scored:
  """The kernel distance and the standard error over its subsets, see `metrics.kernel_distance`."""
  result = kernel.kernel_distance(pair.real.features, pair.fake.features, seed=pair.seed)
  settings = {'subsets': result.subsets, 'subset_size': result.subset_size}
  remark = _exhausted_sets(pair, result.subset_size)
  remarks = dict.fromkeys(pair.named(kernel_error=None), remark) if remark else {}
  return Scored(pair.named(kernel=result.value, kernel_error=result.standard_error), settings, remarks)


def _exhausted_sets(pair: Comparison, size: int) -> str:
  """Returns why subsets of this size cannot show the variation of both sets, or ''."""
  sets = {'samples': pair.fake, 'real examples': pair.real}
  exhausted = [name for name, examples in sets.items() if len(examples.features) == size]
  if not exhausted:
    return ''
  one_set = 'the error measures only how the other set is drawn'
  loss = 'subsets cannot differ' if len(exhausted) == 2 else one_set
  remedy = '; score more samples' if 'samples' in exhausted else ''
  return f'each subset holds all {size:,} {" and all ".join(exhausted)}, so {loss}{remedy}'


def inception(pair: Comparison) -> Scored:
  """The inception score with the classes of the network, see `metrics.inception_score`."""
  _check_classes(pair)
  result = inception_score.inception_score(pair.fake.logits, seed=pair.seed)
  values = pair.named(inception_score=result.mean, inception_score_deviation=result.std)
  return Scored(values, {'splits': result.splits})


def _check_classes(pair: Comparison) -> None:
  if not pair.fake.logits.shape[1]:
    raise NotApplicableError(f'the network {pair.network} has no classes')


def precision_recall(pair: Comparison) -> Scored:
  """Improved precision and recall on equal numbers, see `metrics.precision_recall`."""
  real, fake = pair.equal()
  result = neighbors.precision_recall(real.features, fake.features)
  return Scored(pair.named(precision=result.precision, recall=result.recall), {'k': result.k})


def density_coverage(pair: Comparison) -> Scored:
  """Density and coverage on equal numbers, see `metrics.precision_recall`."""
  real, fake = pair.equal()
  result = neighbors.density_coverage(real.features, fake.features)
  return Scored(pair.named(density=result.density, coverage=result.coverage), {'k': result.k})


def sliced_wasserstein(pair: Comparison) -> Scored:
  """The sliced Wasserstein distance of features, see `metrics.sliced_wasserstein`."""
  real, fake = pair.equal()
  result = sliced.sliced_wasserstein(real.features, fake.features, seed=pair.seed)
  return Scored(pair.named(sliced_wasserstein=result), {'directions': sliced.DIRECTIONS})


def sliced_patches(pair: Comparison) -> Scored:
  """The distance of patches at each level of detail, see `metrics.sliced_wasserstein`."""
  _check_images(pair)
  real, fake = pair.equal()
  result = sliced.pyramid_distance(real.images, fake.images, seed=pair.seed)
  values = {
    'sliced_patches' if level == 'mean' else f'sliced_patches/{level}': value
    for level, value in result.items()
  }
  return Scored(values, {'directions': sliced.DIRECTIONS, 'patches_per_image': sliced.PER_IMAGE})


def ms_ssim_diversity(pair: Comparison) -> Scored:
  """The mean MS-SSIM of pairs of samples, and of pairs of real examples, see `metrics.ms_ssim`."""
  _check_images(pair)
  fake = ms_ssim.diversity(pair.fake.images, seed=pair.seed)
  real = ms_ssim.diversity(pair.real.images, seed=pair.seed)
  values = {'ms_ssim': fake.value, 'ms_ssim_of_real': real.value}
  return Scored(values, {'pairs': fake.pairs, 'scales': fake.scales})


def memorized(pair: Comparison) -> Scored:
  """The fraction of samples that copy a real example, see `metrics.memorization`."""
  result = memorization.memorization(pair.fake.features, pair.real.features)
  return Scored(pair.named(copied=result.copied, copied_of_real=result.expected, copied_z=result.z))


def support(pair: Comparison) -> Scored:
  """The support size by the birthday paradox, on a scale where real data have 100,000."""
  threshold = birthday_paradox.calibrated_threshold(pair.real.features)
  result = birthday_paradox.support(pair.fake.features, threshold)
  return Scored(pair.named(support=result.size, support_at_least=result.at_least))


def _check_images(pair: Comparison) -> None:
  modality = modalities.of_shape(pair.fake.images.shape)
  if modality is not modalities.IMAGES:
    raise NotApplicableError(f'it needs images, not {modality.name}')


def modes(pair: Comparison) -> Scored:
  """The number of captured modes and their evenness, for data whose modes are known."""
  if pair.modes is None:
    raise NotApplicableError('the modes of this data are unknown')
  labels = {} if pair.fake.labels is None else {'labels': pair.fake.labels}
  result = pair.modes.scores(pair.fake.images, **labels)
  return Scored({f'modes/{name}': float(value) for name, value in result.items()})


def intra_frechet(pair: Comparison) -> Scored:
  """The Frechet distance within each class, and its mean, see `metrics.per_class`."""
  real_labels, fake_labels = pair.labels()
  result = per_class.intra_frechet(pair.real.features, real_labels, pair.fake.features, fake_labels)
  by_class = zip(result.classes, result.distances, strict=True)
  each = {f'intra_frechet/{label}': distance for label, distance in by_class}
  mean = pair.named(intra_frechet=result.mean)
  dimensions = pair.real.features.shape[1]
  singular = int((np.minimum(result.real, result.fake) <= dimensions).sum())
  settings = {'classes': len(each), 'dimensions': dimensions, 'singular_classes': singular}
  remarks = dict.fromkeys(mean, _too_few_of_a_class(result, dimensions)) if singular else {}
  return Scored(mean | pair.named(**each), settings, remarks)


def _too_few_of_a_class(result: per_class.IntraFrechet, dimensions: int) -> str:
  rarest = np.minimum(result.real, result.fake).argmin()
  return (
    f'{result.fake[rarest]:,} samples and {result.real[rarest]:,} real examples of class '
    f'{result.classes[rarest]} are too few for {dimensions:,} features. A covariance is singular, and '
    f'the value does not compare with others; score at least {dimensions + 1:,} of each class'
  )


def label_accuracy(pair: Comparison) -> Scored:
  """The fraction of samples whose label the network predicts, and the same fraction of real examples.

  The network must have the classes of the data. Only their number is compared: the fraction of real
  examples is low for a network of other classes.
  """
  real_labels, fake_labels = pair.labels()
  _check_classes(pair)
  known, given = pair.fake.logits.shape[1], int(real_labels.max()) + 1
  if known != given:
    raise NotApplicableError(
      f'the network {pair.network} has {known:,} classes, and the data has {given:,}'
    )
  fake = per_class.label_accuracy(pair.fake.logits, fake_labels)
  real = per_class.label_accuracy(pair.real.logits, real_labels)
  return Scored(pair.named(label_accuracy=fake, label_accuracy_of_real=real), {'classes': known})


def classification_accuracy(pair: Comparison) -> Scored:
  """The accuracy on real examples of classifiers that learn from samples, and from real examples.

  Both learn from equal numbers, and are tested on the same half of the real examples. The other half is
  for learning, see `metrics.per_class`.
  """
  real_labels, fake_labels = pair.labels()
  half = len(real_labels) // 2
  count = min(half, len(fake_labels))
  test, labels = pair.real.features[half:], real_labels[half:]
  accuracy = lambda features, given: per_class.classification_accuracy(
    features[:count], given[:count], test, labels, l2=per_class.L2
  )
  values = pair.named(
    classification_accuracy=accuracy(pair.fake.features, fake_labels),
    classification_accuracy_of_real=accuracy(pair.real.features, real_labels),
  )
  return Scored(values, {'trained_on': count, 'tested_on': len(labels), 'l2': per_class.L2})


def matching_accuracy(pair: Comparison) -> Scored:
  """The accuracy of the classes or codes that a game predicts of held-out examples.

  Codes are matched with classes one to one, see `metrics.matching`.
  """
  if pair.confusion is None:
    raise NotApplicableError(
      'it needs a game that predicts classes (acgan, infogan), and data with labels and held-out '
      'examples; leave it out'
    )
  try:
    counts, split, digest = pair.confusion()
  except ConfigError as error:
    raise NotApplicableError(str(error)) from error
  settings = {
    'tested_on': int(counts.sum()),
    'split': split,
    'digest': digest,
    'predicted': len(counts),
    'classes': counts.shape[1],
  }
  return Scored({'matching_accuracy': matching.matching_accuracy(counts)}, settings)


class Score(NamedTuple):
  """A score that a protocol can name.

  Attributes:
    function: computes it.
    higher_is_better: {value: whether a higher value is better} of its values that compare generators.
    needs_samples: whether the function reads single samples, not only their means and covariances.
    uses_network: whether the names of its values end in the name of the feature network.
    needs_labels: whether it is defined only if the labels of both sets are known. Otherwise, it is left
      out without a warning, unless it is named.
    needs_predictions: the same for a game that predicts classes.
  """

  function: Callable[[Comparison], Scored]
  higher_is_better: Mapping[str, bool]
  needs_samples: bool = True
  uses_network: bool = True
  needs_labels: bool = False
  needs_predictions: bool = False

  def applies(self, pair: Comparison) -> bool:
    """Returns whether a comparison has the labels and the predictions that the score needs."""
    has_labels = pair.is_labeled or not self.needs_labels
    return has_labels and (pair.confusion is not None or not self.needs_predictions)


_OURS = {
  'frechet_distance': Score(frechet_distance, {'frechet': False}, needs_samples=False),
  'density_coverage': Score(density_coverage, {'density': True, 'coverage': True}),
  'inception': Score(inception, {'inception_score': True}),
  'kernel_distance': Score(kernel_distance, {'kernel': False}),
  'memorized': Score(memorized, {'copied': False}),
  'modes': Score(
    modes,
    {'modes/captured': True, 'modes/high_quality': True, 'modes/reverse_kl': False},
    uses_network=False,
  ),
  'ms_ssim_diversity': Score(ms_ssim_diversity, {'ms_ssim': False}, uses_network=False),
  'precision_recall': Score(precision_recall, {'precision': True, 'recall': True}),
  'sliced_patches': Score(sliced_patches, {'sliced_patches': False}, uses_network=False),
  'sliced_wasserstein': Score(sliced_wasserstein, {'sliced_wasserstein': False}),
  'support': Score(support, {'support': True}),
  'classification_accuracy': Score(
    classification_accuracy, {'classification_accuracy': True}, needs_labels=True
  ),
  'intra_frechet': Score(intra_frechet, {'intra_frechet': False}, needs_labels=True),
  'label_accuracy': Score(label_accuracy, {'label_accuracy': True}, needs_labels=True),
  'matching_accuracy': Score(
    matching_accuracy,
    {'matching_accuracy': True},
    needs_samples=False,
    uses_network=False,
    needs_predictions=True,
  ),
}

SCORES: Mapping[str, Score] = lookup.Table(__name__, _OURS)
"""The scores by name, in the order in which they are computed and printed; the user's are last."""


def higher_is_better() -> dict[str, bool]:
  """Returns {value: whether a higher one is better}, without the name of a feature network."""
  return {value: higher for s in SCORES.values() for value, higher in s.higher_is_better.items()}


def printed(value: str, network: str) -> str:
  """Returns a name in `higher_is_better` as it is printed for a feature network."""
  (uses_network,) = {s.uses_network for s in SCORES.values() if value in s.higher_is_better}
  return f'{value}_{network}' if uses_network else value


def is_higher_better(name: str) -> bool:
  """Returns whether a higher value is better; `name` is that of a value as it is printed."""
  return any(name.startswith(value) for value, higher in higher_is_better().items() if higher)


def is_better(name: str, value: float, than: float) -> bool:
  """Returns whether a value is better than another; `name` is that of the value as it is printed."""
  return value > than if is_higher_better(name) else value < than
