"""Takes every 50th test image of MNIST and Fashion-MNIST, for the tests of the trained classifiers.

python classifiers/sample.py --data=FOLDER

`classifiers/fetch.sh FOLDER` fetches the data. The file beside classifier_test.py then holds
uint8 images [200, 28, 28, 1] and labels [200] of each.
"""

import argparse
import pathlib

import numpy as np
import train

FILE = pathlib.Path(__file__).parents[1] / 'tests/metrics/features/classifier_test.npz'
EVERY = 50


def main() -> None:
  """Writes the file."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--data', type=pathlib.Path, required=True, help='what fetch.sh has filled')
  folder, arrays = parser.parse_args().data, {}
  for name, recipe in train.RECIPES.items():
    images, labels = train.read_split(folder / name, recipe.files, 't10k')
    arrays |= {f'{name}_images': images[::EVERY], f'{name}_labels': labels[::EVERY]}
  np.savez_compressed(FILE, **arrays)


if __name__ == '__main__':
  main()
