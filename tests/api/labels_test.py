"""Labels of a folder, from training to samples."""

import numpy as np
import pytest
from PIL import Image

import gan_jax
from gan_jax.commands import sample
from gan_jax.common.errors import ConfigError


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
  """A run on two folders of pictures."""
  place = tmp_path_factory.mktemp('pets')
  random = np.random.default_rng(0)
  for index in range(20):
    path = place / 'pictures' / ('cat', 'dog')[index % 2] / f'{index}.png'
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(random.integers(0, 256, (28, 28), np.uint8)).save(path)
  size = {'data.name': f'folder:{place / "pictures"}', 'data.size': 28, 'data.channels': 1}
  config = gan_jax.load_config('conditional:folder-test', **size, steps=4)
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv('XDG_CACHE_HOME', str(place / 'cache'))
    yield gan_jax.train(config, place / 'run')


def test_label_by_name_and_by_number_give_the_same_samples(trained, tmp_path):
  by_name = trained.sample(4, label=['dog', 'cat'])
  np.testing.assert_array_equal(by_name, trained.sample(4, label=[1, 0]))
  flags = [f'--workdir={trained.folder}', '--label=dog,cat', '--num=4', f'--out={tmp_path}/a.npz']
  assert sample.main(['sample', *flags]) == 0
  np.testing.assert_array_equal(by_name, np.load(tmp_path / 'a.npz')['images'])


def test_unknown_name_is_rejected_with_those_of_the_folder(trained):
  with pytest.raises(ConfigError, match="label=cats: unknown label 'cats' .cat, dog."):
    trained.sample(4, label='cats')


def test_interpolations_end_at_samples_of_their_label(trained):
  arcs = trained.interpolate(2, 3, seed=2, label='dog')
  ends = trained.sample(4, seed=2, label='dog')
  # The arc's end is the latent up to rounding.
  assert np.abs(arcs[:, 0].astype(int) - ends[:2]).max() <= 1
  assert np.abs(arcs[:, -1].astype(int) - ends[2:]).max() <= 1


def test_names_of_labels_are_kept_in_their_order(trained):
  assert trained.source_data().classes == ['cat', 'dog']
