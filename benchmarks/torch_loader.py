"""Measures images per second of torch's DataLoader.

python benchmarks/torch_loader.py FOLDER SIZE BATCH WORKERS SECONDS

The loader is written in the usual way: it opens PNG files with Pillow, converts them to RGB, resizes
them if necessary, scales them to [-1, 1], and shuffles. The script prints only the figure.
"""

import pathlib
import sys
import time

import numpy as np
import torch
from PIL import Image


class ImageFolder(torch.utils.data.Dataset):
  """The PNG files of a folder."""

  def __init__(self, folder: str, size: int):
    """Lists the files."""
    self._files = sorted(pathlib.Path(folder).glob('*.png'))
    self._size = size

  def __len__(self) -> int:
    return len(self._files)

  def __getitem__(self, index: int) -> torch.Tensor:
    image = Image.open(self._files[index]).convert('RGB')
    if image.size != (self._size, self._size):
      image = image.resize((self._size, self._size), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 127.5 - 1


def main(folder: str, size: int, batch: int, workers: int, seconds: float) -> None:
  """Loads for some seconds, after one epoch that does not count."""
  torch.set_num_threads(1)
  loader = torch.utils.data.DataLoader(
    ImageFolder(folder, size),
    batch,
    shuffle=True,
    num_workers=workers,
    drop_last=True,
    persistent_workers=True,
  )
  for _ in loader:
    pass
  count, start = 0, time.perf_counter()
  while time.perf_counter() - start < seconds:
    count += sum(len(images) for images in loader)
  print(count / (time.perf_counter() - start))


if __name__ == '__main__':
  main(sys.argv[1], *map(int, sys.argv[2:5]), float(sys.argv[5]))
