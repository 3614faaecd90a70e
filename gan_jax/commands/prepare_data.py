"""Downloads and prepares a TensorFlow data set: python -m gan_jax prepare_data --name=tfds:cifar10.

The one command of the project that needs network, and the extra [tfds], which brings TensorFlow. It
leaves the set in TFDS_DATA_DIR, or ~/tensorflow_datasets, in the format that is read at random. A
prepared set can be copied to other machines, which need neither.
"""

import importlib.util
import os
import queue
import socket
import threading
import urllib.parse
from collections.abc import Iterable, Sequence
from typing import Any

from absl import flags

from gan_jax import cli
from gan_jax.common import lookup
from gan_jax.common.errors import ConfigError
from gan_jax.data.tfds import Name, data_folder, find, is_there

_PREFIX = 'tfds:'
_SECONDS = 3
_PORTS = {'http': 80, 'https': 443, 'ftp': 21}


def main(argv: Sequence[str]) -> int:
  """Runs the command; the exit code."""
  values = cli.new_flags(__doc__)
  flags.DEFINE_string('name', None, 'The dataset, tfds:<name>[/<config>].', flag_values=values)
  cli.parse(values, argv, required=['name'])
  return prepare_named(values.name)


def prepare_named(given: str) -> int:
  """Prepares the dataset of a name with its 'tfds:', unless it is there; the exit code."""
  if not given.startswith(_PREFIX):
    raise ConfigError(f'--name is {given!r}; it must begin with {_PREFIX}, as tfds:cifar10')
  name = Name.parse(given.removeprefix(_PREFIX))
  if not is_there(name):
    prepare(_builder(name))
  print(f'{name} is there: {find(name)}')
  return 0


def _builder(name: Name) -> Any:
  import tensorflow_datasets as tfds

  lookup.choose(name.name, tfds.list_builders(with_community_datasets=False))
  if importlib.util.find_spec('tensorflow') is None:
    raise ConfigError(
      "preparing a set needs TensorFlow, and reading it does not: pip install -e '.[tfds]'"
    )
  try:
    return tfds.builder(str(name), data_dir=data_folder(), file_format='array_record')
  except (AssertionError, ImportError, ValueError, tfds.core.registered.DatasetNotFoundError) as error:
    raise ConfigError(f'{name}: {error}') from error


def prepare(builder: Any) -> None:
  """Downloads and writes the data set of a builder of TFDS.

  Raises:
    ConfigError: files that a person must download are missing, a host cannot be reached, what was
      downloaded is not what TFDS expects, or no room on the disk.
  """
  import tensorflow_datasets as tfds

  _check_manual(builder)
  check_hosts(builder.url_infos)
  try:
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))
  except tfds.download.download_manager.NonMatchingChecksumError as error:
    raise ConfigError(
      f'{builder.name}: what was downloaded is not what TFDS expects, so it is broken or the source '
      f'has changed ({error}); try again, or with a newer tensorflow-datasets'
    ) from error
  except ImportError as error:
    raise ConfigError(f'{builder.name} needs a further package to be prepared: {error}') from error
  except (AssertionError, OSError) as error:
    # An assertion is how a builder says which of the files to be downloaded by hand are missing.
    raise ConfigError(f'{builder.name} cannot be prepared: {error}') from error


def _check_manual(builder: Any) -> None:
  """Raises ConfigError if files that only a person can download are not where TFDS looks for them."""
  wanted = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
  folder = data_folder() / 'downloads' / 'manual'
  if wanted and not any(folder.glob('*')):
    raise ConfigError(
      f'{builder.name} must be downloaded by hand, into {folder}, before it can be prepared: '
      f'{" ".join(wanted.split())}'
    )


def check_hosts(urls: Iterable[str]) -> None:
  """Raises ConfigError, within seconds, if the first host of these addresses cannot be reached.

  TFDS itself would try again for minutes. Behind a proxy nothing is tried.
  """
  if any(name.lower() in ('http_proxy', 'https_proxy', 'all_proxy') for name in os.environ):
    return
  for url in list(urls)[:1]:
    parts = urllib.parse.urlparse(url)
    failure = _failure(parts.hostname, parts.port or _PORTS.get(parts.scheme, 443))
    if failure:
      raise ConfigError(
        f'{parts.hostname} cannot be reached from here ({failure}); run this command on a '
        f'machine with network, and copy its folder of the set to {data_folder()}'
      )


def _failure(host: str | None, port: int) -> str:
  """Why a host cannot be reached; '' if it can."""
  said = queue.SimpleQueue()

  def look() -> None:
    try:
      socket.create_connection((host, port), _SECONDS).close()
      said.put('')
    except OSError as error:
      said.put(str(error) or 'no answer')

  # The look-up of a name has no time-out of its own, and the program does not wait for a daemon.
  threading.Thread(target=look, daemon=True).start()
  try:
    return said.get(timeout=_SECONDS)
  except queue.Empty:
    return 'no answer'
