"""The networks of torch-mimicry, and their weights by the names of `gan_jax.networks.resnet`."""

import os

# An OpenMP that spins while it waits makes torch several times slower beside another busy process.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import importlib.util
import sys
import types
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

# The package itself imports its metrics, and so TensorFlow. Its networks do not need them.
_found = importlib.util.find_spec('torch_mimicry')
_package = types.ModuleType('torch_mimicry')
_package.__path__ = list(_found.submodule_search_locations)
sys.modules['torch_mimicry'] = _package

from torch_mimicry.nets import cgan_pd, sagan, sngan  # noqa: E402

CLASSES = 10
NETWORKS = {
  'sngan': (sngan.SNGANGenerator32, sngan.SNGANDiscriminator32),
  'cgan_pd': (cgan_pd.CGANPDGenerator32, cgan_pd.CGANPDDiscriminator32),
  'sagan': (sagan.SAGANGenerator32, sagan.SAGANDiscriminator32),
}

_UP = {
  'ConditionalBatchNorm_0': 'b1',
  'UpConv_0': 'c1',
  'ConditionalBatchNorm_1': 'b2',
  'Conv_0': 'c2',
  'shortcut': 'c_sc',
}
_DOWN = {'Conv_0': 'c1', 'DownConv_0': 'c2', 'shortcut': 'c_sc'}
_LEVEL = {'Conv_0': 'c1', 'Conv_1': 'c2'}
_ATTENTION = {'query': 'theta', 'key': 'phi', 'value': 'g', 'output': 'o'}

GENERATOR = {
  'Dense_0': 'l1',
  'UpBlock_0': ('block2', _UP),
  'UpBlock_1': ('block3', _UP),
  'UpBlock_2': ('block4', _UP),
  'SelfAttention_0': ('attn_block', _ATTENTION),
  'ConditionalBatchNorm_0': 'b5',
  'Conv_0': 'c5',
}
DISCRIMINATOR = {
  'FirstDownBlock_0': ('block1', _DOWN),
  'DownBlock_0': ('block2', _DOWN),
  'DownBlock_1': ('block3', _LEVEL),
  'DownBlock_2': ('block4', _LEVEL),
  'SelfAttention_0': ('attn_block', _ATTENTION),
  'Dense_0': 'l5',
  'embedding': 'l_y',
}
"""{our name: its name in mimicry}, or (its name, the names of its layers)."""


def networks(name: str) -> tuple[torch.nn.Module, torch.nn.Module]:
  """A generator and a discriminator of mimicry, whose biases and gammas differ from 0."""
  arguments = {} if name == 'sngan' else {'num_classes': CLASSES}
  torch.manual_seed(0)
  pair = tuple(make(**arguments) for make in NETWORKS[name])
  for network in pair:
    for key, parameter in network.named_parameters():
      if key.endswith(('gamma', 'bias')):
        torch.nn.init.normal_(parameter, 0.5, 0.1)
    for module in network.modules():
      # In place, the ReLU that begins a block would change the input of the block's shortcut too.
      if isinstance(module, torch.nn.ReLU):
        module.inplace = False
  return pair


def layers(network: torch.nn.Module, names: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict:
  """{our path: the layer of mimicry}, of the layers that the network has."""
  found = {}
  for ours, theirs in names.items():
    name, inner = (theirs, None) if isinstance(theirs, str) else theirs
    if not hasattr(network, name):
      continue
    layer = getattr(network, name)
    if inner:
      found |= layers(layer, inner, (*path, ours))
    if not inner or hasattr(layer, 'gamma'):
      found[(*path, ours)] = layer
  return found


def raw_weight(layer: torch.nn.Module) -> torch.Tensor:
  """The weight of a layer before spectral norm."""
  return layer.weight_orig if hasattr(layer, 'weight_orig') else layer.weight


def has_spectral_norm(layer: torch.nn.Module) -> bool:
  """Whether a layer has torch's spectral norm, or that of mimicry."""
  return hasattr(layer, 'weight_u') or hasattr(layer, 'sn_u')


def _singular_vectors(layer: torch.nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
  """The first singular vectors of the weight of a layer."""
  weight = raw_weight(layer).detach()
  left, _, right = torch.linalg.svd(weight.reshape(len(weight), -1).double(), full_matrices=False)
  return left[:, 0].to(weight), right[0].to(weight)


def converge(layer: torch.nn.Module) -> None:
  """Sets the vectors of power iteration of a layer to the first singular vectors."""
  left, right = _singular_vectors(layer)
  if hasattr(layer, 'sn_u'):
    layer.sn_u.copy_(left[None])
  else:
    layer.weight_u.copy_(left)
    layer.weight_v.copy_(right)


def norm(layer: torch.nn.Module) -> float:
  """The norm by which a layer divided its weight in the last pass of training."""
  with torch.no_grad():
    return float(
      layer.sn_sigma if hasattr(layer, 'sn_u') else layer.weight_orig.norm() / layer.weight.norm()
    )


def params(path: tuple[str, ...], layer: torch.nn.Module) -> dict[str, Any]:
  """The parameters of one of our layers."""
  if hasattr(layer, 'gamma'):
    return {'gamma': _numpy(layer.gamma)}
  if hasattr(layer, 'embed'):
    gain, bias = np.split(_numpy(layer.embed.weight), 2, axis=1)
    return {'gain': {'kernel': gain - 1}, 'bias': {'kernel': bias}}
  if isinstance(layer, torch.nn.BatchNorm2d):
    return {'BatchNorm_0': {'scale': _numpy(layer.weight), 'bias': _numpy(layer.bias)}}
  kernel = _kernel(path, raw_weight(layer))
  bias = getattr(layer, 'bias', None)
  return {'kernel': kernel} | ({} if bias is None else {'bias': _outputs(path, _numpy(bias))})


def statistics(layer: torch.nn.Module) -> dict[str, np.ndarray]:
  """The running statistics of a normalization, or {} of another layer."""
  norm = getattr(layer, 'bn', layer)
  if not isinstance(norm, torch.nn.BatchNorm2d):
    return {}
  return {'mean': _numpy(norm.running_mean), 'var': _numpy(norm.running_var)}


def vector(path: tuple[str, ...], layer: torch.nn.Module) -> np.ndarray:
  """The vector of power iteration in the order of our outputs, [1, outputs].

  Mimicry's embedding iterates from the side of the classes, ours from that of the features. Its vector
  is the converged one.
  """
  if path == ('embedding',):
    return _numpy(_singular_vectors(layer)[1])[None]
  return _outputs(path, _numpy(layer.sn_u[0] if hasattr(layer, 'sn_u') else layer.weight_u))[None]


def _numpy(tensor: torch.Tensor) -> np.ndarray:
  return tensor.detach().numpy().copy()


def _outputs(path: tuple[str, ...], x: np.ndarray) -> np.ndarray:
  """Reorders the outputs [..., outputs] of the generator's first layer, channels to the end."""
  if path != ('Dense_0',) or x.shape[-1] == 1:
    return x
  return x.reshape(*x.shape[:-1], -1, 4, 4).swapaxes(-3, -1).swapaxes(-3, -2).reshape(x.shape)


def _kernel(path: tuple[str, ...], weight: torch.Tensor) -> np.ndarray:
  array = _numpy(weight)
  if path == ('embedding',):
    return array
  if array.ndim == 2:
    return _outputs(path, array.T)
  array = array.transpose(2, 3, 1, 0)
  return array[0, 0] if array.shape[:2] == (1, 1) else array
