"""What a study is of: settings, each an experiment with values of its own, and which share a program.

Settings that differ in numbers alone can be one compiled program, to which these numbers are inputs.
"""

import dataclasses
import itertools
import json
import pathlib
import re
import runpy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from gan_jax.common.errors import ConfigError, at
from gan_jax.common.types import Plain
from gan_jax.config import build, flag_values, schema
from gan_jax.data.source import arrays_of
from gan_jax.run import loop
from gan_jax.runtime import devices

Values = Mapping[str, Any]
"""{path in a config, 'players.generator.learning_rate': value}."""


class Setting(NamedTuple):
  """One column of a study, which every seed is trained with.

  Attributes:
    label: what it is called, and its folder.
    experiment: FILE[:preset].
    config: checked, of seed 0.
    values: where it differs from the experiment.
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
  found = {}
  for text in texts:
    path, equals, values = text.partition('=')
    if not equals or not path or not values:
      raise ConfigError(f'--sweep is {text!r}; write it as KEY=VALUE,VALUE,...')
    if path in found:
      raise ConfigError(f'--sweep {path} is given twice; write all its values in one')
    with at(f'--sweep {path}'):
      found[path] = [flag_values.parse(part) for part in flag_values.split(values)]
    if len(set(map(repr, found[path]))) < len(found[path]):
      raise ConfigError(f'--sweep {text}: a value is there twice')
  return found


def settings(experiments: Sequence[str], sweeps: Mapping[str, Sequence[Any]]) -> list[Setting]:
  """Every experiment with every combination of the values that are swept over.

  Args:
    experiments: FILE[:preset] each.
    sweeps: {path: values}; of a single value, all settings have it and no label says it.

  Raises:
    ConfigError: no such file, preset or key, or a value that cannot be.
  """
  found = []
  for experiment in experiments:
    for chosen in itertools.product(*sweeps.values()):
      values = dict(zip(sweeps, chosen, strict=True))
      with at(experiment):
        config = schema.plain(_changed(experiment, values))
        schema.check(config, devices=1)
      found.append(Setting('', experiment, config, values))
  several = [path for path, values in sweeps.items() if len(values) > 1]
  return [s._replace(label=label) for s, label in zip(found, _labels(found, several), strict=True)]


def _labels(found: Sequence[Setting], told: Sequence[str]) -> list[str]:
  """Names settings by the values that differ, in six digits where these suffice to tell them apart.

  Raises:
    ConfigError: two settings that are the same, or that no number of digits tells apart.
  """
  brief = [_label(setting, told, _short) for setting in found]
  places = {label: [i for i, other in enumerate(brief) if other == label] for label in brief}
  labels = [
    _label(setting, told, _exact) if len(places[label]) > 1 else label
    for setting, label in zip(found, brief, strict=True)
  ]
  for label, same in places.items():
    alike = any(found[i].config == found[j].config for i, j in itertools.combinations(same, 2))
    if alike or len({labels[i] for i in same}) < len(same):
      raise ConfigError(f'two settings have the folder {label!r}; leave out an experiment or a value')
  return labels


def _changed(experiment: str, values: Values) -> ConfigDict:
  file, _, preset = experiment.partition(':')
  if not pathlib.Path(file).is_file():
    raise ConfigError(f'--config: there is no file {file}')
  config = runpy.run_path(file)['get_config'](preset)
  for path, value in values.items():
    *outer, last = path.split('.')
    inside = config
    for key in outer:
      inside = _inside(inside, key, path)
    present = _inside(inside, last, path)
    if path == 'seed':
      raise ConfigError('--sweep seed: say how many with --seeds')
    try:
      # Through the ConfigDict, so that what is derived from a value follows it.
      inside[last] = _as_many(value, present) if isinstance(present, tuple) else value
    except TypeError as error:
      said = f'{value!r} is of another type than {present!r}'
      several = '; several go in brackets, [...,...]' * isinstance(present, tuple)
      raise ConfigError(f'--sweep {path}: {said}{several}') from error
  return config


def _as_many(value: Any, present: tuple) -> tuple:
  """A value of a key that takes several, of which one of their type may stand alone as in a flag."""
  if isinstance(value, list | tuple):
    return tuple(value)
  alike = {type(of) for of in present} or {str}
  if type(value) in alike or (type(value) is int and float in alike):
    return (value,)
  raise TypeError(value)


def _inside(config: Any, key: str, path: str) -> Any:
  if not isinstance(config, ConfigDict) or key not in config:
    known = ', '.join(config) if isinstance(config, ConfigDict) else 'none'
    raise ConfigError(f'--sweep {path}: there is no key {key!r} in the config there; keys: {known}')
  return config[key]


def _label(setting: Setting, told: Sequence[str], number: Callable[[float], str]) -> str:
  """Returns 'gan_ring', or 'gan_ring_learning_rate=0.001'; any file system takes such a name."""
  file, _, preset = setting.experiment.partition(':')
  last = [path.split('.')[-1] for path in told]
  # Of two players' learning rates the label must say whose.
  name = lambda path: path.split('.')[-1] if last.count(path.split('.')[-1]) == 1 else path
  parts = [f'{name(path)}={_text(setting.values[path], number)}' for path in told]
  parts = [pathlib.Path(file).stem, preset, *parts]
  return re.sub(r'[^\w.=+-]+', '-', '_'.join(filter(None, parts)))


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


def grouped(found: Sequence[Setting]) -> list[CompiledGroup]:
  """Settings by the program that they share: of one experiment, different in free numbers alone."""
  groups = {}
  for setting in found:
    free = _free(setting)
    constant = _put(setting.config, dict.fromkeys(free, 0.0))
    groups.setdefault((json.dumps(constant, sort_keys=True), free), []).append(setting)
  return [
    CompiledGroup(tuple(same), free if len(same) > 1 else ()) for (_, free), same in groups.items()
  ]


def _free(setting: Setting) -> tuple[str, ...]:
  """The paths of the numbers that a program of this setting can take as inputs: tried by tracing it."""
  numbers = [path for path, value in setting.values.items() if isinstance(value, float)]
  if not numbers:
    return ()
  built, rows = assembled(setting.label, setting.config), np.arange(setting.config['batch_size'])
  state = jax.eval_shape(lambda: loop.initial_state(setting.config, built))
  feed = {'arrays': arrays_of(built.source, 0, 1, rows), 'rows': rows}

  def is_free(path: str) -> bool:
    run = lambda state, number: step_of(setting.config, built, {path: number})(state, feed)
    try:
      jax.eval_shape(jax.vmap(run, (None, 0), axis_name=devices.AXIS), state, np.ones(1, np.float32))
    except (ConfigError, TypeError):
      # It decides what the program is, as a weight of 0 does; the config itself is sound.
      return False
    return True

  return tuple(filter(is_free, numbers))


def assembled(label: str, config: Plain) -> loop.Built:
  """What a run of the setting of this label is made of, or a ConfigError that names the setting."""
  with at(label):
    return loop.assemble_run(config)


def step_of(config: Plain, built: loop.Built, numbers: Values) -> Any:
  """The call of a run whose config has these numbers, which may be inputs of the program."""
  if numbers:
    own = _put(config, numbers)
    game = build.make_game(own)
    built = dataclasses.replace(built, game=game, play=build.make_update_schedule(own, game))
  return loop.make_call(config, built)


def _put(config: Plain, values: Values) -> Plain:
  """The config with other values at some paths."""
  made = dict(config)
  for path, value in values.items():
    first, _, rest = path.partition('.')
    made[first] = _put(made[first], {rest: value}) if rest else value
  return made


def with_seed(setting: Setting, seed: int) -> Plain:
  """The config of one run."""
  return {**setting.config, 'seed': seed}


def numbers(setting: Setting, paths: Sequence[str]) -> dict[str, float]:
  """What a setting has at these paths."""
  return {path: float(setting.values[path]) for path in paths}
