"""Selects every 50th test image of MNIST and Fashion-MNIST, for the tests of the trained classifiers.

python tools/feature_classifiers/sample.py --data=FOLDER

`tools/feature_classifiers/fetch.sh FOLDER` fetches the data. The script writes classifier_test.npz
beside classifier_test.py: uint8 images [200, 28, 28, 1] and labels [200] of each dataset.
"""

import argparse
import pathlib

import numpy as np
import train

FILE = pathlib.Path(__file__).parents[2] / 'tests/metrics/features/classifier_test.npz'
EVERY = 50


def main() -> None:
  """Writes the file."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--data', type=pathlib.Path, required=True, help='folder filled by fetch.sh')
  folder, arrays = parser.parse_args().data, {}
  for name, recipe in train.RECIPES.items():
    images, labels = train.read_split(folder / name, recipe.files, 't10k')
    arrays |= {f'{name}_images': images[::EVERY], f'{name}_labels': labels[::EVERY]}
  np.savez_compressed(FILE, **arrays)


if __name__ == '__main__':
  main()
