"""Prepares Fashion-MNIST as TensorFlow Datasets does, in its own format, without TensorFlow.

python tests/helpers/prepare_fashion.py IDX_FILES DATA_DIR

TFDS's own builder downloads from a host that not every machine reaches, and encodes with TensorFlow.
This one has the same name, version, features and splits, reads the idx files of
`tools/feature_classifiers/fetch_fashion.sh`, and hands over pictures, which TFDS then encodes with
Pillow.
"""

import pathlib
import sys

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.core import registered

VERSION = '3.0.1'
CLASSES = (
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
)


def read_idx(file, head):
  """The bytes of an idx file behind its head."""
  return np.frombuffer(file.read_bytes(), np.uint8, offset=head)


def builder(idx_files, data_dir):
  """The builder of a dataset called fashion_mnist."""

  with registered.skip_registration():

    class FashionMnist(tfds.core.GeneratorBasedBuilder):
      VERSION = tfds.core.Version(VERSION)
      name = 'fashion_mnist'
      pkg_dir_path = None

      def _info(self):
        image, label = tfds.features.Image(shape=(28, 28, 1)), tfds.features.ClassLabel(names=CLASSES)
        features = tfds.features.FeaturesDict({'image': image, 'label': label})
        return tfds.core.DatasetInfo(
          builder=self, features=features, supervised_keys=('image', 'label')
        )

      def _split_generators(self, unused_downloads):
        files = {'train': 'train', 'test': 't10k'}
        return {split: self._generate_examples(name) for split, name in files.items()}

      def _generate_examples(self, name):
        images = read_idx(idx_files / f'{name}-images-idx3-ubyte', 16).reshape(-1, 28, 28)
        labels = read_idx(idx_files / f'{name}-labels-idx1-ubyte', 8)
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
          yield number, {'image': Image.fromarray(image), 'label': int(label)}

  return FashionMnist(data_dir=data_dir, file_format='array_record')


if __name__ == '__main__':
  builder(pathlib.Path(sys.argv[1]), sys.argv[2]).download_and_prepare()
