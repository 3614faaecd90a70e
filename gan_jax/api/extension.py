"""A user's own losses, games, networks, and other parts, under names that a config can give."""

import functools
import importlib
import importlib.util
import pkgutil
import re
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

from flax import linen as nn

from gan_jax import augment, data, gans, latents, losses, modalities, networks
from gan_jax.common import extensions, lookup
from gan_jax.common.errors import ConfigError
from gan_jax.common.extensions import Entry
from gan_jax.evaluation import scores
from gan_jax.losses import generator_regularizers, regularizers
from gan_jax.metrics import features
from gan_jax.metrics.features import FeatureNetwork
from gan_jax.modalities import Modality
from gan_jax.training import optimizers, transforms

Named = Iterable[Any] | Mapping[str, Any]
"""Objects under their own names, or {name: object}."""


class _Kind(NamedTuple):
  """A kind of part.

  Attributes:
    owner: the module of ours whose names are extended.
    known: () -> the names that are taken.
    words: what such a part is, in words, for errors.
    holds: whether an object is such a part.
    method: what a file of this kind must define; '' if a module lists its parts.
    places: modules of a user's package that list such parts, relative to it; if empty, each file of
      a folder is or has such parts.
    table: the name of that list.
    adapt: (name, part) -> the part that is used.
    function: a part -> a function of it, whose module is the origin of a part that is given alone.
  """

  owner: ModuleType
  known: Callable[[], Collection[str]]
  words: str
  holds: Callable[[Any], bool] = callable
  method: str = ''
  places: tuple[str, ...] = ()
  table: str = 'FACTORIES'
  adapt: Callable[[str, Any], Any] = lambda name, part: part
  function: Callable[[Any], Any] = lambda part: part


def _of_the_same_name(name: str, load: Callable[[], FeatureNetwork]) -> Callable[[], FeatureNetwork]:
  """Returns `load` with a check of the name that the scores of the network will carry."""

  def load_checked() -> FeatureNetwork:
    network = load()
    if network.name != name:
      raise ConfigError(f'the network calls itself {network.name!r}; give it the name {name!r}')
    return network

  return load_checked


def _is_network(part: Any) -> bool:
  return isinstance(part, type) and issubclass(part, nn.Module)


def _factories(owner: ModuleType, words: str, *places: str) -> _Kind:
  names = lambda: lookup.factories(owner)
  return _Kind(owner, names, f'a function that returns {words}', places=places)


_KINDS = {
  'games': _Kind(
    gans, lambda: lookup.modules(gans), 'a function (networks, ...) -> Game', method='make'
  ),
  'losses': _factories(losses, 'an AdversarialLoss', 'losses'),
  'penalties': _factories(regularizers, 'a Regularizer', 'penalties', 'losses.regularizers'),
  'generator_penalties': _factories(
    generator_regularizers, 'a Regularizer', 'generator_penalties', 'losses.generator_regularizers'
  ),
  'networks': _Kind(networks, lambda: lookup.members(networks), 'a Flax module', _is_network),
  'data': _Kind(
    data, lambda: lookup.modules(data), 'a function (seed, batch_size, ...) -> Source', method='load'
  ),
  'scores': _Kind(
    scores,
    lambda: scores.SCORES,
    'a Score',
    lambda part: isinstance(part, scores.Score),
    places=('evaluation.scores', 'scores'),
    table='SCORES',
    function=lambda part: part.function,
  ),
  'features': _Kind(
    features,
    lambda: lookup.modules(features),
    'a function () -> FeatureNetwork',
    method='load',
    adapt=_of_the_same_name,
  ),
  'priors': _factories(latents, 'a Prior', 'latents'),
  'augmentations': _factories(augment, 'an Augmentation', 'augment'),
  'transforms': _Kind(
    transforms,
    lambda: (*lookup.factories(transforms), *optimizers.TRANSFORMS),
    'a function that returns a transformation of optax',
    places=('training.transforms',),
  ),
  'modalities': _Kind(
    modalities,
    lambda: modalities.MODALITIES,
    'a Modality',
    lambda part: isinstance(part, Modality),
    places=('modalities',),
    table='MODALITIES',
    adapt=lambda name, part: part._replace(name=name),
    function=lambda part: part.drawing.samples,
  ),
}
"""{keyword of `extend`: its kind}."""


def extend(
  package: ModuleType | str | None = None,
  *,
  games: Named = (),
  losses: Named = (),
  penalties: Named = (),
  generator_penalties: Named = (),
  networks: Named = (),
  data: Named = (),
  scores: Mapping[str, Any] = {},
  features: Named = (),
  priors: Named = (),
  augmentations: Named = (),
  transforms: Named = (),
  modalities: Mapping[str, Any] = {},
) -> None:
  """Adds your own parts to those that a config can name.

  Give a package, or the parts themselves. A list keeps the names of its functions and classes, and a
  mapping names them. The flag --extend=PACKAGE of the commands does the same.

  A package has the layout of this one: `gans/NAME.py` with `make`, `networks/FILE.py` with `__all__`,
  `data/NAME.py` with `load`, `metrics/features/NAME.py` with `load`, `evaluation/scores.py` with
  `SCORES`, `modalities.py` with `MODALITIES`, and with `FACTORIES`: `losses.py`, `penalties.py`,
  `generator_penalties.py`, `latents.py`, `augment.py` and `training/transforms.py`. All are optional. A
  module without files lists its parts in capitals instead, as in `LOSSES = (my_loss,)`.

  A name must be free. The same package or notebook may extend again, and replaces its own names.

  Args:
    package: the package or module, or its name.
    games: functions (networks, ...) -> `game.Game`, for `gan.name`.
    losses: functions (...) -> `losses.AdversarialLoss`, for `gan.loss.name`.
    penalties: functions (...) -> `regularizers.Regularizer`, for `gan.penalties`.
    generator_penalties: the same for `gan.generator_penalties`, see `losses.generator_regularizers`.
    networks: Flax modules, for `networks.NETWORK.name`.
    data: functions (seed, batch_size, ...) -> `data.source.Source`, for `data.name`.
    scores: {name: `evaluation.scores.Score`}, for `evaluate.scores`.
    features: functions () -> `metrics.features.FeatureNetwork`, for `evaluate.features`. The network
      has the name under which it is added.
    priors: functions (...) -> `latents.Prior`, for `gan.prior.name`.
    augmentations: functions (...) -> `augment.Augmentation`, for `gan.augment.name`.
    transforms: functions (...) -> transformations of optax, for the transformations of a player.
    modalities: {name: `modalities.Modality`}, for examples of other shapes than images and points.

  Raises:
    ConfigError: a package that does not exist or adds nothing, a name that is taken, or a part of the
      wrong kind. Errors of the code in a package pass unchanged.

  Example:
    >>> import gan_jax, jax
    >>> def soft_hinge(beta: float = 1.0) -> gan_jax.losses.AdversarialLoss:
    ...   above = lambda x: jax.nn.softplus(beta * x) / beta
    ...   return gan_jax.losses.AdversarialLoss(
    ...     lambda real, fake: above(1 - real) + above(1 + fake), lambda real, fake: -fake
    ...   )
    >>> gan_jax.extend(losses=[soft_hinge])
    >>> config = gan_jax.load_config('gan:ring-test')
    >>> config.gan.loss = {'name': 'soft_hinge', 'beta': 2.0}
    >>> gan_jax.train(config, 'runs/soft_hinge').step
    device: ...
    8
  """
  given = {
    'games': games,
    'losses': losses,
    'penalties': penalties,
    'generator_penalties': generator_penalties,
    'networks': networks,
    'data': data,
    'scores': scores,
    'features': features,
    'priors': priors,
    'augmentations': augmentations,
    'transforms': transforms,
    'modalities': modalities,
  }
  if package is not None:
    module = _imported(package) if isinstance(package, str) else package
    _add(module.__name__, _read(module))
  _add('', {kind: _entries(kind, parts) for kind, parts in given.items() if parts})


def _imported(name: str) -> ModuleType:
  if not re.fullmatch(r'[^\W\d]\w*(\.[^\W\d]\w*)*', name):
    raise ConfigError(f'extend={name}: not the name of a package (as in import); change it')
  try:
    return importlib.import_module(name)
  except ModuleNotFoundError as error:
    if error.name is None or not f'{name}.'.startswith(f'{error.name}.'):
      raise
    raise ConfigError(
      f'extend={name}: no such package; install it, or start from the folder that holds it'
    ) from error


def _named(kind: str, parts: Named) -> Iterator[tuple[str, Any]]:
  if isinstance(parts, Mapping):
    yield from parts.items()
    return
  for part in parts:
    if not hasattr(part, '__name__'):
      raise ConfigError(f'extend: {kind}: {part!r} has no name; write {{NAME: PART}}')
    yield part.__name__, part


def _entries(kind: str, parts: Named, origin: str = '') -> dict[str, Entry]:
  """Returns parts as entries; without an origin, that of a part is the module that defines it."""
  entries = {}
  for name, part in _named(kind, parts):
    if not isinstance(name, str) or not re.fullmatch(r'[\w.]+', name):
      raise ConfigError(f'extend: {kind}: {name!r} is not a name (letters, digits, _); change it')
    if not _KINDS[kind].holds(part):
      raise ConfigError(f'extend: {kind}: {name} is {part!r}, not {_KINDS[kind].words}; change it')
    defined = _KINDS[kind].function(part)
    place = origin or getattr(defined, '__module__', None) or '__main__'
    entries[name] = Entry(place, functools.partial(_held, kind, name, part))
  return entries


def _held(kind: str, name: str, part: Any) -> Any:
  """Returns a part in the form in which `lookup` returns ours: some are modules with a function."""
  method = _KINDS[kind].method
  part = _KINDS[kind].adapt(name, part)
  return types.SimpleNamespace(**{method: part}) if method else part


def _read_file(kind: str, name: str, file: str) -> Any:
  """Returns the part of a file, see `_held`."""
  module, method = importlib.import_module(file), _KINDS[kind].method
  if not hasattr(module, method):
    raise TypeError(f'{file} lacks {method}; define it, or move the file')
  return _held(kind, name, getattr(module, method))


def _read(module: ModuleType) -> dict[str, dict[str, Entry]]:
  """Returns {kind: the entries of a package or module}, see `extend`."""
  origin = module.__name__
  if not hasattr(module, '__path__'):
    return {kind: _entries(kind, getattr(module, kind.upper(), ()), origin) for kind in _KINDS}
  return {kind: _read_kind(origin, kind) for kind in _KINDS}


def _read_kind(origin: str, kind: str) -> dict[str, Entry]:
  """Returns the entries of one kind that a package has in the layout of ours."""
  part_of, entries = _KINDS[kind], {}
  if part_of.places:
    modules = (_submodule(origin, place) for place in part_of.places)
    for module in filter(None, modules):
      entries |= _entries(kind, getattr(module, part_of.table, ()), origin)
    return entries
  folder = _submodule(origin, part_of.owner.__name__.removeprefix('gan_jax.'))
  for file in _files(folder):
    name = file.rpartition('.')[2]
    if part_of.method:
      entries[name] = Entry(origin, functools.partial(_read_file, kind, name, file))
    else:
      module = importlib.import_module(file)
      members = getattr(module, '__all__', ())
      entries |= _entries(kind, {f'{name}.{m}': getattr(module, m) for m in members}, origin)
  return entries


def _submodule(package: str, relative: str) -> ModuleType | None:
  """Returns a module of a package, or None if the package has no such file."""
  name = package
  for part in relative.split('.'):
    parent = importlib.import_module(name)
    name = f'{name}.{part}'
    if not hasattr(parent, '__path__') or importlib.util.find_spec(name) is None:
      return None
  return importlib.import_module(name)


def _files(folder: ModuleType | None) -> list[str]:
  """Returns the modules in a folder of a package, without those that its tuple HELPERS lists."""
  if folder is None or not hasattr(folder, '__path__'):
    return []
  helpers = getattr(folder, 'HELPERS', ())
  files = (file for file in pkgutil.iter_modules(folder.__path__) if not file.ispkg)
  return [f'{folder.__name__}.{file.name}' for file in files if file.name not in helpers]


def _add(origin: str, added: Mapping[str, Mapping[str, Entry]]) -> None:
  """Adds the parts of a package, or, without an origin, those of a call, if all names are free."""
  if origin and not any(added.values()):
    raise ConfigError(
      f'extend={origin}: the package adds nothing (gans/, losses.py, networks/ and others, see '
      'docs/extending.md); check its layout'
    )
  for kind, entries in added.items():
    for name, entry in entries.items():
      _check_free(kind, name, entry)
  _check_values(added.get('scores', {}))
  if origin:
    extensions.remove(origin)
  extensions.add({_KINDS[kind].owner.__name__: entries for kind, entries in added.items()})


def _check_free(kind: str, name: str, entry: Entry) -> None:
  owner = _KINDS[kind].owner.__name__
  present = extensions.entries(owner).get(name)
  if present is not None and present.origin != entry.origin:
    raise ConfigError(
      f'extend={entry.origin}: {kind}: {name} is a name of {present.origin}; rename one of them'
    )
  if present is None and name in _KINDS[kind].known():
    raise ConfigError(f'extend={entry.origin}: {kind}: {name} is a name of {owner}; rename yours')


def _check_values(added: Mapping[str, Entry]) -> None:
  """Raises ConfigError if two scores would print a value of the same name."""
  others = {name: score for name, score in scores.SCORES.items() if name not in added}
  printed = {value: name for name, score in others.items() for value in score.higher_is_better}
  for name, entry in added.items():
    for value in entry.load().higher_is_better:
      if value in printed:
        raise ConfigError(
          f'extend={entry.origin}: scores: {name} has the value {value}, and so has {printed[value]}; '
          'rename it'
        )
      printed[value] = name
