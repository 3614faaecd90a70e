"""The folder of a run: its lock, its config, and the identity of its data."""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import secrets
import tempfile
from collections.abc import Generator, Iterator, Mapping
from typing import Any

from gan_jax.common import extensions, files
from gan_jax.common.errors import ConfigError, UnknownNameError
from gan_jax.common.renamed import new_name
from gan_jax.common.types import Plain
from gan_jax.config.schema import changes, data_name, default, plain, with_data_at

CONFIG = 'config.json'
DATA = 'data.json'
EXTENSIONS = 'extensions.json'
"""File with the names of the packages that extended the program; a remark, which nothing imports."""

LOCK = '.lock'
SAMPLES = 'samples'
CHECKPOINTS = 'checkpoints'
BEST = 'best'
FILM = 'samples.gif'
_MOVABLE = (CHECKPOINTS, BEST, SAMPLES)
"""Subfolders of a run that may be symbolic links to folders elsewhere."""

UNDER_WAY = 'under_way'
"""Subfolder of a study with the state of runs that are trained together; it is never removed."""


def prepare(folder: pathlib.Path) -> None:
  """Creates the folder if it is missing, and checks that it can be written to.

  Raises:
    ConfigError: it cannot be created or written to.
  """
  try:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
      pass
  except OSError as error:
    raise ConfigError(
      f'workdir={folder}: cannot write to {folder} ({error.strerror}); choose another folder'
    ) from error


def check_links(folder: pathlib.Path) -> None:
  """Refuses symbolic links in the folder of a run, except links of this user to its subfolders.

  The folders of checkpoints, of the best checkpoint, and of samples may each be a link to a folder, for
  example on a larger disk. Link and folder must belong to the user of this process, since the rest of
  the run may come from a stranger. The folder of the run may itself be a link.

  Raises:
    ConfigError: the folder contains another link, or a broken one.
  """
  followed = [folder / name for name in _MOVABLE if (folder / name).is_symlink()]
  for link in followed:
    fault = _fault(link)
    if fault:
      raise ConfigError(f'workdir={folder}: {link} is a symbolic link to {os.readlink(link)}, {fault}')
  _check_distinct(folder)
  for path in (path for parent in (folder, *followed) for path in _links(parent)):
    if path not in followed:
      raise ConfigError(
        f'workdir={folder}: {path} is a symbolic link to {os.readlink(path)} (only '
        f'{", ".join(_MOVABLE)} may be links to folders); replace the link with its target, or remove '
        'it'
      )


def _check_distinct(folder: pathlib.Path) -> None:
  """Refuses two subfolders of a run that are the same, since each would delete files of the other."""
  names: dict[pathlib.Path, str] = {folder.resolve(): 'the folder of the run'}
  for name in _MOVABLE:
    target = (folder / name).resolve()
    if target in names:
      raise ConfigError(
        f'workdir={folder}: {folder / name} is the same folder as {names[target]}; give each subfolder '
        'of a run a separate folder'
      )
    names[target] = name


def _links(folder: pathlib.Path) -> Iterator[pathlib.Path]:
  for parent, folders, filenames in os.walk(folder):
    paths = (pathlib.Path(parent, name) for name in (*folders, *filenames))
    yield from (path for path in paths if path.is_symlink())


def _fault(link: pathlib.Path) -> str:
  """Returns why a link to a subfolder of a run is not followed, and the remedy; '' if it is."""
  if not link.exists():
    return 'which does not exist; mount its disk, or remove the link to start without the old files'
  if not link.is_dir():
    return 'which is not a folder; replace the link with its target, or remove it'
  for path, what in ((link.lstat(), 'the link'), (link.stat(), 'that folder')):
    if path.st_uid != os.geteuid():
      return (
        f'and {what} belongs to user {path.st_uid}, not to user {os.geteuid()} who runs this command; '
        'replace the link with its target, or become the owner of both'
      )
  return ''


@contextlib.contextmanager
def locked(folder: pathlib.Path) -> Generator[None]:
  """Creates the folder if it is missing, and locks it until the context or the process ends.

  Raises:
    ConfigError: it cannot be written to, or another process has locked it.
  """
  prepare(folder)
  check_links(folder)
  with open(folder / LOCK, 'a+') as file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
      file.seek(0)
      process = file.read().partition(' ')[0]
      raise ConfigError(
        f'workdir={folder}: process {process} is training in this folder; wait for it, stop it, or '
        'choose another folder'
      ) from error
    file.truncate(0)
    file.write(f'{os.getpid()} {secrets.token_hex(16)}')
    file.flush()
    os.fsync(file.fileno())
    yield


def holder(folder: pathlib.Path) -> str:
  """Returns the text that identifies the process that has locked a folder; '' without a lock file."""
  path = folder / LOCK
  return path.read_text() if path.is_file() else ''


def read_config(folder: pathlib.Path) -> Plain:
  """Returns the config of a run, with defaults for top-level keys that are newer than the run.

  Raises:
    ConfigError: the folder does not contain a run, contains a link, or its config is not valid.
  """
  check_links(folder)
  path = folder / CONFIG
  try:
    config = json.loads(path.read_text())
  except FileNotFoundError as error:
    if not folder.exists():
      raise ConfigError(f'workdir={folder}: no such folder; check the path') from error
    if (folder / UNDER_WAY).is_dir():
      raise ConfigError(
        f'workdir={folder}: the folder contains a study, not a run (its study.html shows all runs); '
        'name the folder of a run, SETTING/seed_NUMBER in it'
      ) from error
    raise ConfigError(
      f'workdir={folder}: the folder contains no run ({path} is missing); choose another folder'
    ) from error
  except ValueError as error:
    raise ConfigError(f'workdir={folder}: {path} is not JSON ({error}); fix the file') from error
  if not isinstance(config, dict):
    raise ConfigError(f'workdir={folder}: {path} is not a config (a JSON object); fix the file')
  if any(map(new_name, config)):
    raise ConfigError(
      f'workdir={folder}: a run of gan_jax 0.1 (this is 0.2, whose config has other keys); read it '
      'with gan_jax 0.1.0, or train it again in another folder'
    )
  return {**plain(default()), **config}


@contextlib.contextmanager
def naming_extensions(folder: pathlib.Path) -> Generator[None]:
  """Adds to the error of an unknown name the extensions with which a run was trained, if it notes any.

  The note of a stranger is only printed: nothing imports what it names.
  """
  try:
    yield
  except UnknownNameError as error:
    used = _noted_extensions(folder)
    if not used:
      raise
    raise UnknownNameError(f'{error} (this run was trained with the extensions {used})') from error


def _noted_extensions(folder: pathlib.Path) -> str:
  """Returns the note of the extensions of a run for a message; '' without a valid one."""
  try:
    names = json.loads((folder / EXTENSIONS).read_text())
  except (OSError, ValueError):
    return ''
  valid = isinstance(names, list) and all(isinstance(name, str) for name in names)
  text = ', '.join(names) if valid else ''
  return text if re.fullmatch(r'[\w., ]{1,200}', text) else ''


def check_same(folder: pathlib.Path, config: Plain) -> None:
  """Raises ConfigError if the folder contains a study, or a run with another config."""
  if (folder / UNDER_WAY).is_dir():
    raise ConfigError(f'workdir={folder}: the folder contains a study; choose another folder')
  if not (folder / CONFIG).exists():
    return
  old = read_config(folder)
  changed = changes(old, config)
  if changed:
    cause = ''
    if old['steps'] != config['steps']:
      cause = f', perhaps since steps={config["steps"]} changes a schedule'
    raise ConfigError(
      f'workdir={folder}: the folder contains a run of another config ({"; ".join(changed)}{cause}); '
      'give the settings of that run, or choose another workdir'
    )


def write_config(folder: pathlib.Path, config: Plain) -> None:
  """Writes the config as JSON, and beside it the names of the extensions, if there are any."""
  used = extensions.origins()
  if used:
    files.write_atomic(folder / EXTENSIONS, json.dumps(used).encode() + b'\n')
  files.write_atomic(folder / CONFIG, json.dumps(config, indent=2).encode() + b'\n')


def has_data(folder: pathlib.Path, digest: str) -> bool:
  """Returns whether a run started with data of this digest, or does not state its digest.

  Raises:
    ConfigError: the record of the data is corrupt.
  """
  path = folder / DATA
  try:
    return not path.exists() or json.loads(path.read_text())['digest'] == digest
  except (ValueError, TypeError, KeyError) as error:
    raise _corrupt(folder) from error


def check_data(folder: pathlib.Path, config: Plain, digest: str) -> None:
  """Checks that the data of a config is the data that the run in a folder, if any, started with.

  Args:
    folder: the folder of the run.
    config: the config with which the run is to continue.
    digest: the digest of the data of that config, see `source.digest`.

  Raises:
    ConfigError: the data differs, or is at a new location while the old digest is missing.
  """
  name = config['data']['name']
  if not has_data(folder, digest):
    raise ConfigError(
      f'data.name={name}: the images differ from those that the run in {folder} started with (see '
      f'{folder / DATA}); set data.name to the original images, or choose another --workdir'
    )
  before = _data_name(folder)
  if before not in (None, name) and not (folder / DATA).exists():
    raise ConfigError(
      f'data.name={name}: a new location, but {folder / DATA} is missing, so the images cannot be '
      f'compared with those of {before}; set data.name={before}, or choose another --workdir'
    )


def note_data(folder: pathlib.Path, config: Plain, about: Mapping[str, Any]) -> None:
  """Writes the digest and the location of the data into the folder of a run.

  The config in the folder, if it exists, gets the new location of the data.

  Args:
    folder: the folder of the run.
    config: the config with which the run starts or continues.
    about: {'digest': see `source.digest`, 'classes': names of the labels if they have some, ...}.

  Raises:
    ConfigError: see `check_data`.
  """
  check_data(folder, config, about['digest'])
  files.write_atomic(folder / DATA, json.dumps(about, indent=2).encode() + b'\n')
  name = config['data']['name']
  if _data_name(folder) not in (None, name):
    write_config(folder, with_data_at(read_config(folder), name))


def class_names(folder: pathlib.Path) -> list[str]:
  """Returns the names of the labels of a run's data, in their order; [] if they have none.

  Raises:
    ConfigError: the record of the data is corrupt, or the folder contains a link.
  """
  check_links(folder)
  path = folder / DATA
  try:
    names = json.loads(path.read_text()).get('classes', []) if path.exists() else []
  except (ValueError, AttributeError) as error:
    raise _corrupt(folder) from error
  if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
    raise _corrupt(folder)
  return names


def _corrupt(folder: pathlib.Path) -> ConfigError:
  """Returns the error of a record of the data that cannot be read."""
  return ConfigError(f'workdir={folder}: {folder / DATA} is corrupt; fix it or remove it')


def _data_name(folder: pathlib.Path) -> str | None:
  """Returns the `data.name` of the run in a folder, or None if the folder has no run."""
  return data_name(read_config(folder)) if (folder / CONFIG).exists() else None
