"""The folder of a run: one writer at a time, its config, and the identity of its data."""

import contextlib
import fcntl
import json
import os
import pathlib
import secrets
import tempfile
from collections.abc import Generator, Iterator, Mapping
from typing import Any

from gan_jax.common import files
from gan_jax.common.errors import ConfigError
from gan_jax.common.renamed import new_name
from gan_jax.common.types import Plain
from gan_jax.config.schema import changes, data_name, default, plain, with_data_at

CONFIG, DATA = 'config.json', 'data.json'
LOCK = '.lock'
SAMPLES, CHECKPOINTS, BEST, FILM = 'samples', 'checkpoints', 'best', 'samples.gif'
_MOVABLE = (CHECKPOINTS, BEST, SAMPLES)
"""Parts of a run that may be links to folders elsewhere."""

UNDER_WAY = 'under_way'
"""In the folder of a study, for good: the state of runs that are trained together."""


def prepare(folder: pathlib.Path) -> None:
  """Makes the folder if absent, and tries to write there.

  Raises:
    ConfigError: it cannot be made or written to.
  """
  try:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
      pass
  except OSError as error:
    raise ConfigError(
      f'workdir: cannot write to {folder} ({error.strerror}); choose another folder'
    ) from error


def check_links(folder: pathlib.Path) -> None:
  """Refuses links in the folder of a run, but those that this user has made to keep a part elsewhere.

  The folders of checkpoints, of the best checkpoint and of samples may each be a link to a folder, on a
  larger disk for example. Link and folder must belong to the user of this process, since the rest may
  come from a stranger. The folder of the run may be a link itself.

  Raises:
    ConfigError: any other link, or one that leads nowhere.
  """
  followed = [folder / name for name in _MOVABLE if (folder / name).is_symlink()]
  for link in followed:
    fault = _fault(link)
    if fault:
      raise ConfigError(f'workdir: {link} is a link to {os.readlink(link)}, {fault}')
  _check_apart(folder)
  for path in (path for place in (folder, *followed) for path in _links(place)):
    if path not in followed:
      raise ConfigError(
        f'workdir: {path} is a link to {os.readlink(path)}; a run reads and writes in its folder alone '
        f'(only {", ".join(_MOVABLE)} may be links to folders): put in its place what it leads to, or '
        'remove it'
      )


def _check_apart(folder: pathlib.Path) -> None:
  """Refuses two parts of a run in one folder, where each would delete what the other keeps."""
  places: dict[pathlib.Path, str] = {folder.resolve(): 'the folder of the run'}
  for name in _MOVABLE:
    place = (folder / name).resolve()
    if place in places:
      raise ConfigError(
        f'workdir: {folder / name} is the same folder as {places[place]}; give each part of a run a '
        'folder for itself'
      )
    places[place] = name


def _links(folder: pathlib.Path) -> Iterator[pathlib.Path]:
  for place, folders, filenames in os.walk(folder):
    paths = (pathlib.Path(place, name) for name in (*folders, *filenames))
    yield from (path for path in paths if path.is_symlink())


def _fault(link: pathlib.Path) -> str:
  """Says why a link to a part of a run is not followed, and what to do; '' if it is."""
  if not link.exists():
    return 'which does not exist; mount its disk, or remove the link to begin without what was there'
  if not link.is_dir():
    return 'which is not a folder; put in its place what it leads to, or remove it'
  for path, what in ((link.lstat(), 'the link'), (link.stat(), 'that folder')):
    if path.st_uid != os.geteuid():
      return (
        f'and {what} belongs to user {path.st_uid}, not to user {os.geteuid()} who runs this command; '
        'put in its place what it leads to, or make link and folder yours'
      )
  return ''


@contextlib.contextmanager
def locked(folder: pathlib.Path) -> Generator[None]:
  """Makes the folder if absent, and holds it for this process, until that ends in whatever way.

  Raises:
    ConfigError: it cannot be written to, or another process holds it.
  """
  prepare(folder)
  check_links(folder)
  with open(folder / LOCK, 'a+') as file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
      file.seek(0)
      raise ConfigError(
        f'workdir: process {file.read().partition(" ")[0]} is training in {folder}; wait for it or '
        'stop it, or choose another folder'
      ) from error
    file.truncate(0)
    file.write(f'{os.getpid()} {secrets.token_hex(16)}')
    file.flush()
    os.fsync(file.fileno())
    yield


def holder(folder: pathlib.Path) -> str:
  """What the process that holds a folder has written there: no other one writes the same."""
  path = folder / LOCK
  return path.read_text() if path.is_file() else ''


def read_config(folder: pathlib.Path) -> Plain:
  """The config of a run; what it does not say is as by default, for it may be older than a key.

  Raises:
    ConfigError: the folder holds no run or a link, or its config is not JSON.
  """
  check_links(folder)
  path = folder / CONFIG
  try:
    config = json.loads(path.read_text())
  except FileNotFoundError as error:
    if (folder / UNDER_WAY).is_dir():
      raise ConfigError(
        f'workdir: {folder} holds a study, all of which its study.html shows once it is done; name the '
        'folder of one of its runs, SETTING/seed_NUMBER in it'
      ) from error
    raise ConfigError(f'workdir: {folder} holds no run: there is no {path}') from error
  except ValueError as error:
    raise ConfigError(f'workdir: {path} is not JSON: {error}') from error
  if not isinstance(config, dict):
    raise ConfigError(f'workdir: {path} is no config: it must hold an object')
  if any(map(new_name, config)):
    raise ConfigError(
      f'workdir={folder}: a run of gan_jax 0.1 (this is 0.2, whose config has other keys); read it '
      'with gan_jax 0.1.0, or train it again in another folder'
    )
  return {**plain(default()), **config}


def check_same(folder: pathlib.Path, config: Plain) -> None:
  """Raises ConfigError if the folder holds a study, or a run of another config than `config`."""
  if (folder / UNDER_WAY).is_dir():
    raise ConfigError(f'workdir: {folder} holds a study, whose runs lie in it; choose another folder')
  if not (folder / CONFIG).exists():
    return
  changed = changes(read_config(folder), config)
  if changed:
    raise ConfigError(
      f'workdir: {folder} holds a run of another config ({"; ".join(changed)}); choose another folder'
    )


def write_config(folder: pathlib.Path, config: Plain) -> None:
  """Writes the config as JSON."""
  files.write_atomic(folder / CONFIG, json.dumps(config, indent=2).encode() + b'\n')


def has_data(folder: pathlib.Path, digest: str) -> bool:
  """Whether a run began with data of this digest, as far as it says; ConfigError if that is broken."""
  path = folder / DATA
  try:
    return not path.exists() or json.loads(path.read_text())['digest'] == digest
  except (ValueError, TypeError, KeyError) as error:
    raise ConfigError(f'workdir: {path} is not what a run wrote; mend it or remove it') from error


def check_data(folder: pathlib.Path, config: Plain, digest: str) -> None:
  """Checks that the data of a config is the data with which the run in a folder began, if any did.

  Args:
    folder: of the run.
    config: with which the run is to continue.
    digest: of the data that the config names, see `source.digest`.

  Raises:
    ConfigError: the data is different, or lies in a new place while nothing states the old digest.
  """
  name = config['data']['name']
  if not has_data(folder, digest):
    raise ConfigError(
      f'data: the images are not those with which the run in {folder} began, but data.name={name} (see '
      f'{folder / DATA}); give the place of the original images, or choose another --workdir'
    )
  before = _data_name(folder)
  if before not in (None, name) and not (folder / DATA).exists():
    raise ConfigError(
      f'data: data.name={name} is new, and {folder / DATA} is missing, so nothing shows that the '
      f'images are those of {before}; continue with data.name={before}, or choose another --workdir'
    )


def note_data(folder: pathlib.Path, config: Plain, about: Mapping[str, Any]) -> None:
  """Writes the digest and the place of the data into the folder of a run.

  The config in the folder, if there is one, gets the new place of the data.

  Args:
    folder: of the run.
    config: with which the run starts or continues.
    about: {'digest': see `source.digest`, ...}.

  Raises:
    ConfigError: see `check_data`.
  """
  check_data(folder, config, about['digest'])
  files.write_atomic(folder / DATA, json.dumps(about, indent=2).encode() + b'\n')
  name = config['data']['name']
  if _data_name(folder) not in (None, name):
    write_config(folder, with_data_at(read_config(folder), name))


def _data_name(folder: pathlib.Path) -> str | None:
  """Returns the `data.name` of the run in a folder, or None if there is no run."""
  return data_name(read_config(folder)) if (folder / CONFIG).exists() else None
