"""Compares DINOv2 with timm's network of the same random weights.

    PYTHONPATH=. .venv-parity/bin/python tests/parity/check_dinov2.py

Positions are interpolated by torch as DINOv2's own code does it, and pictures resized by Pillow, as in
dgm-eval. Features differ by less than 1e-4, both as they are and relative to their root mean square,
or it exits with 1.
"""

import os

# An OpenMP that spins while it waits makes torch several times slower beside another busy process.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import sys

import dinov2_inputs
import inception_inputs as inputs
import jax
import numpy as np
import references  # noqa: F401, it makes torchvision importable beside torch for CPUs
import timm
import torch
from PIL import Image

from gan_jax.metrics.features import convert_dinov2, dinov2_vit

BOUND = 1e-4
MODELS = {
  'dinov2_small': 'vit_small_patch14_dinov2',
  'dinov2_base': 'vit_base_patch14_dinov2',
  'dinov2': 'vit_large_patch14_dinov2',
}
SIZES = (28, 28), (32, 32), (64, 48), (224, 224), (300, 224), (518, 400), (600, 512)


def torch_positions(stored: np.ndarray) -> torch.Tensor:
  """The positions [1, 257, width] that DINOv2's own code interpolates for 224x224."""
  grid = torch.from_numpy(stored[:, 1:]).reshape(1, 37, 37, -1).permute(0, 3, 1, 2)
  small = torch.nn.functional.interpolate(grid, scale_factor=(16.1 / 37,) * 2, mode='bicubic')
  assert small.shape[2:] == (16, 16)
  first = torch.from_numpy(stored[:, :1])
  return torch.cat([first, small.permute(0, 2, 3, 1).reshape(1, 256, -1)], dim=1)


def prepared(images: np.ndarray) -> np.ndarray:
  """Pictures as dgm-eval prepares them, float32 [N, 224, 224, 3]."""
  large = [Image.fromarray(image).resize((224, 224), Image.Resampling.BICUBIC) for image in images]
  scaled = np.float32(np.stack(large)) / 255
  return (scaled - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])


def reference(name: str, state: dict[str, np.ndarray], images: np.ndarray) -> np.ndarray:
  """The features of timm's network."""
  network = timm.create_model(MODELS[name], pretrained=False, img_size=224).eval()
  tensors = {key: torch.from_numpy(array) for key, array in state.items()}
  network.load_state_dict(tensors | {'pos_embed': torch_positions(state['pos_embed'])})
  with torch.inference_mode():
    return network(torch.from_numpy(prepared(images).transpose(0, 3, 1, 2))).numpy()


def compare(name: str) -> list[bool]:
  """Prints a line for each size of pictures; whether they agree."""
  width, depth, _ = dinov2_vit.VARIANTS[name]
  state = dinov2_inputs.state(width, depth)
  params = jax.device_put(convert_dinov2.converted(state))
  apply, agree = jax.jit(dinov2_vit.apply), []
  for height, side in SIZES if name == 'dinov2_small' else SIZES[-1:]:
    images = inputs.parts(height, side, 2)
    ours, other = np.asarray(apply(params, images).features), reference(name, state, images)
    difference, scale = np.abs(ours - other).max(), np.sqrt((other**2).mean())
    agree.append(difference < BOUND and difference / scale < BOUND)
    line = f'{name:12} {height}x{side:<4} rms {scale:.4f}  difference {difference:.1e}'
    print(f'{line}, relative {difference / scale:.1e} {"" if agree[-1] else "DIFFERS"}', flush=True)
  return agree


def main() -> None:
  """All sizes."""
  agree = [same for name in MODELS for same in compare(name)]
  print(f'{len(agree)} comparisons, {agree.count(False)} beyond {BOUND}')
  sys.exit(not all(agree))


if __name__ == '__main__':
  main()
