"""Scores of two sets: arrays, folders of images, and .npz files of samples or of statistics."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gan_jax.common import console
from gan_jax.common.errors import ConfigError
from gan_jax.evaluation import cards, evaluator, reference_statistics, sample_sets, statistics_file
from gan_jax.evaluation import scores as all_scores
from gan_jax.evaluation.feature_extraction import FeatureStatistics, NotFiniteError, collect_set
from gan_jax.evaluation.reference_statistics import Reference
from gan_jax.evaluation.sample_sets import ExampleSet, Given
from gan_jax.evaluation.statistics_file import FeatureMoments
from gan_jax.metrics import frechet
from gan_jax.metrics.features import FeatureNetwork
from gan_jax.runtime import jax_settings


def score(
  real: Given,
  fake: Given,
  features: str | None = None,
  scores: Sequence[str] = (),
  seed: int = 0,
  num: int | None = None,
) -> dict[str, float | None]:
  """Returns the scores of samples against real examples, by name.

  Each set is an array, or the path of a folder of images, of a zip archive of them, or of an .npz file.
  An array of images is uint8 [N, height, width, 1 or 3], or float in [-1, 1]; points are [N, D]. An
  .npz file has an array `images`, `points` or `arr_0`, or the statistics `mu` and `sigma`. With
  statistics, only the Frechet distance is defined.

  Args:
    real: the real examples.
    fake: the samples.
    features: the feature network, e.g. 'digits' or 'inception'; by default 'coordinates' for points.
    scores: names of scores, see `gan_jax.evaluation.scores`; empty for all that are defined.
    seed: of the random choices of some scores, from 0 to 2**32 - 1.
    num: the number of samples to use, from the first; by default all.

  Returns:
    {name: value}; None where a value is not defined.

  Raises:
    ConfigError: a set or a name that cannot be used.

  Example:
    >>> import numpy as np
    >>> points = np.random.RandomState(0).randn(100, 2)
    >>> round(score(points, points + [3, 4], scores=['frechet_distance'])['frechet_coordinates'], 3)
    25.0
  """
  return score_sets(real, fake, features=features, scores=scores, seed=seed, num=num)[0]


@jax_settings.fixed()
def score_sets(
  real: Given,
  fake: Given,
  *,
  features: str | None = None,
  scores: Sequence[str] = (),
  seed: int = 0,
  num: int | None = None,
  prefix: str = '',
) -> tuple[dict[str, float | None], dict[str, Any]]:
  """Returns the scores of `score`, and a card that records what was compared, and how.

  Args:
    real: the real examples.
    fake: the samples.
    features: the feature network; by default 'coordinates' for points.
    scores: names of scores; empty for all that are defined.
    seed: of the random choices of some scores.
    num: the number of samples to use, from the first; by default all.
    prefix: what precedes the keys in errors, '--' for flags.

  Raises:
    ConfigError: a set or a name that cannot be used.
  """
  evaluator.check_seed(seed, prefix)
  chosen = evaluator.chosen_scores(scores, prefix)
  one, other = sample_sets.read(real, f'{prefix}real'), sample_sets.read(fake, f'{prefix}fake')
  other = _first(other, num, prefix)
  name = _features(features, (one, other), prefix)
  if isinstance(one, ExampleSet) and isinstance(other, ExampleSet):
    one, other = sample_sets.matched(one, other, (f'{prefix}real', f'{prefix}fake'))
  else:
    chosen = moment_scores(chosen, bool(scores), prefix)
  # The weights of a network may be missing, and two files of statistics do not need them.
  is_needed = isinstance(one, ExampleSet) or isinstance(other, ExampleSet)
  network = evaluator.network(name, prefix) if is_needed else None
  reference = reference_of(one, network, name, f'{prefix}real')
  stored = any(each.needs_samples for each in chosen.values())
  samples = _samples(other, network, name, f'{prefix}fake', stored, reference)
  check_width(reference, len(samples.statistics.moments.mean), name, prefix)
  gaussian = frechet.prepare(reference.statistics.moments)
  pair = all_scores.Comparison(reference.statistics, samples.statistics, name, seed, gaussian)
  values, entries = evaluator.score_pair(chosen, pair, bool(scores), console.warn)
  for value, text in entries.get('remarks', {}).items():
    console.warn(f'{value}: {text}')
  return values, {
    'data': one.name,
    **reference.card,
    **samples.card,
    'seed': seed,
    **(cards.network_card(network) if network else {'features': name, **cards.version_card()}),
    **({'compared': pair.compared} if stored else {}),
    **entries,
  }


@jax_settings.fixed()
def write_statistics(
  path: pathlib.Path, real: Given, features: str | None = None, prefix: str = ''
) -> dict[str, Any]:
  """Writes the mean and the covariance of the features of a set to an .npz file; returns its card.

  Args:
    path: the path of the file; see `statistics_file.write` for its arrays.
    real: the set, see `score`; not a file of statistics.
    features: the feature network; by default 'coordinates' for points.
    prefix: what precedes the keys in errors, '--' for flags.

  Raises:
    ConfigError: a set or a name that cannot be used, or the file cannot be written.
  """
  examples = sample_sets.read(real, f'{prefix}real')
  if isinstance(examples, FeatureMoments):
    raise ConfigError(
      f'{prefix}real={examples.name}: it has statistics already (images or points); copy the file'
    )
  network = evaluator.network(_features(features, (examples,), prefix), prefix)
  reference = reference_of(examples, network, network.name, f'{prefix}real')
  return write_reference(path, examples.name, reference, network, prefix)


def write_reference(
  path: pathlib.Path, data: str, reference: Reference, network: FeatureNetwork, prefix: str = ''
) -> dict[str, Any]:
  """Writes the statistics of real examples, named `data`, as `write_statistics` does."""
  card = {'data': data, **reference.card, **cards.network_card(network)}
  statistics_file.write(path, reference.statistics.moments, card, f'{prefix}write_statistics')
  return card


def moment_scores(
  chosen: Mapping[str, all_scores.Score], strict: bool, prefix: str = ''
) -> dict[str, all_scores.Score]:
  """Returns the scores that need only means and covariances.

  Args:
    chosen: the scores by name.
    strict: whether another score is an error.
    prefix: what precedes the key in the error.

  Raises:
    ConfigError: another score, if `strict` is set.
  """
  defined = {name: each for name, each in chosen.items() if not each.needs_samples}
  refused = [name for name in chosen if name not in defined]
  if strict and refused:
    raise ConfigError(
      f'{prefix}scores={refused[0]}: it needs examples, and one set is a file of mu and sigma '
      '(frechet_distance); give the examples, or leave it out'
    )
  return defined


def reference_of(
  examples: ExampleSet | FeatureMoments, network: FeatureNetwork | None, features: str, key: str
) -> Reference:
  """Returns the statistics of real examples, and what a card says of them.

  Args:
    examples: the set.
    network: the feature network; None if the set is a file of statistics.
    features: the name of the network.
    key: the flag or argument that gave the set, for errors.

  Raises:
    ConfigError: the network does not accept the examples, or the statistics are of another network.
  """
  if isinstance(examples, FeatureMoments):
    statistics = _statistics_in(examples, network, features, key)
    card = {'data_digest': examples.digest, 'split': 'mu and sigma', 'real': examples.count}
    return Reference(statistics, card)
  assert network is not None
  evaluator.feature_count(network, examples.examples.shape)
  return reference_statistics.of_images(
    examples.examples, 'all', examples.identity, network, console.warn, is_cached=examples.is_file
  )


class _Samples(NamedTuple):
  """The statistics of samples, and what a card says of them."""

  statistics: FeatureStatistics
  card: dict[str, Any]


def _samples(
  fake: ExampleSet | FeatureMoments,
  network: FeatureNetwork | None,
  features: str,
  key: str,
  stored: bool,
  reference: Reference,
) -> _Samples:
  about = {'samples': fake.name}
  if isinstance(fake, FeatureMoments):
    statistics = _statistics_in(fake, network, features, key)
    return _Samples(statistics, {**about, 'samples_digest': fake.digest, 'generated': fake.count})
  assert network is not None
  evaluator.feature_count(network, fake.examples.shape)
  count = len(fake.examples)
  # A folder can be sorted by class, and some scores use only the first samples.
  is_cut = stored and count > min(len(reference.statistics.features), all_scores.COMPARED)
  order = reference_statistics.order_of(count) if is_cut else None
  try:
    statistics = collect_set(network, fake.examples, count if stored else 0, order)
  except NotFiniteError as error:
    raise ConfigError(f'{key}={fake.name}: {error}; leave out such samples') from error
  return _Samples(statistics, {**about, 'samples_digest': fake.identity, 'generated': count})


def _statistics_in(
  file: FeatureMoments, network: FeatureNetwork | None, features: str, key: str
) -> FeatureStatistics:
  written = file.facts.get('features', features)
  if written != features:
    raise ConfigError(
      f'{key}={file.name}: its statistics are of {written} (features={features}); set features to '
      f'{written}'
    )
  digest = file.facts.get('features_digest')
  if network and digest and digest != network.digest:
    raise ConfigError(
      f'{key}={file.name}: its statistics are of other weights of {features} (digest '
      f'{network.digest[:12]}); write it again'
    )
  none = np.empty(0)
  return FeatureStatistics(file.moments, none, none, none)


def check_width(reference: Reference, count: int, features: str, prefix: str = '') -> None:
  """Raises ConfigError unless the statistics of real examples are of `count` features."""
  width = len(reference.statistics.moments.mean)
  if width != count:
    raise ConfigError(
      f'{prefix}features={features}: the real set has {width} features and the samples have {count} '
      '(equal numbers); name the network of the statistics'
    )


def _first(
  fake: ExampleSet | FeatureMoments, num: int | None, prefix: str
) -> ExampleSet | FeatureMoments:
  """Returns the first `num` samples; None for all."""
  if num is None:
    return fake
  if isinstance(fake, FeatureMoments):
    raise ConfigError(
      f'{prefix}num={num}: {fake.name} has statistics and no samples (a set of samples); leave out num'
    )
  if isinstance(num, bool) or not isinstance(num, int) or not 2 <= num <= len(fake.examples):
    raise ConfigError(
      f'{prefix}num={num!r}: out of range (2 to {len(fake.examples):,}, the samples of {fake.name}); '
      'change num'
    )
  return fake.first(num)


def _features(features: str | None, sets: Sequence[ExampleSet | FeatureMoments], prefix: str) -> str:
  """Returns the name of the feature network, which only sets of a modality with a default leave out."""
  if features is not None:
    evaluator.check_network(features, prefix)
    return features
  defaults = {each.modality.features if isinstance(each, ExampleSet) else '' for each in sets}
  if len(defaults) == 1 and defaults != {''}:
    return defaults.pop()
  raise ConfigError(
    f'{prefix}features must be given for images and for statistics (digits, inception, ...); name the '
    'network'
  )
