"""Compares the residual networks with those of torch-mimicry, of the same weights.

    PYTHONPATH=. .venv-parity/bin/python tests/parity/check_mimicry.py

The networks are SNGAN, its projection discriminator with classes, and SAGAN, of 32 x 32 images. Outputs
in training and evaluation, and the norms of all kernels, have a root mean square difference below 1e-5
of their own, or it exits with 1. In float64 the bound is 1e-9. Single pixels of SNGAN's generator in
float32 differ by 1e-5 from those in float64, in both packages.

Mimicry differs from the papers as follows. Our fields, or this comparison, make up for it:

- It doubles images bilinearly (upsampling='bilinear').
- ReLU in place also changes the input of a discriminator block's shortcut. The comparison turns that
  off.
- The gains of classes start at N(1, 0.02^2), ours at 1. Weights are copied.
- torch's spectral norm does not iterate in evaluation. Ours iterates without storing the result.
  Vectors that have converged are the same in both.
- Power iteration of an embedding starts from the classes, and ours from the features. It starts at the
  converged vectors here.
- torch's running variances are unbiased, ours are not. They are copied for the evaluation.
"""

import sys
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import mimicry_weights as mimicry
import numpy as np
import torch

from gan_jax.networks import resnet

BOUNDS = {'float32': 1e-5, 'float64': 1e-9}
BATCH = 8
GENERATOR = {'size': 32, 'channels': 3, 'width': 256, 'upsampling': 'bilinear'}
OURS = {
  'sngan': (resnet.Generator(**GENERATOR), resnet.Discriminator(width=128)),
  'cgan_pd': (
    resnet.Generator(**GENERATOR, classes=mimicry.CLASSES),
    resnet.Discriminator(width=128, classes=mimicry.CLASSES),
  ),
  'sagan': (
    resnet.Generator(**GENERATOR, classes=mimicry.CLASSES, spectral=True, attention=16),
    resnet.Discriminator(width=128, classes=mimicry.CLASSES, attention=8),
  ),
}


def entry(tree: dict, path: tuple[str, ...]) -> dict:
  """The subtree at a path, which is made if it is missing."""
  for name in path:
    tree = tree.setdefault(name, {})
  return tree


def variables(layers: Mapping[tuple[str, ...], torch.nn.Module], template: Mapping[str, Any]) -> dict:
  """Our variables with the weights, the statistics, and the vectors of mimicry's layers."""
  made = {'params': {}, 'batch_stats': {}}
  for path, layer in layers.items():
    entry(made['params'], path).update(mimicry.params(path, layer))
    statistics = mimicry.statistics(layer)
    if statistics:
      entry(made['batch_stats'], (*path, 'BatchNorm_0')).update(statistics)
  for key, _ in jax.tree_util.tree_leaves_with_path(template.get('batch_stats', {})):
    *path, norm, name = (part.key for part in key)
    if name.endswith('/u'):
      layer = (*path, name.split('/')[0])
      one = np.ones((), made_type(made))
      state = {name: mimicry.vector(layer, layers[layer]), name[:-1] + 'sigma': one}
      entry(made['batch_stats'], (*path, norm)).update(state)
  wanted = jax.tree.map(jnp.shape, {'batch_stats': {}} | dict(template))
  assert jax.tree.map(jnp.shape, made) == wanted, 'the trees of variables differ'
  return made if made['batch_stats'] else {'params': made['params']}


def made_type(made: Mapping[str, Any]) -> np.dtype:
  """The type of the weights."""
  return jax.tree.leaves(made['params'])[0].dtype


def norms_of(state: Mapping[str, Any]) -> dict[tuple[str, ...], float]:
  """{path of a layer: the norm of its kernel}."""
  found = {}
  for key, sigma in jax.tree_util.tree_leaves_with_path(state):
    *path, _, name = (part.key for part in key)
    if name.endswith('/sigma'):
      found[(*path, name.split('/')[0])] = float(sigma)
  return found


def report(words: str, ours: Any, theirs: Any, bound: float) -> bool:
  """Prints the norm of the difference relative to that of theirs; whether it is within the bound."""
  difference = np.linalg.norm(np.subtract(ours, theirs)) / np.linalg.norm(theirs)
  agrees = bool(difference < bound)
  print(f'{words:52} {difference:.1e} {"" if agrees else "DIFFERS"}', flush=True)
  return agrees


def compare(words: str, network: Any, peer: torch.nn.Module, names: Any, inputs: Any, bound: float):
  """Compares a network in training and evaluation; yields whether outputs and norms agree."""
  layers = mimicry.layers(peer, names)
  array, labels = inputs
  key = 'latents' if array.ndim == 2 else 'examples'
  own = {key: array, 'label': labels} if network.classes else array
  channels_first = torch.from_numpy(array if array.ndim == 2 else array.transpose(0, 3, 1, 2).copy())
  arguments = (channels_first, torch.from_numpy(labels)) if network.classes else (channels_first,)
  template = jax.eval_shape(lambda: network.init(jax.random.key(0), own, train=False))
  for phase in ('training', 'evaluation'):
    train = phase == 'training'
    for path, layer in layers.items():
      if mimicry.has_spectral_norm(layer) and (path == ('embedding',) or not train):
        mimicry.converge(layer)
    made = variables(layers, template)
    with torch.no_grad():
      theirs = peer.train(train)(*arguments).numpy()
    apply = jax.jit(lambda v, x, t=train: network.apply(v, x, train=t, mutable=['batch_stats']))
    ours, new = apply(made, own)
    theirs = theirs.transpose(0, 2, 3, 1) if theirs.ndim == 4 else theirs[:, 0]
    yield report(f'{words}, {phase}: outputs', ours, theirs, bound)
    norms = norms_of(new.get('batch_stats', {}))
    if train and norms:
      peers = [mimicry.norm(layers[path]) for path in norms]
      yield report(f'{words}, {phase}: {len(norms)} norms', list(norms.values()), peers, bound)


def check(name: str, dtype: str) -> list[bool]:
  """Compares the generators and the discriminators of a name."""
  random = np.random.default_rng(0)
  labels = random.integers(0, mimicry.CLASSES, BATCH)
  inputs = [random.normal(size=(BATCH, 128)), random.uniform(-1, 1, size=(BATCH, 32, 32, 3))]
  agree = []
  for network, peer, names, array in zip(
    OURS[name],
    mimicry.networks(name),
    (mimicry.GENERATOR, mimicry.DISCRIMINATOR),
    inputs,
    strict=True,
  ):
    count = sum(p.numel() for p in peer.parameters())
    words = f'{name} {type(network).__name__}, {dtype}'
    print(f'{words}: {count:,} parameters')
    peer = peer.to(getattr(torch, dtype))
    agree += compare(words, network, peer, names, (array.astype(dtype), labels), BOUNDS[dtype])
  return agree


def main() -> None:
  """All networks in both types."""
  agree = []
  for dtype in BOUNDS:
    with jax.enable_x64(dtype == 'float64'):
      for name in OURS:
        agree += check(name, dtype)
  print(f'{len(agree)} comparisons, {agree.count(False)} beyond their bounds')
  sys.exit(not all(agree))


if __name__ == '__main__':
  main()
