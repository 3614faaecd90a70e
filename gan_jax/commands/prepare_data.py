"""Prepares a dataset of TensorFlow Datasets: python -m gan_jax prepare_data --name=tfds:cifar10.

This is the only command of the project that needs network, and the only one that needs the extra
[tfds], which installs TensorFlow. It downloads the dataset and writes it to TFDS_DATA_DIR, or to
~/tensorflow_datasets, in a format with random access. A prepared dataset can be copied to other
machines, which need neither network nor TensorFlow.
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
from gan_jax.data.tfds import Name, data_folder, find, is_prepared, library

_PREFIX = 'tfds:'
_SECONDS = 3
_PORTS = {'http': 80, 'https': 443, 'ftp': 21}


def main(argv: Sequence[str]) -> int:
  """Runs the command and returns its exit code."""
  values = cli.new_flags(__doc__)
  flags.DEFINE_string('name', None, 'The dataset, tfds:<name>[/<config>].', flag_values=values)
  cli.parse(values, argv, required=['name'])
  return prepare_named(values.name)


def prepare_named(full_name: str) -> int:
  """Prepares the dataset of a name with its 'tfds:', unless it exists, and returns the exit code."""
  if not full_name.startswith(_PREFIX):
    raise ConfigError(
      f'--name={full_name}: not a dataset of TFDS ({_PREFIX}NAME); write for example tfds:cifar10'
    )
  name = Name.parse(full_name.removeprefix(_PREFIX))
  if not is_prepared(name):
    prepare(_builder(name))
  print(f'{name} is prepared: {find(name)}')
  return 0


def _builder(name: Name) -> Any:
  tfds = library(f'--name=tfds:{name}')
  lookup.choose(name.name, tfds.list_builders(with_community_datasets=False))
  if importlib.util.find_spec('tensorflow') is None:
    raise ConfigError(
      f'--name=tfds:{name}: preparing a dataset needs TensorFlow (reading one does not); run '
      "pip install 'gan_jax[tfds]'"
    )
  try:
    return tfds.builder(str(name), data_dir=data_folder(), file_format='array_record')
  except (AssertionError, ImportError, ValueError, tfds.core.registered.DatasetNotFoundError) as error:
    raise ConfigError(f'--name=tfds:{name}: TFDS cannot build it: {error}') from error


def prepare(builder: Any) -> None:
  """Downloads and writes the dataset of a TFDS builder.

  Raises:
    ConfigError: files that must be downloaded manually are missing, a host cannot be reached, the
      download has a wrong checksum, or the disk is full.
  """
  tfds = library(f'--name=tfds:{builder.name}')
  _check_manual(builder)
  check_hosts(builder.url_infos)
  name = f'--name=tfds:{builder.name}'
  try:
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))
  except tfds.download.download_manager.NonMatchingChecksumError as error:
    raise ConfigError(
      f'{name}: the download has another checksum than TFDS expects, so it is corrupt or the source '
      f'has changed ({error}); try again, or use a newer tensorflow-datasets'
    ) from error
  except ImportError as error:
    raise ConfigError(f'{name}: its preparation needs another package ({error}); install it') from error
  except (AssertionError, OSError) as error:
    # Builders raise AssertionError if files that must be downloaded manually are missing.
    raise ConfigError(f'{name}: it cannot be prepared: {error}') from error


def _check_manual(builder: Any) -> None:
  """Raises ConfigError if the folder for manual downloads is empty but the dataset needs some."""
  instructions = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
  folder = data_folder() / 'downloads' / 'manual'
  if instructions and not any(folder.glob('*')):
    raise ConfigError(
      f'--name=tfds:{builder.name}: it must be downloaded manually before it can be prepared; put the '
      f'files into {folder}: {" ".join(instructions.split())}'
    )


def check_hosts(urls: Iterable[str]) -> None:
  """Raises ConfigError, within seconds, if the host of the first URL cannot be reached.

  TFDS itself would retry for minutes. Behind a proxy the check is skipped.
  """
  if any(name.lower() in ('http_proxy', 'https_proxy', 'all_proxy') for name in os.environ):
    return
  for url in list(urls)[:1]:
    address = urllib.parse.urlparse(url)
    failure = _failure(address.hostname, address.port or _PORTS.get(address.scheme, 443))
    if failure:
      raise ConfigError(
        f'--name: its host {address.hostname} cannot be reached ({failure}); run this command on a '
        f'machine with network, and copy its folder of the dataset to {data_folder()}'
      )


def _failure(host: str | None, port: int) -> str:
  """Returns why a host cannot be reached; '' if it can."""
  answers = queue.SimpleQueue()

  def connect() -> None:
    try:
      socket.create_connection((host, port), _SECONDS).close()
      answers.put('')
    except OSError as error:
      answers.put(str(error) or 'no answer')

  # A name lookup has no timeout, and the program does not wait for a daemon thread.
  threading.Thread(target=connect, daemon=True).start()
  try:
    return answers.get(timeout=_SECONDS)
  except queue.Empty:
    return 'no answer'
