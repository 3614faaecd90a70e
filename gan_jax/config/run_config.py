"""A config as typed parts; each object of a run is built from the part that concerns it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from gan_jax.common import lookup
from gan_jax.common.types import Plain

Spec = Mapping[str, Any]
"""{'name': ..., **arguments}."""


@dataclasses.dataclass(frozen=True)
class GameConfig:
  """The game and its networks; `schema.default` documents the keys."""

  gan: Spec
  networks: Mapping[str, Spec]
  batch_statistics: str
  compute_dtype: str
  remat: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class UpdatesConfig:
  """The updates of the players, and the averages of weights."""

  players: Mapping[str, Mapping[str, Any]]
  update_rule: str
  ema: Mapping[str, Any]
  microbatches: int = 1

  @property
  def weights(self) -> str:
    """The weights that pictures and metrics are of: 'averaged' if there are averages, else 'raw'."""
    return 'averaged' if self.ema else 'raw'


@dataclasses.dataclass(frozen=True)
class DataConfig:
  """The training data, its order, and its placement."""

  spec: Spec
  seed: int
  batch_size: int
  placement: str

  @property
  def name(self) -> str:
    """The `data.name` of the config."""
    return lookup.split(self.spec)[0]

  @property
  def settings(self) -> dict[str, Any]:
    """The keys of `data` other than its name."""
    return lookup.split(self.spec)[1]


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
  """The steps, and how they are compiled."""

  seed: int
  steps: int
  batch_size: int
  steps_per_call: int
  scan_unroll: int
  start_from: Mapping[str, str | Mapping[str, str]]
  batch_statistics: str
  compiler_options: Mapping[str, Mapping[str, Any]]

  @property
  def last_call(self) -> int:
    """The number of steps before the last call of the compiled program."""
    return self.steps - self.steps_per_call


@dataclasses.dataclass(frozen=True)
class LoggingConfig:
  """The intervals of metrics, pictures, and checkpoints, and the reaction to an alert."""

  log_every: int
  sample_every: int
  checkpoint_every: int
  keep_checkpoints: int
  on_alert: str


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
  """Evaluation during training.

  Attributes:
    every: steps between evaluations; 0 for never.
    settings: the key `evaluate` of the config, see `evaluator.configured`.
  """

  every: int
  settings: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class RunConfig:
  """The parts of a config, and the config as JSON, by which a folder of a run identifies it."""

  game: GameConfig
  updates: UpdatesConfig
  data: DataConfig
  training: TrainingConfig
  logging: LoggingConfig
  evaluation: EvaluationConfig
  plain: Plain


def parse(config: Plain) -> RunConfig:
  """Returns the typed parts of a config that `schema.check` accepts.

  A number may be an input of a compiled program, a tracer.
  """
  pick = lambda part: {f.name: config[f.name] for f in dataclasses.fields(part)}
  return RunConfig(
    game=GameConfig(**pick(GameConfig) | {'remat': tuple(config['remat'])}),
    updates=UpdatesConfig(**pick(UpdatesConfig)),
    data=DataConfig(config['data'], config['seed'], config['batch_size'], config['placement']),
    training=TrainingConfig(**pick(TrainingConfig)),
    logging=LoggingConfig(**pick(LoggingConfig)),
    evaluation=EvaluationConfig(config['evaluate_every'], config['evaluate']),
    plain=config,
  )
