"""Pictures of what labels and parts of the latents change."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from gan_jax.common import rng
from gan_jax.game import Traversal
from gan_jax.latents import normal
from gan_jax.visualization import interpolations, page, traversals
from helpers.toy_games import dirac

POINTS = np.array([[0.0, 0.0], [3.0, 3.0]], np.float32)


def labeled(classes):
  """Samples are latents plus 10 times the class weights on a line."""

  def generate(variables, latents, label=None):
    weights = label if jnp.ndim(label) == 2 else jnp.eye(classes)[label]
    return latents + 10 * (weights @ jnp.arange(classes, dtype=jnp.float32))[:, None]

  return dirac()._replace(latents=normal(2), generate=generate, classes=classes)


def coded(*parts):
  plain = lambda variables, latents, condition=None: latents
  return dirac()._replace(latents=normal(3), generate=plain, traversals=parts)


def test_labels_change_in_equal_steps_from_one_class_to_the_next():
  rows = np.asarray(traversals.between_classes(labeled(3), None, seed=4, columns=5))
  latents = np.asarray(normal(2)(rng.sample_keys(4, 0, 8)))
  assert rows.shape == (8, 5, 2)
  np.testing.assert_allclose(rows[0], latents[0] + np.linspace(0, 10, 5)[:, None], rtol=1e-5)
  np.testing.assert_allclose(rows[1], latents[1] + np.linspace(10, 20, 5)[:, None], rtol=1e-5)
  # The class after the last one is the first.
  np.testing.assert_allclose(rows[2], latents[2] + np.linspace(20, 0, 5)[:, None], rtol=1e-4)


@pytest.mark.parametrize('first', [1, -2])
def test_part_takes_each_value_and_the_other_latents_stay(first):
  values = np.array([[7.0, 8.0], [9.0, 6.0]], np.float32)
  rows = np.asarray(traversals.of_part(coded(), None, 4, Traversal('part', first, values)))
  latents = np.asarray(normal(3)(rng.sample_keys(4, 0, 8)))
  assert rows.shape == (8, 2, 3)
  np.testing.assert_allclose(rows[..., 0], np.repeat(latents[:, :1], 2, axis=1), rtol=1e-5)
  np.testing.assert_array_equal(rows[5, :, 1:], values)


def test_part_of_a_conditional_game_has_one_label_per_row():
  rows = np.asarray(traversals.of_part(labeled(3), None, 4, Traversal('part', 0, np.array([[7.0]]))))
  np.testing.assert_allclose(rows[:, 0, 0], 7 + 10 * (np.arange(8) % 3), rtol=1e-6)


def test_last_latent_alone_can_be_a_part():
  rows = traversals.of_part(coded(), None, 4, Traversal('part', -1, np.array([[5.0]])))
  np.testing.assert_array_equal(rows[..., 2], 5)


def test_interpolations_of_a_conditional_game_have_one_label_per_row():
  rows = np.asarray(interpolations.paths(labeled(3), None, 4, columns=4))
  plain = np.asarray(interpolations.paths(coded()._replace(latents=normal(2)), None, 4, columns=4))
  expected = 10 * np.arange(8)[:, None, None] % 30 * np.ones((8, 4, 2))
  np.testing.assert_allclose(rows - plain, expected, atol=1e-5)


def test_pictures_and_captions_are_saved_for_each_traversal(tmp_path):
  part = Traversal('code 0, continuous', 1, np.linspace(-1, 1, 3)[:, None])
  game = coded(part)._replace(classes=0, latents=normal(2))
  (caption,) = traversals.save(tmp_path, game, None, 0, POINTS)
  assert 'except for code 0, continuous, which has one value per column' in caption['text']
  assert Image.open(tmp_path / page.TRAVERSALS.format(0)).size[0] > 100
  assert len(traversals.save(tmp_path, labeled(2), None, 0, POINTS)) == 1
  assert traversals.save(tmp_path, dirac(), None, 0, POINTS) == []


def translated():
  """Samples are latents plus a condition of two parts."""

  def generate(variables, latents, condition):
    return latents + condition['a'] + condition['b']

  condition = lambda batch: batch['source']
  return dirac()._replace(latents=normal(2), generate=generate, condition=condition)


CONDITION = {'a': 10 * np.arange(20.0)[:, None], 'b': np.ones((20, 2))}


def test_rows_of_a_game_with_other_conditions_have_one_condition_each():
  plain = coded()._replace(latents=normal(2))
  expected = 1 + 10 * np.arange(8)[:, None, None]
  arcs = interpolations.paths(translated(), None, 4, columns=3, condition=CONDITION)
  without = interpolations.paths(plain, None, 4, columns=3)
  np.testing.assert_allclose(arcs - without, expected * np.ones((8, 3, 2)), atol=1e-4)
  part = Traversal('part', 1, np.array([[7.0], [8.0]], np.float32))
  rows = traversals.of_part(translated(), None, 4, part, CONDITION)
  without = traversals.of_part(plain, None, 4, part)
  np.testing.assert_allclose(rows - without, expected * np.ones((8, 2, 2)), atol=1e-4)
