"""The network of the FID and of the inception score; its weights must be downloaded once by hand."""

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
"""The name of that file in other packages; the network is the same, weight by weight."""

ADDRESS = (
  f'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILES["pytorch-fid"]}'
)
"""The address from which pytorch-fid downloads it."""

COMMAND = f'python -m gan_jax.metrics.features.convert_inception {FILES["pytorch-fid"]}'

_REMEDY = f'it is not the network of the FID; convert the file again: {COMMAND}'


def weights_path() -> pathlib.Path:
  """Returns the path of the converted weights, in the user's cache or named by GAN_JAX_INCEPTION."""
  named = os.environ.get(VARIABLE)
  if named:
    return user_paths.expanded(named, VARIABLE)
  return cache.folder() / 'inception.npz'


def check(params: inception_v3.Params, source: str) -> None:
  """Raises ConfigError unless `params`, read from the file `source`, have the shapes of the network."""
  shapes = inception_v3.shapes()
  for name in [*shapes, *params]:
    if name not in params or name not in shapes:
      problem = 'lacks' if name in shapes else 'has an unknown array'
      raise ConfigError(f'{source}: it {problem} {name!r}; {_REMEDY}')
    if params[name].shape != shapes[name] or params[name].dtype != np.float32:
      actual = f'{params[name].dtype} {params[name].shape}'
      raise ConfigError(f'{source}: {name} is {actual}, not float32 {shapes[name]}; {_REMEDY}')
    if not np.isfinite(params[name]).all():
      raise ConfigError(f'{source}: {name} is not finite; {_REMEDY}')


def load(weights: str | os.PathLike | None = None) -> FeatureNetwork:
  """Returns InceptionV3: 2,048 features, and logits of 1,008 classes without their bias.

  Args:
    weights: file written by convert_inception; by default that of `weights_path`.

  Raises:
    ConfigError: the weights are missing, corrupt, or of another network.
  """
  path = weights_path() if weights is None else pathlib.Path(weights)
  if not path.exists():
    raise ConfigError(
      f'{path}: the weights of inception are missing; download {ADDRESS} '
      f"(or torch-fidelity's {FILES['torch-fidelity']}: the SHA-256 of both is {DIGEST}), "
      f'and run, in an environment with torch: {COMMAND} --out={path}'
    )
  try:
    with np.load(path) as arrays:
      params = dict(arrays)
  except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
    raise ConfigError(f'{path} cannot be read ({error}); convert it again: {COMMAND}') from error
  check(params, str(path))
  return FeatureNetwork('inception', params, inception_v3.RESIZER, inception_v3.apply)
