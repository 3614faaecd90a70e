"""Labels that a user asks samples of, checked against a game."""

from collections.abc import Sequence

import numpy as np

from gan_jax.common import validation
from gan_jax.common.errors import ConfigError
from gan_jax.common.spelling import closest
from gan_jax.config.build import Conditions
from gan_jax.game import Game

Label = int | str | Sequence[int | str] | np.ndarray | None
"""The label of samples, or several, by number or name, or weights of the classes; None for labels that
the game draws."""

PER_LABEL = 8
"""Default number of samples for each of several labels, a row of a grid."""


def parse(text: str | None, names: Sequence[str] = ()) -> list[int] | None:
  """Returns the labels in the flag --label, '3', '0,1,2' or 'cat,dog'; None if it is not given.

  Args:
    text: the value of the flag.
    names: of the labels, in their order; empty if they have none.

  Raises:
    ConfigError: a part of the text is neither a number nor a name.
  """
  if text is None:
    return None
  parts = [part.strip() for part in text.split(',')]
  return [
    int(part) if part.isdecimal() and part not in names else _number(part, names, f'--label={text}')
    for part in parts
  ]


def numbered(label: Label, names: Sequence[str]) -> Label:
  """Returns labels with numbers in place of names.

  Args:
    label: see `Label`.
    names: as in `parse`.

  Raises:
    ConfigError: a name is unknown.
  """
  if isinstance(label, str):
    return _number(label, names, f'label={label}')
  if isinstance(label, Sequence):
    return [_number(one, names, f'label={one}') if isinstance(one, str) else one for one in label]
  return label


def _number(name: str, names: Sequence[str], at: str) -> int:
  if name in names:
    return names.index(name)
  known = ', '.join(names) or 'whole numbers from 0; the labels of this data have no names'
  close = closest(name, names)
  remedy = f'did you mean {close!r}?' if close else 'choose one of these'
  raise ConfigError(f'{at}: unknown label {name!r} ({known}); {remedy}')


def count(num: int | None, labels: Sequence[int] | None, default: int) -> int:
  """Returns the number of samples, the flag --num if it is given.

  Args:
    num: the flag --num; None if it is not given.
    labels: the labels of the samples; None for any.
    default: the number without labels, or of one label.

  Raises:
    ConfigError: the samples cannot be divided evenly among the labels.
  """
  if labels is None or len(labels) == 1:
    return default if num is None else num
  if num is None:
    return PER_LABEL * len(labels)
  if num % len(labels):
    raise ConfigError(
      f'--num={num}: does not divide among {len(labels)} labels (a multiple of their number); change '
      '--num'
    )
  return num


def check_game(game: Game, label: Label, key: str) -> None:
  """Raises ConfigError if a label is given, `key` names what gave it, and a game takes none."""
  if label is not None and not game.classes:
    raise ConfigError(f'{key}={_shown(label)}: this game is not conditioned on labels; leave out {key}')


def _shown(label: Label) -> str:
  values = np.atleast_1d(np.asarray(label))
  return ','.join(map(str, values.tolist())) if values.ndim == 1 else f'{values.dtype} {values.shape}'


def of_samples(game: Game, label: Label, num: int, key: str = 'label') -> np.ndarray | None:
  """Returns the labels of samples, int32 [num]; None if the game draws them, or has none.

  Args:
    game: the game.
    label: one label; several, of which each gets an equal number of consecutive samples; weights of
      the classes, float [num, classes]; or None.
    num: the number of samples.
    key: what gave the label, for errors.

  Raises:
    ConfigError: the game is not conditioned on labels, or a label is out of range.
  """
  if label is None:
    return None
  check_game(game, label, key)
  values = np.atleast_1d(np.asarray(label))
  if values.ndim == 2 and values.shape == (num, game.classes) and values.dtype.kind == 'f':
    return values.astype(np.float32)
  whole = values.ndim == 1 and all(validation.is_whole(value, 0) for value in values.tolist())
  if not whole or not len(values):
    raise ConfigError(
      f'{key}={_shown(label)}: not labels (whole numbers from 0 to {game.classes - 1}, or weights of '
      f'the classes, float [{num}, {game.classes}]); change {key}'
    )
  if values.max() >= game.classes:
    raise ConfigError(
      f'{key}={_shown(label)}: out of range (0 to {game.classes - 1} in this game); change {key}'
    )
  if num % len(values):
    raise ConfigError(
      f'{key}={_shown(label)}: {num} samples do not divide among {len(values)} labels (a multiple of '
      f'their number); change {key}'
    )
  return np.repeat(values.astype(np.int32), num // len(values))


def conditions(labels: np.ndarray) -> Conditions:
  """Returns the conditions of samples that have these labels, [N] or weights [N, classes].

  The last label is repeated.
  """

  def of_range(first: int, count: int) -> np.ndarray:
    return labels[np.minimum(np.arange(first, first + count), len(labels) - 1)]

  return of_range
