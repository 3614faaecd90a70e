"""Scores of a run's samples, against its data or another set."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

from gan_jax import modalities
from gan_jax.api import scoring
from gan_jax.common import console
from gan_jax.common.errors import at
from gan_jax.common.types import Plain
from gan_jax.config import build, run_config
from gan_jax.config.build import Conditions
from gan_jax.data import source as sources
from gan_jax.evaluation import evaluator, reference_statistics, sample_sets
from gan_jax.evaluation.evaluator import EvaluationProtocol, Evaluator
from gan_jax.evaluation.sample_sets import ExampleSet, Given
from gan_jax.game import Game, Variables, check_truncation, sample_shape
from gan_jax.runtime import devices, jax_settings
from gan_jax.storage import load_run, metrics_log, workdir


@jax_settings.fixed()
def evaluate_run(
  folder: str | os.PathLike,
  *,
  step: int | str | None = None,
  ema: bool | None = None,
  data: str | None = None,
  features: str | None = None,
  scores: Sequence[str] = (),
  num: int = 10_000,
  seed: int = 0,
  real: Given | None = None,
  truncation: float | None = None,
  prefix: str = '',
) -> tuple[dict[str, float | None], dict[str, Any]]:
  """Scores samples of a run, and appends the result to scores.jsonl in its folder.

  Args:
    folder: the folder of the run.
    step: the step of the checkpoint, 'best', or None for the newest.
    ema: True for averaged weights, False for raw weights, None for averaged weights if available.
    data: the current location of the run's data, if it has moved.
    features: the feature network; by default that of the run's config.
    scores: names of scores; empty for all that are defined.
    num: the number of samples.
    seed: the seed of their latents.
    real: the set to compare with, see `scoring.score`; by default the data of the run.
    truncation: the largest absolute value of normal latents, in standard deviations; None for any.
    prefix: what precedes the keys in errors, '--' for flags.

  Returns:
    {name of a score: value}, and the card, which records what was compared, and how.

  Raises:
    ConfigError: the run, the set or a name cannot be used.
    DivergedError: samples are not finite.
  """
  folder = pathlib.Path(folder)
  config = workdir.read_config(folder)
  workdir.prepare(folder)
  name = features or config['evaluate']['features']
  protocol = evaluator.protocol(name, scores, num, seed, prefix=prefix)
  game, variables, step = load_run.load(folder, step, ema)
  check_truncation(game, truncation, f'{prefix}truncation')
  protocol = protocol._replace(truncation=truncation)
  weights = 'averaged' if config['ema'] and ema is not False else 'raw'
  if real is None:
    source, config = _source(folder, config, data)
    conditions = build.make_conditions(run_config.parse(config).data, game, seed)
    with at('evaluate'):
      evaluate = evaluator.create(
        protocol, config['data']['name'], game, source, console.warn, conditions
      )
  else:
    given = load_run.conditions_of_data(load_run.with_data(config, data), game, seed)
    evaluate = _against(protocol, real, game, variables, prefix, given)
  with at('evaluate'):
    values, card = evaluate(devices.replicate(variables), weights=weights, step=step)
  metrics_log.add_scores(folder, {'step': step, 'scores': values, 'card': card})
  return values, card


@jax_settings.fixed()
def write_run_statistics(
  path: pathlib.Path,
  folder: str | os.PathLike,
  data: str | None = None,
  features: str | None = None,
  prefix: str = '',
) -> dict[str, Any]:
  """Writes the statistics of a run's data to an .npz file, see `scoring.write_statistics`.

  Args:
    path: the path of the file.
    folder: the folder of the run.
    data: the current location of the run's data, if it has moved.
    features: the feature network; by default that of the run's config.
    prefix: what precedes the keys in errors, '--' for flags.

  Returns:
    The card of the file.

  Raises:
    ConfigError: the run or its data cannot be read, or the file cannot be written.
  """
  folder = pathlib.Path(folder)
  config = workdir.read_config(folder)
  network = evaluator.network(features or config['evaluate']['features'], prefix)
  source, config = _source(folder, config, data)
  with at('evaluate'):
    evaluator.feature_count(network, evaluator.example_shape(source))
  fresh = reference_statistics.NUM_STORED
  reference = reference_statistics.real_statistics(source, network, fresh, console.warn)
  return scoring.write_reference(path, config['data']['name'], reference, network, prefix)


def _source(folder: pathlib.Path, config: Plain, data: str | None) -> tuple[sources.Source, Plain]:
  """Returns the data that scores of a run compare with, and the config with its location."""
  config = load_run.with_data(config, data)
  source = build.make_unseen_source(run_config.parse(config).data, load_run.source(config))
  if not workdir.has_data(folder, sources.digest(source)):
    console.warn(
      'the images differ from those that this run started with; the metrics compare samples with '
      f'{source.about}'
    )
  return source, config


def _against(
  protocol: EvaluationProtocol,
  real: Given,
  game: Game,
  variables: Variables,
  prefix: str,
  conditions: Conditions | None = None,
) -> Evaluator:
  """Returns an evaluator of a game's samples against a set that the user gives."""
  key = f'{prefix}real'
  examples = sample_sets.read(real, key)
  shape = sample_shape(game, variables, conditions(0, 1) if conditions else None)
  if isinstance(examples, ExampleSet):
    are_images = examples.modality is modalities.of_shape(shape) is modalities.IMAGES
    if are_images and (shape[-1] == 3 or examples.is_gray):
      examples = examples.with_channels(shape[-1])
    sample_sets.check_shapes(examples.examples.shape, shape, f'{key}={examples.name}', 'the run')
  else:
    chosen = scoring.moment_scores(protocol.chosen, protocol.strict, prefix)
    protocol = protocol._replace(chosen=chosen)
  network = protocol.network
  reference = scoring.reference_of(examples, network, network.name, key)
  scoring.check_width(reference, evaluator.feature_count(network, shape), network.name, prefix)
  return evaluator.against(
    protocol, examples.name, game, reference, shape, console.warn, conditions=conditions
  )
