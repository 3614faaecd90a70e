"""The number of axes decides which modality examples have, and nothing else does."""

import jax.numpy as jnp
import pytest

from gan_jax import latents, modalities
from gan_jax.common.errors import ConfigError
from gan_jax.game import Game
from gan_jax.modalities import images, points


@pytest.mark.parametrize(
  ('shape', 'modality'),
  [
    ((7, 28, 28, 1), images.MODALITY),
    # An image of one pixel, and points of one coordinate.
    ((1, 1, 1, 1), images.MODALITY),
    ((7, 2), points.MODALITY),
    ((1, 1), points.MODALITY),
  ],
)
def test_examples_have_the_modality_of_their_number_of_axes(shape, modality):
  assert modalities.of_shape(shape) is modality
  assert modalities.find(shape) is modality


@pytest.mark.parametrize('shape', [(), (7,), (7, 16, 1), (7, 2, 28, 28, 1)])
def test_examples_of_another_number_of_axes_are_refused(shape):
  assert modalities.find(shape) is None
  with pytest.raises(ConfigError) as error:
    modalities.of_shape(shape)
  assert str(error.value) == (
    f'examples of shape {shape[1:]} are of an unknown kind (images [N, height, width, channels], '
    'points [N, D]); reshape them, or add a modality with gan_jax.extend'
  )


@pytest.mark.parametrize(('shape', 'modality'), [((4, 4, 1), images.MODALITY), ((4,), points.MODALITY)])
def test_game_has_the_modality_of_its_samples_and_computes_none(shape, modality):
  calls = []

  def sample(variables, keys):
    calls.append(type(keys))
    return jnp.zeros((len(keys), *shape)) + variables['shift']

  game = Game({}, (), None, sample, latents=latents.normal(2))
  assert modalities.of_game(game, {'shift': jnp.float32(1)}) is modality
  assert len(calls) == 1
  assert all('Tracer' in kind.__name__ for kind in calls)


def test_table_lists_images_and_points_under_their_names():
  assert list(modalities.MODALITIES) == ['images', 'points']
  assert all(modality.name == name for name, modality in modalities.MODALITIES.items())
  assert modalities.IMAGES is images.MODALITY
