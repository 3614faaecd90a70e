"""Examples that a user asks samples of, for games conditioned on images or on other arrays.

The examples come from a folder of images, from an array, or from the held-out examples of a run's data.
Labels are in `sample_labels`.
"""

import dataclasses
import os
import pathlib
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import modalities
from gan_jax.common import user_paths
from gan_jax.common.errors import ConfigError
from gan_jax.config import build
from gan_jax.config.build import Conditions
from gan_jax.config.run_config import DataConfig
from gan_jax.data import source as sources
from gan_jax.data.pipeline import decode, folder_tree, zip_archive
from gan_jax.data.pipeline.contents import Contents
from gan_jax.data.pipeline.decode import Framing
from gan_jax.evaluation import sample_sets
from gan_jax.game import Game, condition_fields, needs_condition
from gan_jax.modalities import Storage
from gan_jax.storage import sample_labels
from gan_jax.storage.batch_file import Batch
from gan_jax.storage.sample_labels import Label

HELD_OUT = 'held-out'
"""The name of the held-out examples of a run's data; a folder of this name is ./held-out."""

_KINDS = f'a folder of images, a zip archive of them, an image file, or {HELD_OUT}'

Source = str | os.PathLike | np.ndarray | None
"""The path of images, an array of examples [N, ...], HELD_OUT; None if no source is given."""


class RunData(NamedTuple):
  """The data of a run, which is read only for `HELD_OUT`.

  Attributes:
    config: of the data.
    batch: returns the fields of a batch, see `batch_file.Batch`.
    classes: the names of the labels; empty if they have none.
  """

  config: DataConfig
  batch: Callable[[], Batch]
  classes: Sequence[str] = ()


class SourceExamples(NamedTuple):
  """The examples of which samples are asked.

  Attributes:
    num: the number of examples; None if they never end.
    batch: (first, count) -> the fields of the examples `first` to first + count - 1, [count, ...] each.
      After the last example all are repeated.
    has_targets: whether 'real' holds what samples of the examples should resemble.
    names: of the examples' files, without folders and suffixes; () for examples without files.
  """

  num: int | None
  batch: Callable[[int, int], Mapping[str, Any]]
  has_targets: bool
  names: Sequence[str] = ()

  def conditions(self, game: Game) -> Conditions:
    """Returns the conditions of samples, one of each example in turn."""
    assert game.condition is not None
    condition = jax.jit(game.condition)
    return lambda first, count: jax.device_get(condition(self.batch(first, count)))

  def targets(self, num: int) -> np.ndarray | None:
    """Returns the targets of the first `num` samples as they are stored; None if they are unknown."""
    if not self.has_targets:
      return None
    real = np.asarray(self.batch(0, num)['real'])
    return modalities.of_shape(real.shape).storage.from_outputs(real)


def conditions(
  game: Game, examples: SourceExamples | None, labels: np.ndarray | None
) -> Conditions | None:
  """Returns the conditions of samples; None if the game draws them, or has none.

  Args:
    game: the game.
    examples: from `find`.
    labels: from `sample_labels.of_samples`.
  """
  if examples:
    return examples.conditions(game)
  return None if labels is None else sample_labels.conditions(labels)


def asked(
  data: RunData, game: Game, num: int, label: Label = None, source: Source = None
) -> Conditions | None:
  """Returns the conditions that a user asks of `num` samples, see `conditions`.

  Raises:
    ConfigError: the game takes other conditions, or these cannot be used.
  """
  sample_labels.check_game(game, label, 'label')
  labels = sample_labels.of_samples(game, sample_labels.numbered(label, data.classes), num)
  return conditions(game, find(data, game, source), labels)


def find(data: RunData, game: Game, source: Source, key: str = 'source') -> SourceExamples | None:
  """Returns the examples that a user names; None for a game whose samples need none.

  Args:
    data: the data of the run.
    game: the game.
    source: the path of a folder, of a zip archive, or of an image; an array; or `HELD_OUT`. Images of
      files are cropped and resized as those of the run. An array has the shape of the run's examples.
    key: what gave the source, for errors.

  Raises:
    ConfigError: the game needs a source and none is given, takes none, or cannot use this one.
  """
  shown = _shown(source)
  if not needs_condition(game):
    if source is None:
      return None
    fault = 'is conditioned on labels, and not on examples' if game.classes else 'has no conditions'
    raise ConfigError(f'{key}={shown}: this game {fault}; leave out {key}')
  if source is None:
    fields = ', '.join(condition_fields(game, data.batch()))
    raise ConfigError(
      f'{key}: missing ({_KINDS}; this game is conditioned on the field {fields} of its data); give '
      f'{key}'
    )
  if isinstance(source, str) and source == HELD_OUT:
    return _held_out(data, game, f'{key}={shown}')
  return _given(data, game, source, f'{key}={shown}')


def _shown(source: Source) -> str:
  if isinstance(source, str | os.PathLike) or source is None:
    return str(source)
  array = np.asarray(source)
  return f'{array.dtype} {array.shape}'


def _held_out(data: RunData, game: Game, at: str) -> SourceExamples:
  """Returns the held-out examples of a run's data, in an order that is the same for every run."""
  config = dataclasses.replace(data.config, batch_size=1, placement='stream')
  try:
    source = build.make_held_out_source(config)
  except ConfigError as error:
    raise ConfigError(f'{at}: {error}') from error.__cause__
  fields, present = condition_fields(game, data.batch()), sources.example(source)
  for field in fields:
    if field not in present:
      raise ConfigError(
        f'{at}: held-out examples lack the field {field} ({", ".join(present)}), on which this game is '
        'conditioned; give images'
      )
  row = np.zeros(1, np.int32)
  one = lambda arrays, index: source.batch(arrays, index, jnp.asarray(row))
  read = jax.jit(jax.vmap(one, (None, 0)))

  def batch(first: int, count: int) -> Mapping[str, Any]:
    arrays = sources.arrays_of(source, first, count, row)
    fields = read(arrays, np.arange(first, first + count))
    return {name: values[:, 0] for name, values in fields.items()}

  parts = [source.parts.get(field, source) for field in fields]
  order, real = parts[0].order, source.parts.get('real', source)
  return SourceExamples(
    num=None if order is None else order.total,
    batch=batch,
    has_targets=all(_belong_together(part, real) for part in parts),
  )


def _belong_together(part: sources.Source, real: sources.Source) -> bool:
  """Returns whether the examples of two parts of a combination are pairs."""
  return part is real or (part.order is not None and part.order == real.order)


def _given(data: RunData, game: Game, source: Any, at: str) -> SourceExamples:
  """Returns examples of the only field on which a game is conditioned."""
  like = data.batch()
  fields = condition_fields(game, like)
  if len(fields) != 1:
    raise ConfigError(
      f'{at}: this game is conditioned on several fields of its data ({", ".join(fields)}), and this '
      f'is one; use {HELD_OUT}'
    )
  (field,) = fields
  shape = like[field].shape
  modality = modalities.find(shape)
  if modality is None:
    raise ConfigError(
      f'{at}: the field {field} of the run has examples of shape {shape[1:]}, of an unknown kind '
      f'({", ".join(modalities.MODALITIES)}); use {HELD_OUT}'
    )
  storage = modality.storage
  if isinstance(source, str | os.PathLike):
    examples = _pictures(data.config.spec, field, shape, os.fspath(source), at)
    names = [pathlib.PurePath(file).stem for file in examples.files]
  else:
    examples, names = _array(source, storage, at), []
  if examples.shape[1:] != shape[1:]:
    raise ConfigError(
      f'{at}: examples of shape {examples.shape[1:]}, and the field {field} of the run has {shape[1:]} '
      '(one shape); resize the examples'
    )

  def batch(first: int, count: int) -> Mapping[str, Any]:
    stored = examples[np.arange(first, first + count) % len(examples)]
    return {field: storage.to_inputs(jnp.asarray(stored))}

  return SourceExamples(len(examples), batch, has_targets=field == 'real', names=names)


def _array(given: Any, storage: Storage, at: str) -> np.ndarray:
  """Returns an array of examples as they are stored."""
  array = np.asarray(given)
  if not array.ndim or not len(array) or not storage.accepts(array):
    raise ConfigError(f'{at}: not usable ({storage.accepted}, at least one); convert it')
  return storage.from_arrays(array, at)


def _pictures(
  spec: Mapping[str, Any], field: str, shape: tuple[int, ...], text: str, at: str
) -> sample_sets.Pictures:
  """Returns the images at a path, framed as those of a field of the run's data."""
  if modalities.of_shape(shape) is not modalities.IMAGES or shape[-1] not in (1, 3):
    raise ConfigError(
      f'{at}: examples of this run have the shape {shape[1:]} (images with 1 or 3 channels); use '
      f'{HELD_OUT}, or an array in Python'
    )
  path = user_paths.expanded(text, at.partition('=')[0])
  return sample_sets.pictures(_contents(path, at), at, _framing(spec, field, shape))


def _contents(path: pathlib.Path, at: str) -> Contents:
  if path.is_dir():
    return folder_tree.walk(path)
  if not path.is_file():
    raise ConfigError(f'{at}: no such folder or file ({_KINDS}); check the path')
  if zipfile.is_zipfile(path):
    return zip_archive.members(path)
  return Contents({path.name: ''}, {}, {}, frozenset(), lambda name: path.read_bytes())


def _framing(spec: Mapping[str, Any], field: str, shape: tuple[int, ...]) -> Framing:
  """Returns how the images of a field are cropped and resized, from the spec of the data.

  Args:
    spec: of the data of a run; that of a combination has the specs of its datasets.
    field: of a batch.
    shape: [1, height, width, channels], of the field.

  Raises:
    ConfigError: a setting of the spec is out of its range.
  """
  nested = spec.get(field, spec.get('real'))
  if isinstance(nested, Mapping):
    return _framing(nested, field, shape)
  _, height, width, channels = shape
  settings = {key: spec[key] for key in ('crop', 'filter', 'background') if key in spec}
  framing = Framing(size=height if height == width else 0, channels=channels, **settings)
  decode.check(framing)
  return framing
