"""Scoring samples of a game against its data by a protocol, with the card that says which."""

import importlib.metadata
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.common import lookup
from gan_jax.common.errors import ConfigError, DivergedError
from gan_jax.common.types import PyTree
from gan_jax.config import schema
from gan_jax.data.source import Source, arrays_of
from gan_jax.evaluation import foreign_names, reference_statistics, scores
from gan_jax.evaluation.feature_extraction import FeatureExtractor, NotFiniteError, generated
from gan_jax.game import Game
from gan_jax.metrics import features, frechet
from gan_jax.metrics.features import FeatureNetwork
from gan_jax.runtime import jax_settings

_MOST = 10**6

SETTINGS = {'features': True, 'scores': True, 'num': True, 'seed': True, 'best': True}
"""Of `config.evaluate`; none may be missing."""


class EvaluationProtocol(NamedTuple):
  """How samples are scored.

  Attributes:
    network: by whose features.
    chosen: {name: function of `gan_jax.evaluation.scores`}.
    num: samples.
    seed: of their latents.
    demanded: whether a score that cannot be had is an error, or is told of and left out.
  """

  network: FeatureNetwork
  chosen: Mapping[str, scores.Score]
  num: int
  seed: int
  demanded: bool = True

  @property
  def kept(self) -> int:
    """Of how many samples features are kept."""
    return self.num if any(scores.compares_samples(f) for f in self.chosen.values()) else 0


def network(name: str, prefix: str = '') -> FeatureNetwork:
  """Returns the feature network of this name; ConfigError, with the key after `prefix`, without it."""
  known, key = lookup.modules(features, 'load'), f'{prefix}features'
  foreign_names.choose(key, name, known, 'feature network', foreign_names.NETWORKS)
  try:
    return known[name].load()
  except ConfigError as error:
    raise ConfigError(f'{key}={name}: {error}') from error


def protocol(
  name: str, wanted: Sequence[str], num: int, seed: int, prefix: str = ''
) -> EvaluationProtocol:
  """The protocol of these settings.

  Args:
    name: of the feature network, a module of `gan_jax.metrics.features`.
    wanted: functions of `gan_jax.evaluation.scores`; none: all that can be had.
    num: samples, from 2.
    seed: of their latents, from 0 to 2**32 - 1.
    prefix: of the keys in errors, '--' of flags.

  Raises:
    ConfigError: what there is not, or cannot be.
  """
  for score in wanted:
    foreign_names.choose(f'{prefix}scores', score, scores.known(), 'score', foreign_names.SCORES)
  if isinstance(num, bool) or not isinstance(num, int) or not 2 <= num <= _MOST:
    raise ConfigError(f'{prefix}num is {num!r}; it must be a whole number from 2 to {_MOST:,}')
  if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
    raise ConfigError(f'{prefix}seed is {seed!r}; it must be a whole number from 0 to 2**32 - 1')
  chosen = {score: scores.known()[score] for score in wanted or scores.known()}
  return EvaluationProtocol(network(name, prefix), chosen, num, seed, demanded=bool(wanted))


def configured(settings: Mapping[str, Any]) -> EvaluationProtocol:
  """The protocol of `config.evaluate`, see `schema.default`; 'best' is checked too."""
  lookup.check(settings, SETTINGS)
  if not settings['scores']:
    raise ConfigError('scores is empty; name some, or set evaluate_every to 0')
  wanted = (settings[key] for key in ('features', 'scores', 'num', 'seed'))
  made = protocol(*wanted, prefix='evaluate.')
  if settings['best']:
    by = made.network.name
    known = [scores.printed(name, by) for name in (*scores.HIGHER, *scores.LOWER)]
    foreign_names.choose('evaluate.best', settings['best'], known, 'value', foreign_names.values(by))
  return made


def without_place(card: Mapping[str, Any]) -> dict[str, Any]:
  """Returns a card without the name of its data, if that name only says where the data lies.

  The card still has the digest of the data.
  """
  named = 'data_digest' not in card or not schema.place_kind(card.get('data'))
  return {key: value for key, value in card.items() if named or key != 'data'}


class Evaluator:
  """Scores the samples of one game; what is real is looked at when it is made."""

  def __init__(
    self, how: EvaluationProtocol, data: str, game: Game, source: Source, warn: Callable[[str], None]
  ):
    """Prepares to score by the protocol `how`, against the data of that name and source."""
    self._how, self._modes, self._warn, self._told = how, source.modes, warn, set()
    width = _width(how.network, source)
    self._real = reference_statistics.real_statistics(source, how.network, how.num, warn)
    self._gaussian = frechet.prepare(self._real.statistics.moments)
    self._collect = FeatureExtractor(how.network, generated(game, how.seed), how.kept, width)
    self._card = {
      'data': data,
      **self._real.card,
      'generated': how.num,
      'seed': how.seed,
      'features': how.network.name,
      'features_digest': how.network.digest,
      'resizer': how.network.resizer,
      'version': importlib.metadata.version('gan_jax'),
      **jax_settings.on_card(),
    }

  def __call__(self, variables: PyTree, **about: Any) -> tuple[dict[str, float | None], dict[str, Any]]:
    """The scores of samples from these variables, and the card with what is said `about` them.

    Raises:
      DivergedError: samples are not finite.
      ConfigError: a score that was asked for cannot be had.
    """
    try:
      fake = self._collect(variables, self._how.num)
    except NotFiniteError as error:
      raise DivergedError(f'samples: {error}') from error
    network, seed = self._how.network.name, self._how.seed
    of = scores.Comparison(self._real.statistics, fake, network, seed, self._gaussian, self._modes)
    made = dict(self._scored(of))
    values = {name: value for scored in made.values() for name, value in scored.values.items()}
    settings = {name: dict(scored.settings) for name, scored in made.items() if scored.settings}
    remarks = {name: text for scored in made.values() for name, text in scored.remarks.items()}
    self._tell(remarks)
    compared = {'compared': of.compared} if self._how.kept else {}
    said = {'settings': settings} | ({'remarks': remarks} if remarks else {})
    return finite(values), {**self._card, **compared, **said, **about}

  def _scored(self, of: scores.Comparison) -> Iterator[tuple[str, scores.Scored]]:
    """Gives the scores that can be had, each after its name in the protocol."""
    for name, score in self._how.chosen.items():
      try:
        yield name, score(of)
      except ValueError as error:
        if self._how.demanded:
          raise ConfigError(f'scores: {name}: {error}') from error
        self._warn(f'{name} is left out: {error}')

  def _tell(self, remarks: Mapping[str, str]) -> None:
    """Warns of each remark once, however many checkpoints are scored."""
    for name, text in remarks.items():
      if name not in self._told:
        self._warn(f'{name}: {text}')
    self._told |= remarks.keys()


def finite(values: Mapping[str, float | None]) -> dict[str, float | None]:
  """Returns the values with None for NaN and infinity, which JSON has not."""
  return {k: None if v is None or not math.isfinite(v) else v for k, v in values.items()}


def _width(network: FeatureNetwork, source: Source) -> int:
  """How many features the network has of examples; ConfigError if it cannot look at such."""
  place = np.zeros(1, np.int32)
  arrays = arrays_of(source, 0, 1, place)
  shape = jax.eval_shape(source.batch, arrays, 0, place)['real'].shape
  example = jax.ShapeDtypeStruct(shape, jnp.float32 if len(shape) == 2 else jnp.uint8)
  try:
    shape_of_features = jax.eval_shape(network.apply, network.params, example).features.shape
  except (TypeError, ValueError, IndexError, AssertionError):
    shape_of_features = ()
  if len(shape_of_features) != 2:
    remedy = 'coordinates' if len(shape) == 2 else 'one of images'
    raise ConfigError(
      f'features: the network {network.name!r} cannot look at examples of shape {shape[1:]}; '
      f'choose {remedy}'
    )
  return shape_of_features[1]
