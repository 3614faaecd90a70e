"""Functions and classes by the names that a config gives them.

Two kinds of names exist. A variant that has a file, such as a game or a data source, has the name of
that file. A factory, such as a loss, has the name of its function, and its module lists it in the tuple
`FACTORIES`. The user adds further names with `gan_jax.extend`, see `common.extensions`. No other code
can be named, so a config from a stranger cannot reach it.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Collection, Iterator, Mapping
from types import ModuleType
from typing import Any

from gan_jax.common import extensions, validation
from gan_jax.common.errors import ConfigError, UnknownNameError, at, refused_values
from gan_jax.common.spelling import closest


class _Modules(Mapping[str, Any]):
  """The modules of a package by the names of their files, and what the user added to them."""

  def __init__(self, package: ModuleType, defining: str | None, added: Mapping[str, extensions.Entry]):
    self._package = package.__name__
    self._defining = defining
    files = (m.name for m in pkgutil.iter_modules(package.__path__) if not m.ispkg)
    self._added = added
    self._names = sorted({name for name in files if name not in package.HELPERS} | self._added.keys())

  def __contains__(self, name: object) -> bool:
    return name in self._names

  def __iter__(self) -> Iterator[str]:
    return iter(self._names)

  def __len__(self) -> int:
    return len(self._names)

  def __getitem__(self, name: str) -> Any:
    if name not in self._names:
      raise KeyError(name)
    if name in self._added:
      return self._added[name].load()
    module = importlib.import_module(f'{self._package}.{name}')
    if self._defining and not hasattr(module, self._defining):
      raise TypeError(f'{module.__name__} lacks {self._defining}; define it, or list {name} in HELPERS')
    return module


class _Members(Mapping[str, Any]):
  """The objects that modules list in `__all__`, by 'module.name', and what the user added to them."""

  def __init__(self, package: ModuleType):
    self._added = extensions.entries(package.__name__)
    self._modules = _Modules(package, '__all__', added={})

  def __contains__(self, name: object) -> bool:
    if name in self._added:
      return True
    module, _, member = str(name).partition('.')
    return module in self._modules and member in self._modules[module].__all__

  def __iter__(self) -> Iterator[str]:
    for name, module in self._modules.items():
      yield from (f'{name}.{member}' for member in sorted(module.__all__))
    yield from sorted(self._added)

  def __len__(self) -> int:
    return sum(len(module.__all__) for module in self._modules.values()) + len(self._added)

  def __getitem__(self, name: str) -> Any:
    if name not in self:
      raise KeyError(name)
    if name in self._added:
      return self._added[name].load()
    module, _, member = name.partition('.')
    return getattr(self._modules[module], member)


def modules(package: ModuleType, defining: str | None = None) -> Mapping[str, Any]:
  """Returns the modules of a package that a config can name, by the names of their files.

  A module is imported when its name is looked up, and not before. The names that the user added stand
  for objects that have the attribute `defining` too.

  Args:
    package: e.g. `gan_jax.gans`. A config cannot name its subpackages, nor the modules that its tuple
      `HELPERS` lists.
    defining: the name of what every module must define, e.g. 'make'.
  """
  return _Modules(package, defining, extensions.entries(package.__name__))


def members(package: ModuleType) -> Mapping[str, Any]:
  """Returns the objects in `__all__` of a package's modules, by 'module.name', e.g. 'dcgan.Generator'.

  A module is imported when one of its names is looked up. Iteration imports all modules. The names
  that the user added are included.

  Args:
    package: as in `modules`.
  """
  return _Members(package)


def factories(owner: ModuleType) -> dict[str, Callable[..., Any]]:
  """Returns the factories of a module that a config can name: {function name: function}.

  Those that the user added are included.
  """
  own = {factory.__name__: factory for factory in owner.FACTORIES}
  return own | extensions.objects(owner.__name__)


class Table(Mapping[str, Any]):
  """A table of objects by name, and what the user added to it."""

  def __init__(self, owner: str, own: Mapping[str, Any]):
    """Makes the table of the module `owner`, e.g. 'gan_jax.evaluation.scores', with these entries."""
    self._owner = owner
    self._own = own

  def _all(self) -> dict[str, Any]:
    return {**self._own, **extensions.objects(self._owner)}

  def __iter__(self) -> Iterator[str]:
    return iter(self._all())

  def __len__(self) -> int:
    return len(self._all())

  def __getitem__(self, name: str) -> Any:
    return self._all()[name]


def make(owner: ModuleType, spec: Mapping[str, Any]) -> Any:
  """Calls the factory that a spec {'name': ..., **arguments} names.

  Args:
    owner: a module with a tuple `FACTORIES`, e.g. `gan_jax.losses`. Arguments that its tuple
      `NESTED` lists, if it has one, are themselves specs of factories of the module.
    spec: the name of a factory, and its arguments.

  Raises:
    ConfigError: an unknown name, or arguments that the factory does not accept.
  """
  name, arguments = split(spec)
  named = factories(owner)
  (choose_extended if owner.__name__ in extensions.OWNERS else choose)(name, named)
  for key in getattr(owner, 'NESTED', ()):
    if key in arguments:
      with at(key):
        arguments[key] = make(owner, arguments[key])
  return call(named[name], arguments)


def split(spec: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
  """Splits a spec {'name': ..., **arguments} into the name and the arguments."""
  if not isinstance(spec, Mapping) or not isinstance(spec.get('name'), str):
    raise ConfigError(
      f'{spec!r} is not a name with arguments ({{"name": ..., ARGUMENT: VALUE}}); write it in this form'
    )
  arguments = {key: value for key, value in spec.items() if key != 'name'}
  return spec['name'], arguments


def choose(name: Any, names: Collection[str]) -> None:
  """Raises ConfigError, with all `names` and the closest one, unless `name` is one of them."""
  if not (isinstance(name, str) and name in names):
    raise ConfigError(_unknown(name, names))


def choose_extended(name: Any, names: Collection[str]) -> None:
  """Does the same as `choose`, for names to which a user can add; the error says how."""
  if not (isinstance(name, str) and name in names):
    raise UnknownNameError(_unknown(name, names, f'; {extensions.MORE}'))


def _unknown(name: Any, names: Collection[str], more: str = '') -> str:
  close = closest(name, names)
  remedy = f'did you mean {close!r}?' if close else 'choose one of these'
  return f'unknown name {name!r} (known: {", ".join(sorted(names))}{more}); {remedy}'


def call(function: Callable[..., Any], arguments: Mapping[str, Any], *given: Any) -> Any:
  """Calls `function(*given, **arguments)` with arguments from a config.

  A ValueError of the function becomes a ConfigError, see `errors.refused_values`. Other exceptions are
  faults of the program, and pass unchanged.

  Raises:
    ConfigError: unknown, missing, or bad arguments.
  """
  parameters = list(inspect.signature(function).parameters.values())[len(given) :]
  required = {p.name: p.default is p.empty for p in parameters if p.kind is not p.VAR_KEYWORD}
  check(arguments, required)
  validation.check(arguments, {p.name: p.annotation for p in parameters})
  with refused_values():
    return function(*given, **arguments)


def check(arguments: Mapping[str, Any], accepted: Mapping[str, bool]) -> None:
  """Raises ConfigError unless `arguments` match those that are accepted.

  Args:
    arguments: {name: value}.
    accepted: {name: whether it is required}.
  """
  if not isinstance(arguments, Mapping):
    raise ConfigError(f'{arguments!r} is not a mapping ({{ARGUMENT: VALUE}}); write arguments by name')
  known = ', '.join(accepted) or 'none'
  for key in arguments:
    if key not in accepted:
      close = closest(key, accepted)
      remedy = f'did you mean {close!r}?' if close else 'remove it from the experiment'
      raise ConfigError(f'unexpected argument {key!r} (accepted: {known}); {remedy}')
  for key, required in accepted.items():
    if required and key not in arguments:
      raise ConfigError(f'missing argument {key!r} (accepted: {known}); add it to the experiment')
