"""Trains the classifiers whose features scores compare, on all 60,000 images of MNIST or Fashion-MNIST.

python tools/feature_classifiers/train.py digits|fashion --data=FOLDER

`tools/feature_classifiers/fetch.sh FOLDER` fetches the data. The script writes the weights and their
card to gan_jax/metrics/features/NAME.npz and NAME.json, where the package reads them.

The optimizer is AdamW; its learning rate rises for one epoch and falls to zero along a cosine. Images
are shifted by up to two pixels, and those of clothes are also mirrored. The weights are those of the
last step. The accuracy on the 10,000 test images is printed after each epoch, and selects nothing.
"""

import argparse
import functools
import hashlib
import pathlib
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax.common import output
from gan_jax.metrics.features import classifier

SEED = 0
BATCH = 128
SHIFT = 2
DROPOUT = 0.3
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.01
COUNTS = {'train': 60_000, 't10k': 10_000}


class Recipe(NamedTuple):
  """The differences between the two trainings.

  Attributes:
    data: name of the dataset.
    files: SHA-256 of each file.
    mirrored: whether images are mirrored at random.
    epochs: passes over the training images.
  """

  data: str
  files: dict[str, str]
  mirrored: bool
  epochs: int


RECIPES = {
  'digits': Recipe(
    data='MNIST (LeCun et al. 1998)',
    files={
      'train-images-idx3-ubyte': 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
      'train-labels-idx1-ubyte': '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
      't10k-images-idx3-ubyte': '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
      't10k-labels-idx1-ubyte': 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
    },
    mirrored=False,
    epochs=12,
  ),
  'fashion': Recipe(
    data='Fashion-MNIST (Xiao et al. 2017)',
    files={
      'train-images-idx3-ubyte': 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
      'train-labels-idx1-ubyte': 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
      't10k-images-idx3-ubyte': '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
      't10k-labels-idx1-ubyte': '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
    },
    mirrored=True,
    epochs=20,
  ),
}


def read_idx(file: pathlib.Path, digest: str) -> np.ndarray:
  """Returns the content of an idx file: two zeros, type 8, rank, big-endian lengths, then the bytes."""
  content = file.read_bytes()
  actual = hashlib.sha256(content).hexdigest()
  if actual != digest:
    raise SystemExit(f'{file} has SHA-256 {actual}, not {digest}: fetch it again')
  rank = content[3]
  shape = np.frombuffer(content, '>u4', rank, offset=4)
  return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def read_split(folder: pathlib.Path, files: dict[str, str], split: str) -> tuple[jax.Array, jax.Array]:
  """Returns images, uint8 [N, 28, 28, 1], and labels, uint8 [N], on the device."""
  names = f'{split}-images-idx3-ubyte', f'{split}-labels-idx1-ubyte'
  images, labels = (read_idx(folder / name, files[name]) for name in names)
  if images.shape != (COUNTS[split], 28, 28) or labels.shape != (COUNTS[split],):
    raise SystemExit(f'{split} in {folder} has images {images.shape} and labels {labels.shape}')
  return jnp.asarray(images[..., None]), jnp.asarray(labels)


def augment(key: jax.Array, images: jax.Array, mirrored: bool) -> jax.Array:
  """Shifts each image by up to SHIFT pixels in each direction, filled with zeros, and mirrors half."""
  shift_key, mirror_key = jax.random.split(key)
  starts = jax.random.randint(shift_key, (len(images), 2), 0, 2 * SHIFT + 1)
  padded = jnp.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)))
  crop = lambda image, start: jax.lax.dynamic_slice(image, (start[0], start[1], 0), (28, 28, 1))
  shifted = jax.vmap(crop)(padded, starts)
  if not mirrored:
    return shifted
  chosen = jax.random.bernoulli(mirror_key, shape=(len(images), 1, 1, 1))
  return jnp.where(chosen, shifted[:, :, ::-1], shifted)


def make_optimizer(epochs: int, per_epoch: int) -> optax.GradientTransformation:
  """Returns AdamW with the schedule of the module's docstring."""
  rate = optax.warmup_cosine_decay_schedule(0.0, LEARNING_RATE, per_epoch, epochs * per_epoch)
  return optax.adamw(rate, weight_decay=WEIGHT_DECAY)


def loss(params: Any, images: jax.Array, labels: jax.Array, key: jax.Array) -> jax.Array:
  """Returns the mean cross entropy in nats."""
  model = classifier.Classifier(dropout=DROPOUT)
  outputs = model.apply(
    {'params': params}, classifier.prepare(images), training=True, rngs={'dropout': key}
  )
  return optax.softmax_cross_entropy_with_integer_labels(outputs.logits, labels).mean()


@functools.partial(jax.jit, static_argnames=('optimizer', 'mirrored'), donate_argnums=0)
def train_epoch(state, key, images, labels, optimizer, mirrored):
  """Trains for one pass over the images in a new order, without an incomplete batch.

  Returns:
    The new state and the mean loss.
  """

  def step(state, batch):
    params, opt = state
    indices, key = batch
    augment_key, dropout_key = jax.random.split(key)
    augmented = augment(augment_key, images[indices], mirrored)
    value, gradients = jax.value_and_grad(loss)(params, augmented, labels[indices], dropout_key)
    updates, opt = optimizer.update(gradients, opt, params)
    return (optax.apply_updates(params, updates), opt), value

  order_key, step_key = jax.random.split(key)
  steps = len(images) // BATCH
  order = jax.random.permutation(order_key, len(images))[: steps * BATCH].reshape(steps, BATCH)
  state, values = jax.lax.scan(step, state, (order, jax.random.split(step_key, steps)))
  return state, values.mean()


@jax.jit
def correct(params: Any, images: jax.Array, labels: jax.Array) -> jax.Array:
  """Returns the number of correctly classified images."""
  logits = classifier.network('', params).apply(params, images).logits
  return (logits.argmax(axis=1) == labels).sum()


def accuracy(params: Any, images: jax.Array, labels: jax.Array) -> float:
  """Returns the fraction of correctly classified images."""
  chunks = [slice(i, i + 1000) for i in range(0, len(images), 1000)]
  return sum(int(correct(params, images[chunk], labels[chunk])) for chunk in chunks) / len(images)


def train(recipe: Recipe, folder: pathlib.Path) -> tuple[Any, float]:
  """Returns the weights of the last step, and their test accuracy."""
  images, labels = read_split(folder, recipe.files, 'train')
  test = read_split(folder, recipe.files, 't10k')
  optimizer = make_optimizer(recipe.epochs, len(images) // BATCH)
  init_key, *keys = jax.random.split(jax.random.key(SEED), recipe.epochs + 1)
  params = classifier.Classifier().init(init_key, classifier.prepare(images[:1]))['params']
  state, start = (params, optimizer.init(params)), time.monotonic()
  for epoch, key in enumerate(keys, start=1):
    state, value = train_epoch(state, key, images, labels, optimizer, recipe.mirrored)
    test_accuracy = accuracy(state[0], *test)
    seconds = time.monotonic() - start
    print(
      f'epoch {epoch}  loss {value:.4f}  test accuracy {test_accuracy:.2%}  {seconds:.0f} s', flush=True
    )
  return state[0], test_accuracy


def facts(name: str, recipe: Recipe, test_accuracy: float) -> dict[str, Any]:
  """Returns the content of the card besides the digest."""
  return {
    'data': recipe.data,
    'train_images': COUNTS['train'],
    'test_images': COUNTS['t10k'],
    'test_accuracy': test_accuracy,
    'selection': 'weights of the last step; nothing was chosen by the test images',
    'command': f'python tools/feature_classifiers/train.py {name} --data=FOLDER',
    'epochs': recipe.epochs,
    'seed': SEED,
    'jax': jax.__version__,
    'files': recipe.files,
  }


def main() -> None:
  """Trains one classifier, and writes it."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('name', choices=RECIPES)
  parser.add_argument('--data', type=pathlib.Path, required=True, help='folder filled by fetch.sh')
  arguments = parser.parse_args()
  recipe = RECIPES[arguments.name]
  params, test_accuracy = train(recipe, arguments.data / arguments.name)
  classifier.write(arguments.name, params, facts(arguments.name, recipe, test_accuracy))


if __name__ == '__main__':
  output.protect()
  main()
