"""Images a second of torch's DataLoader.

python benchmarks/torch_loader.py FOLDER SIZE BATCH WORKERS SECONDS

It is what a person writes: PNG files opened with Pillow, made RGB, resized where they are of another
size, scaled to [-1, 1], shuffled. Prints the figure alone.
"""

import pathlib
import sys
import time

import numpy as np
import torch
from PIL import Image


class Pictures(torch.utils.data.Dataset):
  """The PNG files of a folder."""

  def __init__(self, folder: str, size: int):
    """Lists them."""
    self._files = sorted(pathlib.Path(folder).glob('*.png'))
    self._size = size

  def __len__(self) -> int:
    return len(self._files)

  def __getitem__(self, place: int) -> torch.Tensor:
    image = Image.open(self._files[place]).convert('RGB')
    if image.size != (self._size, self._size):
      image = image.resize((self._size, self._size), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 127.5 - 1


def main(folder: str, size: int, batch: int, workers: int, seconds: float) -> None:
  """Loads for a while, after one epoch that is not counted."""
  torch.set_num_threads(1)
  loader = torch.utils.data.DataLoader(
    Pictures(folder, size),
    batch,
    shuffle=True,
    num_workers=workers,
    drop_last=True,
    persistent_workers=True,
  )
  for _ in loader:
    pass
  seen, began = 0, time.perf_counter()
  while time.perf_counter() - began < seconds:
    seen += sum(len(images) for images in loader)
  print(seen / (time.perf_counter() - began))


if __name__ == '__main__':
  main(sys.argv[1], *map(int, sys.argv[2:5]), float(sys.argv[5]))
