"""Command that converts the weights of DINOv2 once, without torch.

    python -m gan_jax.metrics.features.convert_dinov2 dinov2_vitl14_pretrain.pth

The size of the network follows from the file: ViT-L/14 is the feature network dinov2, ViT-B/14 is
dinov2_base, and ViT-S/14 is dinov2_small. Networks with registers and ViT-g/14 differ.
"""

import sys
from collections.abc import Mapping, Sequence

import numpy as np

from gan_jax.common import output
from gan_jax.common.errors import ConfigError
from gan_jax.metrics.features import dinov2_vit, weights_file

STORED_GRID = 37
"""Rows and columns of the stored positions: DINOv2 ends its training with images of 518x518."""

_OFFSET = 0.1
"""DINOv2 interpolates with a factor of (16 + 0.1) / 37, against errors of rounding."""

_BLOCK = {
  'norm1.weight': 'norm1.scale',
  'norm1.bias': 'norm1.bias',
  'attn.qkv.weight': 'qkv.kernel',
  'attn.qkv.bias': 'qkv.bias',
  'attn.proj.weight': 'projection.kernel',
  'attn.proj.bias': 'projection.bias',
  'ls1.gamma': 'scale1',
  'norm2.weight': 'norm2.scale',
  'norm2.bias': 'norm2.bias',
  'mlp.fc1.weight': 'mlp1.kernel',
  'mlp.fc1.bias': 'mlp1.bias',
  'mlp.fc2.weight': 'mlp2.kernel',
  'mlp.fc2.bias': 'mlp2.bias',
  'ls2.gamma': 'scale2',
}
"""{name of a weight of a block in the file: our name}."""


def interpolation(count: int, factor: float, length: int) -> np.ndarray:
  """Returns the weights [count, length] of a bicubic interpolation as PyTorch's, with a = -3/4.

  Position i is read at (i + 1/2) / factor - 1/2; the first and last values continue beyond the edge.
  Other resizers in this package have a = -1/2.

  Args:
    count: the number of new positions.
    factor: the factor by which the axis shrinks.
    length: the number of old positions.
  """
  weights = np.zeros((count, length))
  for i in range(count):
    center = (i + 0.5) / factor - 0.5
    for j in range(int(np.floor(center)) - 1, int(np.floor(center)) + 3):
      x = abs(j - center)
      near = 1.25 * x**3 - 2.25 * x**2 + 1
      far = -0.75 * x**3 + 3.75 * x**2 - 6 * x + 3
      weights[i, min(max(j, 0), length - 1)] += near if x <= 1 else far
  return weights


def positions(stored: np.ndarray) -> np.ndarray:
  """Returns the position embeddings for images of 224x224.

  Args:
    stored: float32 [1, 1 + 37 * 37, width], that of the class token first.

  Returns:
    float32 [1 + 16 * 16, width].
  """
  width = stored.shape[2]
  grid = np.asarray(stored[0, 1:], np.float64).reshape(STORED_GRID, STORED_GRID, width)
  factor = (dinov2_vit.GRID + _OFFSET) / STORED_GRID
  weights = interpolation(dinov2_vit.GRID, factor, STORED_GRID)
  small = np.einsum('ui,vj,ijd->uvd', weights, weights, grid, optimize=True)
  return np.concatenate([stored[0, :1], small.reshape(-1, width).astype(np.float32)])


def source_shapes(width: int, depth: int) -> dict[str, tuple[int, ...]]:
  """Returns the names and shapes of the tensors in the file."""
  ours = dinov2_vit.shapes(width, depth)
  blocks = {}
  for theirs, name in _BLOCK.items():
    shape = ours[f'blocks.{name}'][1:][::-1]
    blocks |= {f'blocks.{i}.{theirs}': shape for i in range(depth)}
  return {
    'cls_token': (1, 1, width),
    'pos_embed': (1, 1 + STORED_GRID**2, width),
    'patch_embed.proj.weight': (width, 3, dinov2_vit.PATCH, dinov2_vit.PATCH),
    'patch_embed.proj.bias': (width,),
    **blocks,
    'norm.weight': (width,),
    'norm.bias': (width,),
  }


def converted(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
  """Returns the tensors of a file as params of `dinov2_vit`.

  Args:
    state: arrays of `source_shapes`; 'mask_token', which only training uses, is ignored.

  Raises:
    ConfigError: it is the state of another network.
  """
  state = {name: np.asarray(a, np.float32) for name, a in state.items() if name != 'mask_token'}
  width = state['norm.weight'].size if 'norm.weight' in state else 0
  depth = sum(name.startswith('blocks.') and name.endswith('.ls1.gamma') for name in state)
  weights_file.check(state, source_shapes(width, depth), 'the file', 'it is another network')
  patches = state['patch_embed.proj.weight'].transpose(2, 3, 1, 0)
  params = {
    'patches.kernel': patches.reshape(-1, width),
    'patches.bias': state['patch_embed.proj.bias'],
    'class_token': state['cls_token'][0, 0],
    'positions': positions(state['pos_embed']),
    'norm.scale': state['norm.weight'],
    'norm.bias': state['norm.bias'],
  }
  for theirs, name in _BLOCK.items():
    params[f'blocks.{name}'] = np.stack([state[f'blocks.{i}.{theirs}'].T for i in range(depth)])
  return {name: np.ascontiguousarray(params[name]) for name in dinov2_vit.shapes(width, depth)}


def _converted(state: Mapping[str, np.ndarray]) -> tuple[str, weights_file.Params]:
  params = converted(state)
  depth, width = params['blocks.scale1'].shape
  for name, variant in dinov2_vit.VARIANTS.items():
    if variant[:2] == (width, depth):
      return name, params
  sizes = ', '.join(f'{v.width} and {v.depth}' for v in dinov2_vit.VARIANTS.values())
  raise ConfigError(
    f'the file has {width} features and {depth} blocks (one of {sizes}); download another size'
  )


def main(argv: Sequence[str] | None = None) -> int:
  """Runs the command and returns the exit code."""
  downloads = [variant.download for variant in dinov2_vit.VARIANTS.values()]
  names = [download.file for download in downloads]
  other = 'the authors: its scores do not compare with others'
  converter = weights_file.Converter(downloads, names, _converted, other)
  return weights_file.main(converter, __doc__, argv)


if __name__ == '__main__':
  output.protect()
  sys.exit(main())
