"""Points: stored as they are, drawn in a plane, and scored against the modes of a mixture."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common import plots, rng
from gan_jax.game import Game
from gan_jax.metrics.mode_coverage import SAMPLES, Modes
from gan_jax.modalities import points

STORAGE, DRAWING = points.MODALITY.storage, points.MODALITY.drawing
PLANE = np.random.RandomState(0).normal(size=(50, 2)).astype(np.float32)
SPACE = np.random.RandomState(1).normal(size=(50, 5)).astype(np.float32)


def test_outputs_are_stored_unchanged():
  np.testing.assert_array_equal(STORAGE.from_outputs(jnp.asarray(PLANE)), PLANE)
  np.testing.assert_array_equal(jax.jit(STORAGE.from_traced)(PLANE), PLANE)
  np.testing.assert_array_equal(jax.jit(STORAGE.to_inputs)(PLANE), PLANE)
  assert STORAGE.from_outputs(jnp.asarray(PLANE)).dtype == STORAGE.dtype == np.float32
  assert STORAGE.file is None


def test_given_numbers_are_stored_as_float32():
  stored = STORAGE.from_arrays(np.array([[1, 2]], np.uint8), 'real=a')
  assert stored.dtype == np.float32
  np.testing.assert_array_equal(stored, [[1, 2]])
  assert not STORAGE.accepts(np.array([[1, 2]]))


def test_samples_are_drawn_in_the_plane():
  np.testing.assert_array_equal(DRAWING.samples(PLANE), plots.scatter({'generated': PLANE}, PLANE))


def test_data_of_many_coordinates_are_projected_and_not_augmented():
  def augmented():
    raise AssertionError('points have no augmentations')

  shown = plots.plane(SPACE)(SPACE)
  drawn = DRAWING.data(SPACE, augmented)
  np.testing.assert_array_equal(drawn, plots.scatter({'real': shown}, shown, projected=True))


def game(critic=None):
  """Samples are 0.1 times normal numbers around the first weights."""
  normal = jax.vmap(lambda key: jax.random.normal(key, (2,)))
  return Game({}, (), None, lambda at, keys: at + 0.1 * normal(keys), critic=critic)


def test_training_draws_the_first_weights_over_the_critic():
  critic = lambda at, x: x.sum(axis=1)
  draw = DRAWING.training(game(critic), {'real': jnp.asarray(PLANE)}, None, 5)
  make, metrics = draw({'averaged': jnp.float32(1), 'raw': jnp.float32(2)}, 70)
  assert metrics == {}
  samples = np.asarray(jax.jit(game().sample)(jnp.float32(1), rng.sample_keys(5, 0, SAMPLES)))[:1000]
  heights = plots.lattice(PLANE).sum(axis=1)
  wanted = plots.scatter({'real': PLANE, 'generated': samples}, PLANE, heights, 'step 70')
  np.testing.assert_array_equal(make(), wanted)


def test_training_on_a_mixture_scores_samples_by_its_modes():
  modes = Modes(np.array([[1.0, 1.0], [-1.0, -1.0]], np.float32), std=1.0)
  _, metrics = DRAWING.training(game(), {'real': jnp.asarray(PLANE)}, modes, 5)(
    {'raw': jnp.float32(1)}, 0
  )
  # All samples lie near the first of two modes: KL([1, 0] || [1/2, 1/2]) = log 2.
  assert metrics == {
    'modes/captured': 1.0,
    'modes/high_quality': 1.0,
    'modes/reverse_kl': pytest.approx(np.log(2)),
  }


def test_training_of_a_conditional_game_scores_the_labels_of_its_samples():
  # Label k is at centers[k], except that label 2 is at the place of label 1.
  modes = Modes(np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]], np.float32), std=1.0)
  places = jnp.array([[0.0, 0.0], [9.0, 0.0], [9.0, 0.0]])
  conditional = game()._replace(
    sample=lambda variables, key, label=None: places[label],
    condition=lambda batch: batch['label'],
    classes=3,
  )
  _, metrics = DRAWING.training(conditional, {'real': jnp.asarray(PLANE)}, modes, 5)({'raw': 0.0}, 0)
  # The 2,500 samples are 834 of label 0, and 833 of each other label.
  assert metrics['modes/label_accuracy'] == pytest.approx(1_667 / 2_500)
  assert metrics['modes/captured'] == 2


def test_tile_is_the_picture_at_half_its_size():
  gray = np.full((480, 560, 3), 90, np.uint8)
  tile = DRAWING.tile(gray, lambda num: pytest.fail('a tile of points needs no samples'))
  np.testing.assert_array_equal(tile, np.full((240, 280, 3), 90))


def test_interpolations_are_paths_over_the_samples():
  arcs = np.linspace(PLANE[:3], PLANE[3:6], 200, axis=1)
  asked = []

  def along(columns):
    asked.append(columns)
    return arcs

  picture, text = points.MODALITY.inspection.interpolations(PLANE, along)
  assert asked == [200]
  assert text == 'Samples, and 3 paths along the arcs between the latents of two of them.'
  wanted = plots.scatter({'samples': PLANE, 'between': arcs.reshape(-1, 2)}, PLANE)
  np.testing.assert_array_equal(picture, wanted)


def test_points_made_of_other_points_get_those_of_the_batch_in_turn():
  """Sample i is the source i of three, which are the centers of the modes."""
  centers = np.array([[1, 0], [0, 1], [2, 2]], np.float32)
  batch = {'real': jnp.asarray(PLANE[:3]), 'source': jnp.asarray(centers)}
  translated = game()._replace(
    sample=lambda at, keys, given: given + at, condition=lambda batch: batch['source']
  )
  draw = DRAWING.training(translated, batch, Modes(centers, 0.1), 5)
  _, metrics = draw({'raw': jnp.float32(0)}, 70)
  assert metrics['modes/captured'] == 3
  assert metrics['modes/high_quality'] == 1
  assert 'modes/label_accuracy' not in metrics
