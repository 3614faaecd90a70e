"""The names that a user adds to those of this package, which `gan_jax.extend` fills.

It is the only place where such names are known, and `common.lookup` reads it. A name in a config
imports nothing: it is looked up among these, which the user gave by a call or by the flag --extend.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

MORE = 'names of other packages need --extend=PACKAGE, or gan_jax.extend'
"""Follows the known names in the error of an unknown one."""

OWNERS = (
  'gan_jax.augment',
  'gan_jax.data',
  'gan_jax.evaluation.scores',
  'gan_jax.gans',
  'gan_jax.latents',
  'gan_jax.losses',
  'gan_jax.losses.generator_regularizers',
  'gan_jax.losses.regularizers',
  'gan_jax.metrics.features',
  'gan_jax.modalities',
  'gan_jax.networks',
  'gan_jax.training.transforms',
)
"""The modules of ours to whose names a user can add."""


class Entry(NamedTuple):
  """The meaning of a name.

  Attributes:
    origin: the package or module that the user named, for errors.
    load: () -> the object.
  """

  origin: str
  load: Callable[[], Any]


_ENTRIES: dict[str, dict[str, Entry]] = {}
"""{the module of ours whose names are extended, e.g. 'gan_jax.losses': {name: entry}}."""


def entries(owner: str) -> dict[str, Entry]:
  """Returns the names that are added to those of a module of ours, e.g. 'gan_jax.losses'."""
  return dict(_ENTRIES.get(owner, {}))


def objects(owner: str) -> dict[str, Any]:
  """Returns {name: object} of the names that are added to those of a module of ours."""
  return {name: entry.load() for name, entry in entries(owner).items()}


def origins() -> list[str]:
  """Returns the packages and modules that have added names."""
  return sorted({entry.origin for added in _ENTRIES.values() for entry in added.values()})


def add(added: Mapping[str, Mapping[str, Entry]]) -> None:
  """Adds names, {module of ours: {name: entry}}; the caller has checked that they are free."""
  for owner, named in added.items():
    _ENTRIES.setdefault(owner, {}).update(named)


def remove(origin: str) -> None:
  """Removes the names of a package or module."""
  for owner, added in _ENTRIES.items():
    _ENTRIES[owner] = {name: entry for name, entry in added.items() if entry.origin != origin}


@contextlib.contextmanager
def restored() -> Iterator[None]:
  """Removes, at the end of the context, the names that were added in it."""
  before = {owner: dict(added) for owner, added in _ENTRIES.items()}
  try:
    yield
  finally:
    _ENTRIES.clear()
    _ENTRIES.update(before)
