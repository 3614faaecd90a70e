"""Converted weights of a feature network: an .npz file of float32 arrays, and their conversion."""

import argparse
import contextlib
import hashlib
import os
import pathlib
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from gan_jax.common import cache, user_paths
from gan_jax.common.errors import ConfigError
from gan_jax.metrics.features import torch_file

Params = Mapping[str, np.ndarray | jax.Array]


class Download(NamedTuple):
  """A file of weights that a user downloads once.

  Attributes:
    network: the name of the feature network.
    digest: the SHA-256 of the file.
    size: its size in bytes.
    address: the address from which its authors' package downloads it.
    converter: the module whose command converts it.
  """

  network: str
  digest: str
  size: int
  address: str
  converter: str

  @property
  def file(self) -> str:
    """The name of the file."""
    return self.address.rpartition('/')[2]

  @property
  def variable(self) -> str:
    """The environment variable that names another file of converted weights."""
    return f'GAN_JAX_{self.network.upper()}'

  @property
  def path(self) -> pathlib.Path:
    """The path of the converted weights, in the user's cache or named by the variable."""
    named = os.environ.get(self.variable)
    if named:
      return user_paths.expanded(named, self.variable)
    return cache.folder() / f'{self.network}.npz'

  @property
  def command(self) -> str:
    """The command that converts the file."""
    return f'python -m gan_jax.metrics.features.{self.converter} {self.file}'


def read(path: pathlib.Path, download: Download, others: str = '') -> dict[str, np.ndarray]:
  """Returns the arrays that `write` has written.

  Args:
    path: the file.
    download: the file from which it was converted.
    others: names of equal files, for the error.

  Raises:
    ConfigError: the file is missing or corrupt.
  """
  if not path.exists():
    raise ConfigError(
      f'{path}: the weights of {download.network} are missing; download {download.address} '
      f'({download.size:,} bytes, SHA-256 {download.digest}{others}), '
      f'and run: {download.command} --out={path}'
    )
  try:
    with np.load(path) as arrays:
      return dict(arrays)
  except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
    raise ConfigError(
      f'{path} cannot be read ({error}); convert it again: {download.command}'
    ) from error


def check(params: Params, shapes: Mapping[str, tuple[int, ...]], source: str, remedy: str) -> None:
  """Raises ConfigError unless the arrays are finite float32 arrays of these shapes.

  Args:
    params: {name: array}, read from the file `source`.
    shapes: {name: shape}.
    source: the name of the file, for the error.
    remedy: the end of the error.
  """
  for name in [*shapes, *params]:
    if name not in params or name not in shapes:
      problem = 'lacks' if name in shapes else 'has an unknown array'
      raise ConfigError(f'{source}: it {problem} {name!r}; {remedy}')
    if params[name].shape != shapes[name] or params[name].dtype != np.float32:
      actual = f'{params[name].dtype} {params[name].shape}'
      raise ConfigError(f'{source}: {name} is {actual}, not float32 {shapes[name]}; {remedy}')
    if not np.isfinite(params[name]).all():
      raise ConfigError(f'{source}: {name} is not finite; {remedy}')


def digest(path: pathlib.Path) -> str:
  """Returns the SHA-256 of a file.

  Raises:
    ConfigError: it cannot be read.
  """
  try:
    with open(path, 'rb') as file:
      return hashlib.file_digest(file, 'sha256').hexdigest()
  except OSError as error:
    raise ConfigError(f'cannot read {path} ({error.strerror})') from error


def write(path: pathlib.Path, params: Params) -> None:
  """Writes arrays to a file atomically.

  Raises:
    ConfigError: it cannot be written.
  """
  draft = path.with_name(f'.{path.name}.{os.getpid()}.draft')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(draft, 'wb') as file:
      # pyrefly: ignore[bad-argument-type]  no weight is called allow_pickle
      np.savez(file, **params)
    draft.replace(path)
  except OSError as error:
    raise ConfigError(f'--out: cannot write {path} ({error.strerror})') from error
  finally:
    with contextlib.suppress(OSError):
      draft.unlink()


class Converter(NamedTuple):
  """A conversion of downloaded files.

  Attributes:
    downloads: the files that it knows.
    names: the names of the files, for the help.
    converted: the tensors of a file -> the name of the feature network, and its params.
    other: what scores of an unknown file are not, e.g. 'FID'.
  """

  downloads: Sequence[Download]
  names: Sequence[str]
  converted: Callable[[Mapping[str, np.ndarray]], tuple[str, Params]]
  other: str


def convert(
  converter: Converter, path: pathlib.Path, out: pathlib.Path | None, any_digest: bool
) -> str:
  """Converts a file and returns a line for the terminal.

  Args:
    converter: the conversion.
    path: the downloaded file.
    out: the file to write, by default that of the network.
    any_digest: whether to accept a file with an unknown SHA-256.

  Raises:
    ConfigError: the file is not a known one and `any_digest` is False, or it is another network.
  """
  actual = digest(path)
  known = {download.digest for download in converter.downloads}
  if actual not in known and not any_digest:
    raise ConfigError(
      f'the SHA-256 of {path} is {actual} and not {" or ".join(sorted(known))}: the file is incomplete '
      'or holds other weights; download it again, or accept it with --any-digest'
    )
  name, params = converter.converted(torch_file.read(path))
  download = next(download for download in converter.downloads if download.network == name)
  out = out or download.path
  write(out, params)
  text = f'{out}: {len(params)} arrays of {path} for --features={name}, SHA-256 {actual}'
  if actual == download.digest:
    return text
  return f'{text}, NOT the {download.digest[:8]}... of {converter.other}'


def main(converter: Converter, description: str | None, argv: Sequence[str] | None) -> int:
  """Runs the command of a conversion and returns the exit code."""
  program = converter.downloads[0].command.rpartition(' ')[0]
  parser = argparse.ArgumentParser(program, description=description)
  parser.formatter_class = argparse.RawDescriptionHelpFormatter
  parser.add_argument('file', type=pathlib.Path, help=' or '.join(converter.names))
  paths = ' or '.join(str(download.path) for download in converter.downloads)
  parser.add_argument('--out', type=pathlib.Path, help=f'by default {paths}')
  parser.add_argument('--any-digest', action='store_true', help='accept a file with another SHA-256')
  given = parser.parse_args(argv)
  try:
    print(convert(converter, given.file, given.out, given.any_digest))
  except ConfigError as error:
    print(f'error: {" ".join(str(error).split())}', file=sys.stderr)
    return 2
  return 0
