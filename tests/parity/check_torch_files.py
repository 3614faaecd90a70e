"""Compares the reader of PyTorch weights with torch itself, on files that torch writes.

    PYTHONPATH=. .venv-parity/bin/python tests/parity/check_torch_files.py

All arrays are bit-identical, in both formats, or it exits with 1.
"""

import pathlib
import sys
import tempfile

import inception_inputs as inputs
import numpy as np
import torch

from gan_jax.metrics.features import torch_file


def states() -> dict[str, dict[str, torch.Tensor]]:
  """The state of the network of the FID, that of a small module, and views of one storage."""
  base = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5)
  module = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8))
  views = {'transposed': base.permute(2, 0, 1), 'part': base[1:, ::2, 1], 'all': base}
  types = {str(t): base.to(t) for t in (torch.float16, torch.bfloat16, torch.int64, torch.bool)}
  inception = {name: torch.from_numpy(array) for name, array in inputs.state().items()}
  return {'inception': inception, 'module': module.state_dict(), 'views': views | types}


def agrees(state: dict[str, torch.Tensor], archive: bool) -> bool:
  """Whether the reader gives what torch holds."""
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / 'weights.pth'
    torch.save(state, path, _use_new_zipfile_serialization=archive)
    arrays = torch_file.read(path)
  wanted = {name: tensor.float().numpy() for name, tensor in state.items()}
  same = (np.array_equal(arrays[name].astype(np.float32), wanted[name]) for name in wanted)
  return list(arrays) == list(state) and all(same)


def main() -> None:
  """All states in both formats."""
  found = []
  for name, state in states().items():
    for archive in (True, False):
      found.append(agrees(state, archive))
      kind = 'archive' if archive else 'stream'
      print(f'{name:10} {kind:8} {len(state):4} tensors {"" if found[-1] else "DIFFER"}')
  print(f'{len(found)} comparisons, {found.count(False)} differ')
  sys.exit(not all(found))


if __name__ == '__main__':
  main()
