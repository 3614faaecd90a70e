"""The network of the FID and of the inception score; a person downloads its weights once."""

import os
import pathlib
import zipfile
import zlib

import numpy as np

from gan_jax.common import cache, user_paths
from gan_jax.common.errors import ConfigError
from gan_jax.metrics.features import FeatureNetwork, inception_v3

VARIABLE = 'GAN_JAX_INCEPTION'
"""The environment variable that names another file of weights."""

DIGEST = '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2'
"""The SHA-256 of the file from which the weights are converted."""

FILES = {
  'pytorch-fid': f'pt_inception-2015-12-05-{DIGEST[:8]}.pth',
  'torch-fidelity': f'weights-inception-2015-12-05-{DIGEST[:8]}.pth',
}
"""What the packages call that file; the network is the same, weight by weight."""

ADDRESS = (
  f'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILES["pytorch-fid"]}'
)
"""Where pytorch-fid downloads it."""

COMMAND = f'python -m gan_jax.metrics.features.convert_inception {FILES["pytorch-fid"]}'

_REMEDY = f'it is not the network of the FID; convert the file anew: {COMMAND}'


def place() -> pathlib.Path:
  """Where the converted weights are: the user's cache, unless GAN_JAX_INCEPTION names another file."""
  named = os.environ.get(VARIABLE)
  if named:
    return user_paths.expanded(named, VARIABLE)
  return cache.folder() / 'inception.npz'


def check(params: inception_v3.Params, named: str) -> None:
  """Raises ConfigError unless `params`, of the file so named, are those of the network."""
  shapes = inception_v3.shapes()
  for name in [*shapes, *params]:
    if name not in params or name not in shapes:
      raise ConfigError(f'{named}: it {"lacks" if name in shapes else "has also"} {name!r}; {_REMEDY}')
    if params[name].shape != shapes[name] or params[name].dtype != np.float32:
      found = f'{params[name].dtype} {params[name].shape}'
      raise ConfigError(f'{named}: {name} is {found}, not float32 {shapes[name]}; {_REMEDY}')
    if not np.isfinite(params[name]).all():
      raise ConfigError(f'{named}: {name} is not finite; {_REMEDY}')


def load(weights: str | os.PathLike | None = None) -> FeatureNetwork:
  """It, with 2,048 features and logits of 1,008 classes without their bias.

  Args:
    weights: what convert_inception wrote; None: `place` says where.

  Raises:
    ConfigError: there are no weights, or they are broken, or of something else.
  """
  path = place() if weights is None else pathlib.Path(weights)
  if not path.exists():
    raise ConfigError(
      f'there is no {path}, the weights of inception: download {ADDRESS} '
      f"(or torch-fidelity's {FILES['torch-fidelity']}: the SHA-256 of both is {DIGEST}), "
      f'then run, where torch is installed: {COMMAND} --out={path}'
    )
  try:
    with np.load(path) as arrays:
      params = dict(arrays)
  except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
    raise ConfigError(f'{path} cannot be read ({error}); convert it anew: {COMMAND}') from error
  check(params, str(path))
  return FeatureNetwork('inception', params, inception_v3.RESIZER, inception_v3.apply)
