"""Scores of a game's samples against its data, with a card that records the protocol."""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax import modalities
from gan_jax.common import lookup, validation
from gan_jax.common.errors import ConfigError, DivergedError
from gan_jax.common.types import PyTree
from gan_jax.config.build import Conditions
from gan_jax.data import source as sources
from gan_jax.data.source import Source
from gan_jax.evaluation import cards, foreign_names, predictions, reference_statistics, scores
from gan_jax.evaluation.feature_extraction import (
  FeatureExtractor,
  FeatureStatistics,
  NotFiniteError,
  generated,
)
from gan_jax.game import Game
from gan_jax.metrics import features, frechet
from gan_jax.metrics.features import FeatureNetwork

_MAX_SAMPLES = 10**6

SETTINGS = {'features': True, 'scores': True, 'num': True, 'seed': True, 'best': True}
"""{key of `config.evaluate`: whether it is required}."""


class EvaluationProtocol(NamedTuple):
  """How samples are scored.

  Attributes:
    network: the feature network.
    chosen: the scores to compute, by name.
    num: the number of samples.
    seed: the seed of their latents.
    strict: whether a score that is not defined for the data is an error. Otherwise it is left out, with
      a warning unless it only lacks labels or predictions.
    truncation: of the latents, see `game.check_truncation`; None for latents of the prior.
  """

  network: FeatureNetwork
  chosen: Mapping[str, scores.Score]
  num: int
  seed: int
  strict: bool = True
  truncation: float | None = None

  @property
  def stored(self) -> int:
    """The number of samples whose features are stored, 0 if means and covariances suffice."""
    return self.num if any(score.needs_samples for score in self.chosen.values()) else 0


def network(name: str, prefix: str = '') -> FeatureNetwork:
  """Returns the feature network of this name.

  Args:
    name: a module of `gan_jax.metrics.features`.
    prefix: what precedes the key in errors, '--' for flags.

  Raises:
    ConfigError: an unknown name, or weights that cannot be read.
  """
  networks, key = lookup.modules(features, 'load'), f'{prefix}features'
  check_network(name, prefix)
  try:
    return networks[name].load()
  except ConfigError as error:
    raise ConfigError(f'{key}={name}: {error}') from error


def check_network(name: str, prefix: str = '') -> None:
  """Raises ConfigError unless a feature network has this name; loads no weights."""
  networks = lookup.modules(features, 'load')
  foreign_names.choose(f'{prefix}features', name, networks, 'feature network', foreign_names.NETWORKS)


def protocol(
  name: str, wanted: Sequence[str], num: int, seed: int, prefix: str = ''
) -> EvaluationProtocol:
  """Returns the protocol of these settings.

  Args:
    name: the feature network, a module of `gan_jax.metrics.features`.
    wanted: names in `scores.SCORES`; an empty list asks for all that are defined for the data.
    num: the number of samples, from 2 to a million.
    seed: the seed of their latents, from 0 to 2**32 - 1.
    prefix: what precedes the keys in errors, '--' for flags.

  Raises:
    ConfigError: an unknown name, or a number outside its range.
  """
  chosen = chosen_scores(wanted, prefix)
  _check_range(f'{prefix}num', num, 2, _MAX_SAMPLES)
  check_seed(seed, prefix)
  return EvaluationProtocol(network(name, prefix), chosen, num, seed, strict=bool(wanted))


def chosen_scores(wanted: Sequence[str], prefix: str = '') -> dict[str, scores.Score]:
  """Returns the scores of these names, or all scores for an empty list.

  Raises:
    ConfigError: an unknown name.
  """
  if isinstance(wanted, str):
    raise ConfigError(
      f'{prefix}scores={wanted!r}: of the wrong kind (a list of names); write [{wanted!r}]'
    )
  for score in wanted:
    foreign_names.choose(f'{prefix}scores', score, scores.SCORES, 'score', foreign_names.SCORES)
  return {score: scores.SCORES[score] for score in wanted or scores.SCORES}


def check_seed(seed: int, prefix: str = '') -> None:
  """Raises ConfigError unless the seed is a whole number from 0 to 2**32 - 1."""
  _check_range(f'{prefix}seed', seed, 0, 2**32 - 1)


def _check_range(key: str, value: Any, least: int, most: int) -> None:
  if not validation.is_whole(value, least) or value > most:
    raise ConfigError(
      f'{key}={value!r}: out of range (a whole number from {least} to {most:,}); change {key}'
    )


def configured(settings: Mapping[str, Any]) -> EvaluationProtocol:
  """Returns the protocol of `config.evaluate`, see `schema.default`.

  Raises:
    ConfigError: a bad setting; `best`, which is not part of the protocol, is checked too.
  """
  lookup.check(settings, SETTINGS)
  validation.check(settings, {'features': str, 'scores': Sequence[str], 'best': str})
  if not settings['scores']:
    raise ConfigError('scores=(): empty (one score or more); name some, or set evaluate_every to 0')
  chosen = protocol(
    settings['features'], settings['scores'], settings['num'], settings['seed'], prefix='evaluate.'
  )
  best, name = settings['best'], chosen.network.name
  if best:
    values = [scores.printed(value, name) for value in scores.higher_is_better()]
    foreign_names.choose('evaluate.best', best, values, 'value', foreign_names.values(name))
  return chosen


@dataclasses.dataclass(frozen=True)
class Evaluator:
  """Scores samples of one game, see `create`.

  Attributes:
    protocol: how samples are scored.
    modes: of the data, see `data.source.Source`.
    warn: called with each warning.
    real: statistics of the real examples.
    gaussian: the Gaussian with their moments.
    extract: extracts the features of samples.
    card: what the protocol and the data contribute to every card.
    conditions: of the samples, see `build.make_conditions`; None for those that the game draws, and for
      a game without conditions.
    are_labels: whether the conditions are labels.
    confusion: see `predictions.make_confusion`.
    remarked: names of the values whose remark was passed on.
  """

  protocol: EvaluationProtocol
  modes: Any
  warn: Callable[[str], None]
  real: FeatureStatistics
  gaussian: Any
  extract: FeatureExtractor
  card: Mapping[str, Any]
  conditions: Conditions | None = None
  are_labels: bool = False
  confusion: predictions.Predict | None = None
  remarked: set[str] = dataclasses.field(default_factory=set)

  def __call__(self, variables: PyTree, **about: Any) -> tuple[dict[str, float | None], dict[str, Any]]:
    """Returns the scores of samples from these variables, and their card.

    Args:
      variables: variables of the game.
      **about: further fields of the card, e.g. the step.

    Raises:
      DivergedError: samples are not finite.
      ConfigError: a score that the protocol names is not defined for the data.
    """
    try:
      fake = self._features(variables)
    except NotFiniteError as error:
      raise DivergedError(f'samples: {error}') from error
    name, seed = self.protocol.network.name, self.protocol.seed
    confusion = functools.partial(self.confusion, variables) if self.confusion else None
    pair = scores.Comparison(self.real, fake, name, seed, self.gaussian, self.modes, confusion)
    values, entries = score_pair(self.protocol.chosen, pair, self.protocol.strict, self.warn)
    self._warn_of(entries.get('remarks', {}))
    compared = {'compared': pair.compared} if self.protocol.stored else {}
    return values, {**self.card, **compared, **entries, **about}

  def _features(self, variables: PyTree) -> FeatureStatistics:
    """Returns the features of samples under the conditions of the data."""
    num, size, labels = self.protocol.num, self.extract.chunk_size, []

    def chunks() -> Iterator[tuple[PyTree, PyTree | None]]:
      for first in range(0, num, size):
        given = self.conditions(first, size) if self.conditions else None
        if self.are_labels:
          labels.append(given)
        yield variables, given

    found = self.extract.from_chunks(chunks(), num)
    return found.with_labels(np.concatenate(labels)[:num]) if labels else found

  def _warn_of(self, remarks: Mapping[str, str]) -> None:
    """Passes on each remark once, however many checkpoints are scored."""
    for name, text in remarks.items():
      if name not in self.remarked:
        self.warn(f'{name}: {text}')
    self.remarked.update(remarks)


def score_pair(
  chosen: Mapping[str, scores.Score],
  pair: scores.Comparison,
  strict: bool,
  warn: Callable[[str], None],
) -> tuple[dict[str, float | None], dict[str, Any]]:
  """Returns the scores of a pair of sets, and the entries 'settings' and 'remarks' of their card.

  Args:
    chosen: the scores by name.
    pair: the features of both sets.
    strict: see `EvaluationProtocol`.
    warn: called for each score that is left out, except for those that lack labels or predictions.

  Raises:
    ConfigError: a score is not defined for the sets, and `strict` is set.
  """
  results = dict(_scored(chosen, pair, strict, warn))
  values = {name: value for scored in results.values() for name, value in scored.values.items()}
  remarks = {name: text for scored in results.values() for name, text in scored.remarks.items()}
  settings = {n: dict(scored.settings) for n, scored in results.items() if scored.settings}
  return finite(values), {'settings': settings, **({'remarks': remarks} if remarks else {})}


def _scored(
  chosen: Mapping[str, scores.Score],
  pair: scores.Comparison,
  strict: bool,
  warn: Callable[[str], None],
) -> Iterator[tuple[str, scores.Scored]]:
  """Yields the name and the result of each score that is defined for the sets."""
  for name, score in chosen.items():
    # Few sets have labels, and warnings of the same kind for all others would hide the rest.
    if not strict and not score.applies(pair):
      continue
    try:
      yield name, score.function(pair)
    except ValueError as error:
      # The functions of `gan_jax.metrics` raise it for samples for which they are not defined.
      if strict:
        raise ConfigError(f'scores: {name}: {error}') from error
      warn(f'{name} is left out: {error}')


def create(
  protocol: EvaluationProtocol,
  data: str,
  game: Game,
  source: Source,
  warn: Callable[[str], None],
  conditions: Conditions | None = None,
) -> Evaluator:
  """Returns an evaluator; computes the statistics of the real examples, or reads them from the cache.

  Args:
    protocol: how samples are scored.
    data: the name of the data, for the card.
    game: the game whose samples are scored.
    source: the data.
    warn: called with each warning.
    conditions: of the samples, see `build.make_conditions`.

  Raises:
    ConfigError: the network does not accept such examples.
  """
  shape = example_shape(source)
  feature_count(protocol.network, shape)
  real = reference_statistics.real_statistics(source, protocol.network, protocol.num, warn)
  evaluate = against(protocol, data, game, real, shape, warn, source.modes, conditions)
  return dataclasses.replace(evaluate, confusion=predictions.make_confusion(game, source))


def against(
  protocol: EvaluationProtocol,
  data: str,
  game: Game,
  real: reference_statistics.Reference,
  shape: Sequence[int],
  warn: Callable[[str], None],
  modes: Any = None,
  conditions: Conditions | None = None,
) -> Evaluator:
  """Returns an evaluator of a game's samples against real examples whose statistics are known.

  Args:
    protocol: how samples are scored.
    data: the name of the real examples, for the card.
    game: the game whose samples are scored.
    real: the statistics of the real examples.
    shape: the shape [N, ...] of a batch of samples.
    warn: called with each warning.
    modes: of the data, see `data.source.Source`.
    conditions: of the samples, see `build.make_conditions`; None for those that the game draws.

  Raises:
    ConfigError: the network does not accept such samples.
  """
  return Evaluator(
    protocol=protocol,
    modes=modes,
    warn=warn,
    real=real.statistics,
    gaussian=frechet.prepare(real.statistics.moments),
    extract=FeatureExtractor(
      protocol.network,
      generated(game, protocol.seed, protocol.truncation),
      protocol.stored,
      feature_count(protocol.network, shape),
    ),
    card={
      'data': data,
      **real.card,
      'generated': protocol.num,
      'seed': protocol.seed,
      **({} if protocol.truncation is None else {'truncation': protocol.truncation}),
      **({'conditions': 'of the data' if conditions else 'drawn'} if game.condition else {}),
      **cards.network_card(protocol.network),
    },
    conditions=conditions,
    are_labels=bool(conditions and game.classes),
  )


def finite(values: Mapping[str, float | None]) -> dict[str, float | None]:
  """Returns the values with None in place of NaN and infinity, which JSON cannot represent."""
  return {k: None if v is None or not math.isfinite(v) else v for k, v in values.items()}


def example_shape(source: Source) -> tuple[int, ...]:
  """Returns the shape [1, ...] of a batch of one example of a source."""
  return sources.example(source)['real'].shape


def feature_count(network: FeatureNetwork, shape: Sequence[int]) -> int:
  """Returns the number of features of an example.

  Args:
    network: the feature network.
    shape: the shape [N, ...] of a batch of examples.

  Raises:
    ConfigError: the network does not accept such examples.
  """
  modality = modalities.of_shape(shape)
  if network.modality == modality.name:
    example = jax.ShapeDtypeStruct(shape, modality.storage.dtype)
    outputs = jax.eval_shape(network.apply, network.params, example)
    if outputs.features.ndim == 2:
      return outputs.features.shape[1]
  remedy = modality.features or f'a network of {modality.name}'
  raise ConfigError(
    f'features={network.name}: the network does not accept examples of shape {tuple(shape[1:])}; '
    f'choose {remedy}'
  )
