"""The network of the FID and of the inception score; its weights must be downloaded once by hand."""

import os
import pathlib

from gan_jax.metrics.features import FeatureNetwork, inception_v3, weights_file

DIGEST = '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2'
"""The SHA-256 of the file from which the weights are converted."""

FILES = {
  'pytorch-fid': f'pt_inception-2015-12-05-{DIGEST[:8]}.pth',
  'torch-fidelity': f'weights-inception-2015-12-05-{DIGEST[:8]}.pth',
}
"""The name of that file in other packages; the network is the same, weight by weight."""

DOWNLOAD = weights_file.Download(
  network='inception',
  digest=DIGEST,
  size=95_628_359,
  address=f'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILES["pytorch-fid"]}',
  converter='convert_inception',
)
"""The file from which the weights are converted, as pytorch-fid downloads it."""

VARIABLE = DOWNLOAD.variable
"""The environment variable that names another file of weights."""

_REMEDY = f'it is not the network of the FID; convert the file again: {DOWNLOAD.command}'


def check(params: inception_v3.Params, source: str) -> None:
  """Raises ConfigError unless `params`, read from the file `source`, have the shapes of the network."""
  weights_file.check(params, inception_v3.shapes(), source, _REMEDY)


def load(weights: str | os.PathLike | None = None) -> FeatureNetwork:
  """Returns InceptionV3: 2,048 features, and logits of 1,008 classes without their bias.

  Args:
    weights: file written by convert_inception; by default that in the cache.

  Raises:
    ConfigError: the weights are missing, corrupt, or of another network.
  """
  path = DOWNLOAD.path if weights is None else pathlib.Path(weights)
  params = weights_file.read(path, DOWNLOAD, f", or torch-fidelity's {FILES['torch-fidelity']}")
  check(params, str(path))
  return FeatureNetwork('inception', params, inception_v3.RESIZER, inception_v3.apply)
