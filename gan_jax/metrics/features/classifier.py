"""The small classifier of gray images behind `digits`, `fashion` and `random`, and its files.

NAME.npz holds the weights of a network, one array each. NAME.json is its card: training data, training
command, accuracy, and the digest of the weights.
"""

import json
import pathlib
import zipfile
import zlib
from typing import cast

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax import traverse_util

from gan_jax.common import hashing
from gan_jax.common.errors import ConfigError
from gan_jax.metrics.features import FeatureNetwork, Outputs, PyTree
from gan_jax.networks.layers.conv import Conv, Geometry

SIZE = 28
CLASSES = 10
RESIZER = (
  'channels averaged; jax.image.resize to 28x28, bilinear with antialias, unless of that size; [0, 1]'
)
HERE = pathlib.Path(__file__).parent


def prepare(images: jax.Array) -> jax.Array:
  """Returns images as the classifier takes them; `RESIZER` describes the steps.

  Args:
    images: uint8 [N, height, width, 1 or 3], light on dark.

  Returns:
    float32 [N, 28, 28, 1] in [0, 1].
  """
  chex.assert_rank(images, 4)
  chex.assert_axis_dimension_comparator(images, 3, lambda n: n in (1, 3), '1 or 3 channels')
  chex.assert_type(images, jnp.uint8)
  gray = jnp.asarray(images, jnp.float32).mean(axis=3, keepdims=True) / 255
  if gray.shape[1:3] == (SIZE, SIZE):
    return gray
  return jax.image.resize(gray, (len(gray), SIZE, SIZE, 1), 'linear', antialias=True)


def _pooled(x: jax.Array) -> jax.Array:
  """Returns the largest of each 2x2 pixels, without an odd last row or column."""
  count, height, width, channels = x.shape
  even = x[:, : height // 2 * 2, : width // 2 * 2]
  # On XLA:CPU the gradient of a pooling window is slow, and that of a maximum over axes is fast.
  return even.reshape(count, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


class Classifier(nn.Module):
  """3x3 convolutions of 32 | 48 | 64, 64 maps, each | a pooling, 128 features, 10 classes.

  It has 153,978 weights. The features are the output of the last rectifier.

  Attributes:
    dropout: fraction of the inputs of the last two layers that is dropped in training.
  """

  dropout: float = 0.0

  @nn.compact
  def __call__(self, images: jax.Array, training: bool = False) -> Outputs:
    """Classifies images, float32 [N, 28, 28, 1] in [0, 1]."""
    x, init = images, nn.initializers.he_normal()
    for maps in ((32,), (48,), (64, 64)):
      for count in maps:
        x = nn.relu(Conv(count, Geometry(3, 1, 1), kernel_init=init)(x))
      x = _pooled(x)
    x = nn.Dropout(self.dropout, deterministic=not training)(x.reshape(len(x), -1))
    features = nn.relu(nn.Dense(128, kernel_init=init)(x))
    x = nn.Dropout(self.dropout, deterministic=not training)(features)
    return Outputs(features, nn.Dense(CLASSES)(x))


def _apply(params: PyTree, images: jax.Array) -> Outputs:
  return cast(Outputs, Classifier().apply({'params': params}, prepare(images)))


def network(name: str, params: PyTree) -> FeatureNetwork:
  """Returns the classifier with weights as a feature network; features [N, 128], logits [N, 10]."""
  return FeatureNetwork(name, params, RESIZER, _apply)


def drawn(seed: int) -> PyTree:
  """Returns untrained weights, bit-identical on every platform and with every version of jax.

  They are uniform, see He et al. 2015 (arXiv:1502.01852); biases are zero.
  """
  shapes = jax.eval_shape(Classifier().init, jax.random.key(0), jnp.zeros((1, SIZE, SIZE, 1)))['params']
  # RandomState is the only generator of NumPy whose numbers are guaranteed never to change.
  random = np.random.RandomState(seed)

  def draw(shape: tuple[int, ...]) -> np.ndarray:
    bound = np.sqrt(6 / np.prod(shape[:-1])) if len(shape) > 1 else 0
    return random.uniform(-bound, bound, shape).astype(np.float32)

  return jax.tree.map(lambda leaf: draw(leaf.shape), shapes)


def write(name: str, params: PyTree, facts: dict, folder: pathlib.Path = HERE) -> None:
  """Writes weights and their card, which holds the digest and the given facts as JSON."""
  params = jax.tree.map(np.asarray, params)
  weights = cast(dict[str, np.ndarray], traverse_util.flatten_dict(params, sep='/'))
  # pyrefly: ignore[bad-argument-type]  no weight is called allow_pickle
  np.savez(folder / f'{name}.npz', **weights)
  card = {'digest': hashing.of_tree(params)} | facts
  (folder / f'{name}.json').write_text(json.dumps(card, indent=2) + '\n')


def read(name: str, folder: pathlib.Path = HERE) -> FeatureNetwork:
  """Returns the feature network with weights that `write` has written.

  Raises:
    ConfigError: the weights or their card are missing or corrupt, or do not belong together.
  """
  weights, card = folder / f'{name}.npz', folder / f'{name}.json'
  try:
    with np.load(weights) as arrays:
      params = traverse_util.unflatten_dict(dict(arrays), sep='/')
    expected = json.loads(card.read_text())['digest']
  except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
    raise ConfigError(_remedy(name, folder, f'cannot be read: {error}')) from error
  if hashing.of_tree(params) != expected:
    raise ConfigError(_remedy(name, folder, 'do not match the digest on their card'))
  return network(name, params)


def _remedy(name: str, folder: pathlib.Path, problem: str) -> str:
  return (
    f'the weights of the feature network {name} in {folder} {problem}; install gan_jax again, or train '
    f'them: python tools/feature_classifiers/train.py {name}'
  )
