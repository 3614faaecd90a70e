"""Files with the mean `mu` and the covariance `sigma` of features.

Other packages use the same names: pytorch-fid, clean-fid and StudioGAN. They ignore the further arrays
that `write` adds.
"""

import io
import pathlib
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gan_jax.common import hashing
from gan_jax.common.errors import ConfigError
from gan_jax.common.files import write_atomic
from gan_jax.metrics import frechet

_UNKNOWN = 2**20 + 1
"""Stands for an unknown number of examples; it is large, so the covariance has full rank."""

_FACTS = ('features', 'features_digest', 'data', 'data_digest')


class FeatureMoments(NamedTuple):
  """The moments of the features of a set, without the set.

  Attributes:
    name: the path of the file.
    moments: of the features, float64.
    count: the number of examples, or None if the file does not say.
    facts: texts about the set and its features, from `_FACTS`; empty for files of other packages.
  """

  name: str
  moments: frechet.Moments
  count: int | None
  facts: Mapping[str, str]

  @property
  def digest(self) -> str:
    """The digest of the examples, or that of the moments if the examples are unknown."""
    own = hashing.of_tree({'mu': self.moments.mean, 'sigma': self.moments.scatter})
    return self.facts.get('data_digest', own)


def write(path: pathlib.Path, moments: frechet.Moments, facts: Mapping[str, Any], key: str) -> None:
  """Writes `mu`, float64 [D], and `sigma`, float64 [D, D], the unbiased covariance.

  The file also has the number of examples, `num`, and texts about them.

  Args:
    path: the path of the file, which is written atomically.
    moments: of the features.
    facts: what the card says about the set and the network; only the keys in `_FACTS` are written.
    key: the flag or argument that gave the path, for errors.

  Raises:
    ConfigError: fewer than 2 examples, or the file cannot be written.
  """
  count = int(moments.count)
  if count < 2:
    raise ConfigError(f'{key}={path}: a covariance needs at least 2 examples ({count} given); add some')
  arrays = {
    'mu': np.asarray(moments.mean, np.float64),
    'sigma': np.asarray(moments.scatter, np.float64) / (count - 1),
    'num': np.int64(count),
    **{name: np.str_(facts[name]) for name in _FACTS if name in facts},
  }
  buffer = io.BytesIO()
  # pyrefly: ignore[bad-argument-type]  no array is called allow_pickle
  np.savez(buffer, **arrays)
  try:
    write_atomic(path, buffer.getvalue())
  except OSError as error:
    raise ConfigError(
      f'{key}={path}: cannot be written ({error.strerror}); choose another path'
    ) from error


def read(arrays: Mapping[str, np.ndarray], name: str, key: str) -> FeatureMoments:
  """Returns the moments in the arrays of a file.

  Args:
    arrays: `mu` and `sigma`, and what else the file has.
    name: the path of the file.
    key: the flag or argument that gave the path, for errors.

  Raises:
    ConfigError: arrays of other shapes, or with values that are not finite.
  """
  mean, covariance = (np.asarray(arrays[each], np.float64) for each in ('mu', 'sigma'))
  if mean.ndim != 1 or covariance.shape != mean.shape * 2:
    raise ConfigError(
      f'{key}={name}: mu and sigma have the shapes {mean.shape} and {covariance.shape} ((D,) and '
      '(D, D)); write the file again'
    )
  if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
    raise ConfigError(f'{key}={name}: mu or sigma has NaN or infinity; compute the statistics again')
  count = int(arrays['num']) if 'num' in arrays else None
  used = np.asarray(_UNKNOWN if count is None else count, np.float64)
  facts = {fact: str(arrays[fact]) for fact in _FACTS if fact in arrays}
  return FeatureMoments(name, frechet.Moments(used, mean, covariance * (used - 1)), count, facts)


def arrays_in(path: pathlib.Path, key: str) -> dict[str, np.ndarray]:
  """Returns the arrays of an .npz file; nothing in the file is executed.

  Raises:
    ConfigError: it is not a file of plain arrays.
  """
  try:
    with np.load(path, allow_pickle=False) as file:
      if not isinstance(file, np.lib.npyio.NpzFile):
        raise ValueError('a single array')
      return dict(file)
  except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
    raise ConfigError(
      f'{key}={path}: cannot be read ({error}); give an .npz file of plain arrays'
    ) from error
