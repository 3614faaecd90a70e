"""From the names in a config to the functions and classes that they mean.

A name is the name of a module or of something that a module defines, so adding a file or a function
is all that it takes to make its name known. Nothing outside the given module or package is reached.
"""

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from gan_jax.common import validation
from gan_jax.common.errors import ConfigError


def modules(package: ModuleType, defining: str | None = None) -> dict[str, ModuleType]:
  """The modules directly inside `package`, or those of them that define `defining`, by name."""
  found = sorted(m.name for m in pkgutil.iter_modules(package.__path__))
  loaded = {name: importlib.import_module(f'{package.__name__}.{name}') for name in found}
  return {name: m for name, m in loaded.items() if defining is None or hasattr(m, defining)}


def factories(owner: ModuleType, returns: Any) -> dict[str, Callable[..., Any]]:
  """The public functions of `owner` that are annotated as returning `returns`, by name."""
  found = inspect.getmembers(owner, inspect.isfunction)
  return {
    name: f
    for name, f in found
    if not name.startswith('_') and inspect.signature(f).return_annotation is returns
  }


def make(owner: ModuleType, spec: Mapping[str, Any], returns: Any) -> Any:
  """Calls the factory of `owner` that a spec {'name': ..., **arguments} asks for.

  Args:
    owner: a module of factories, e.g. `gan_jax.losses`.
    spec: 'name' says the factory, the other keys are its arguments. Where it takes another of what
      `returns` says, that argument is a spec too.
    returns: what the factory returns; only functions annotated so can be named.

  Raises:
    ConfigError: no such name, or an argument that the factory does not take.
  """
  name, arguments = split(spec)
  known = factories(owner, returns)
  choose(name, known)
  takes = inspect.signature(known[name]).parameters
  nested = {key for key in arguments if key in takes and takes[key].annotation is returns}
  made = {key: make(owner, arguments[key], returns) for key in nested}
  return call(known[name], {**arguments, **made})


def split(spec: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
  """The name of a spec, and its arguments."""
  if not isinstance(spec, Mapping) or not isinstance(spec.get('name'), str):
    raise ConfigError(f'write it as a name and its arguments, {{"name": ...}}; it is {spec!r}')
  arguments = {key: value for key, value in spec.items() if key != 'name'}
  return spec['name'], arguments


def closest(name: Any, known: Iterable[str]) -> str:
  """Returns the name among the `known` that is spelled most like `name`, or '' if none is close."""
  return next(iter(difflib.get_close_matches(str(name), list(known), n=1)), '')


def choose(name: Any, known: Any) -> None:
  """Raises ConfigError, listing what is `known`, unless `name` is among it."""
  if name not in known:
    close = closest(name, known)
    hint = f'did you mean {close!r}? ' if close else ''
    raise ConfigError(f'there is no {name!r}; {hint}there are: {", ".join(sorted(known))}')


def call(function: Callable[..., Any], arguments: Mapping[str, Any], *given: Any) -> Any:
  """Calls `function(*given, **arguments)`; ConfigError if it does not take such arguments."""
  parameters = list(inspect.signature(function).parameters.values())[len(given) :]
  named = {p.name: p.default is p.empty for p in parameters if p.kind is not p.VAR_KEYWORD}
  check(arguments, named)
  validation.check(arguments, {p.name: p.annotation for p in parameters})
  return function(*given, **arguments)


def check(arguments: Mapping[str, Any], takes: Mapping[str, bool]) -> None:
  """Raises ConfigError unless `arguments` are what is taken: {argument: whether it is needed}."""
  if not isinstance(arguments, Mapping):
    raise ConfigError(f'write its arguments by name, {{...}}; it is {arguments!r}')
  for key in arguments:
    if key not in takes:
      known = ', '.join(takes) or 'none'
      raise ConfigError(
        f'it has no argument {key!r} (take it out of the experiment); it takes: {known}'
      )
  for key, needed in takes.items():
    if needed and key not in arguments:
      raise ConfigError(f'it needs the argument {key!r}')
