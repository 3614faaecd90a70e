"""The settings of a study: experiments with swept values, and which of them share a program.

Settings that differ in numbers alone can be one compiled program, to which these numbers are inputs.
"""

import dataclasses
import fnmatch
import itertools
import json
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from gan_jax.common import schedules
from gan_jax.common.errors import ConfigError, at
from gan_jax.common.types import Plain, PyTree
from gan_jax.config import build, experiments, flag_values, overrides, run_config, schema
from gan_jax.run import setup
from gan_jax.training.state import Metrics, TrainState

Values = Mapping[str, Any]
"""{path in a config, 'players.generator.learning_rate': value}."""


class Setting(NamedTuple):
  """One column of a study, which every seed is trained with.

  Attributes:
    label: its name, and the name of its folder.
    experiment: NAME[:preset] or FILE[:preset].
    config: checked, with seed 0.
    values: the values in which it differs from the experiment.
  """

  label: str
  experiment: str
  config: Plain
  values: Values


class CompiledGroup(NamedTuple):
  """Settings of one program, and the paths of the numbers in which they differ."""

  settings: tuple[Setting, ...]
  paths: tuple[str, ...]


def parse(texts: Sequence[str]) -> dict[str, list[Any]]:
  """Reads {path: values} from texts 'PATH=VALUE,VALUE,...'.

  A value is JSON, a Python literal, or plain text. Commas in brackets or quotes belong to a value.

  Raises:
    ConfigError: malformed text, or a path that is given twice.
  """
  sweeps: dict[str, list[Any]] = {}
  for text in texts:
    path, equals, values = text.partition('=')
    if not equals or not path or not values:
      raise ConfigError(f'--sweep={text}: incomplete; write KEY=VALUE,VALUE,...')
    if path in sweeps:
      raise ConfigError(f'--sweep={text}: {path} is swept twice; write all its values in one --sweep')
    with at(f'--sweep {path}'):
      sweeps[path] = [flag_values.parse(value) for value in flag_values.split(values)]
    if len(set(map(repr, sweeps[path]))) < len(sweeps[path]):
      raise ConfigError(f'--sweep={text}: a value is repeated; write each value once')
  return sweeps


def settings(names: Sequence[str], sweeps: Mapping[str, Sequence[Any]]) -> list[Setting]:
  """Every experiment with every combination of the values that are swept over.

  Args:
    names: of experiments, NAME[:preset] or FILE[:preset] each.
    sweeps: {path: values}; of a single value, all settings have it and no label says it.

  Raises:
    ConfigError: no such file, preset or key, or a value that cannot be.
  """
  unnamed = []
  for experiment in names:
    for chosen in itertools.product(*sweeps.values()):
      values = dict(zip(sweeps, chosen, strict=True))
      original = experiments.load(experiment, '--config')
      with at(experiment):
        config = schema.plain(_changed(original, values))
        schema.check(config, devices=1)
        _check_start(config)
        _check_start(config)
      unnamed.append(Setting('', experiment, config, values))
  several = [path for path, values in sweeps.items() if len(values) > 1]
  labels = _labels(unnamed, several)
  return [s._replace(label=label) for s, label in zip(unnamed, labels, strict=True)]


def _check_start(config: Plain) -> None:
  if config['start_from']:
    raise ConfigError(
      f'start_from={config["start_from"]!r}: a study starts every run from its seed; remove the key, '
      'or train these runs with `train`'
    )


def _labels(settings: Sequence[Setting], paths: Sequence[str]) -> list[str]:
  """Names settings by their values at `paths`, in six digits where these suffice to tell them apart.

  Raises:
    ConfigError: two settings that are the same, or that no number of digits tells apart.
  """
  brief = [_label(setting, paths, _short) for setting in settings]
  indices = {label: [i for i, other in enumerate(brief) if other == label] for label in brief}
  labels = [
    _label(setting, paths, _exact) if len(indices[label]) > 1 else label
    for setting, label in zip(settings, brief, strict=True)
  ]
  for label, same in indices.items():
    alike = any(settings[i].config == settings[j].config for i, j in itertools.combinations(same, 2))
    if alike or len({labels[i] for i in same}) < len(same):
      raise ConfigError(f'--config: two settings share the folder name {label!r}; remove one of them')
  return labels


def _changed(config: ConfigDict, values: Values) -> ConfigDict:
  """Returns the config with other values at some paths; it is the given one, changed."""
  if 'seed' in values:
    raise ConfigError('--sweep=seed: seeds are not swept; set their number with --seeds')
  for path, value in values.items():
    overrides.assign(config, path, value, '--sweep ')
  return config


def _label(setting: Setting, paths: Sequence[str], number: Callable[[float], str]) -> str:
  """Returns 'gan_ring', or 'gan_ring_learning_rate=0.001'; any file system takes such a name."""
  file, _, preset = setting.experiment.partition(':')
  last = [path.split('.')[-1] for path in paths]
  # The learning rates of two players need their whole paths.
  name = lambda path: path.split('.')[-1] if last.count(path.split('.')[-1]) == 1 else path
  values = [f'{name(path)}={_text(setting.values[path], number)}' for path in paths]
  words = [pathlib.Path(file).stem, preset, *values]
  return re.sub(r'[^\w.=+-]+', '-', '_'.join(filter(None, words)))


def _text(value: Any, number: Callable[[float], str]) -> str:
  if isinstance(value, list):
    return 'x'.join(_text(inner, number) for inner in value)
  return number(value) if isinstance(value, float) else json.dumps(value).strip('"')


def _short(value: float) -> str:
  return f'{value:g}'


def _exact(value: float) -> str:
  """Returns the shortest text that is this number, the same as `_short` where six digits suffice."""
  texts = (f'{value:.{digits}g}' for digits in range(6, 18))
  return next((text for text in texts if float(text) == value), _short(value))


INPUTS = (
  ('*', 'ema.*'),
  ('*', 'players.*'),
  ('*', 'gan.loss.real'),
  ('*', 'gan.loss.fake'),
  ('*', 'gan.loss.target'),
  ('two_player', 'gan.noise.scale'),
  ('two_player', 'gan.penalties.*.weight'),
  ('two_player', 'gan.penalties.*.target'),
  ('two_player', 'gan.penalties.dragan.scale'),
  ('two_player', 'gan.generator_penalties.*.weight'),
  ('began', 'gan.rate'),
  ('consensus', 'gan.weight'),
  ('cramer', 'gan.weight'),
  ('ebgan', 'gan.margin'),
  ('ebgan', 'gan.pull_away'),
  ('wgan_gp', 'gan.weight'),
  ('wgan_gp', 'gan.target'),
)
"""Numbers that a compiled program can take as inputs: (pattern of `gan.name`, pattern of the key).

A change of another number makes another program. For example, MMD GAN leaves out a term whose weight
is 0.
"""


def grouped(settings: Sequence[Setting]) -> list[CompiledGroup]:
  """Groups settings by the program that they share: of one experiment, different in inputs alone.

  Raises:
    ConfigError: a number that its optimizer or game refuses.
  """
  groups: dict[tuple[str, tuple[str, ...]], list[Setting]] = {}
  for setting in settings:
    paths = _inputs(setting)
    if paths:
      _check_numbers(setting)
    constant = _put(setting.config, dict.fromkeys(paths, 0.0))
    groups.setdefault((json.dumps(constant, sort_keys=True), paths), []).append(setting)
  return [
    CompiledGroup(tuple(same), paths if len(same) > 1 else ()) for (_, paths), same in groups.items()
  ]


def _inputs(setting: Setting) -> tuple[str, ...]:
  """The paths of the swept numbers that a program can take as inputs, see `INPUTS`."""
  variant = setting.config['gan']['name']
  return tuple(
    path
    for path, value in setting.values.items()
    if isinstance(value, float)
    and not _is_in_schedule(setting.config, path)
    and any(
      fnmatch.fnmatchcase(path, pattern) and fnmatch.fnmatchcase(variant, variants)
      for variants, pattern in INPUTS
    )
  )


def _is_in_schedule(config: Plain, path: str) -> bool:
  """Returns whether a path leads into a schedule, whose arguments optax must know when it makes it."""
  return any(path.startswith(f'{schedule}.') for schedule in schedules.find(config))


def _check_numbers(setting: Setting) -> None:
  """Raises ConfigError, naming the setting, if a number is out of its range.

  Inside a program numbers are not known, and cannot be checked.
  """
  with at(setting.label):
    config = run_config.parse(setting.config)
    build.make_update_schedule(config.updates, build.make_game(config.game))


def assembled(label: str, config: Plain) -> setup.Built:
  """Returns the objects of a run of a setting; errors name the label of the setting."""
  with at(label):
    return setup.assemble_run(run_config.parse(config))


def make_call(
  config: Plain, built: setup.Built, numbers: Values
) -> Callable[[TrainState, PyTree], tuple[TrainState, Metrics]]:
  """Returns the call of a run whose config has these numbers, which may be inputs of the program."""
  if numbers:
    changed = run_config.parse(_put(config, numbers))
    game = build.make_game(changed.game)
    play = build.make_update_schedule(changed.updates, game)
    built = dataclasses.replace(built, game=game, play=play)
  return setup.make_call(built)


def _put(config: Plain, values: Values) -> Plain:
  """The config with other values at some paths."""
  changed = dict(config)
  for path, value in values.items():
    first, _, rest = path.partition('.')
    changed[first] = _put(changed[first], {rest: value}) if rest else value
  return changed


def with_seed(setting: Setting, seed: int) -> Plain:
  """Returns the config of one run."""
  return {**setting.config, 'seed': seed}


def numbers(setting: Setting, paths: Sequence[str]) -> dict[str, float]:
  """Returns the numbers that a setting has at these paths."""
  return {path: float(setting.values[path]) for path in paths}
