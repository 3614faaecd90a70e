"""Scores of conditional games: samples get the conditions of the data."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.config import build, schema
from gan_jax.config.run_config import parse
from gan_jax.evaluation import evaluator as evaluation
from helpers.toy_games import scalars

CONFIG = parse(schema.plain(schema.default()) | {'data': {'name': 'ring'}, 'batch_size': 8})
SOURCE = build.make_source(CONFIG.data)
CENTERS = jnp.asarray(SOURCE.modes.centers)
PROTOCOL = evaluation.protocol('coordinates', [], 400, 3)


def game():
  """Sample i is at the center of its label, shifted by the variables; without labels at the origin."""

  def sample(variables, keys, label=None):
    if label is None:
      return jnp.zeros((len(keys), 2))
    return CENTERS[(label + variables['shift']) % 8]

  condition = lambda batch: batch['label']
  return scalars(lambda *a: 0.0, lambda *a: 0.0)._replace(sample=sample, condition=condition, classes=8)


def scored(shift, conditions):
  evaluate = evaluation.create(PROTOCOL, 'ring', game(), SOURCE, lambda text: None, conditions)
  return evaluate({'shift': np.int32(shift)}, step=1, weights='raw')


def test_samples_have_the_labels_of_the_data():
  values, card = scored(0, build.make_conditions(CONFIG.data, game(), seed=3))
  assert card['conditions'] == 'of the data'
  assert values['modes/label_accuracy'] == 1
  assert values['modes/captured'] == 8
  assert values['intra_frechet_coordinates'] < 1e-3
  # Each of 8 labels has 50 of 400 samples on average, with a standard deviation of 6.6.
  assert values['modes/reverse_kl'] < 0.05


def test_scores_per_class_notice_exchanged_labels_and_other_scores_do_not():
  conditions = build.make_conditions(CONFIG.data, game(), seed=3)
  right, _ = scored(0, conditions)
  wrong, _ = scored(1, conditions)
  assert wrong['modes/label_accuracy'] == 0
  # Neighboring centers are 2 sin(pi / 8) apart.
  distance = 4 * np.sin(np.pi / 8) ** 2
  assert wrong['intra_frechet_coordinates'] == pytest.approx(distance, rel=0.01)
  assert wrong['frechet_coordinates'] < 0.02
  assert right['frechet_coordinates'] < 0.02


def test_game_draws_labels_where_the_data_gives_none():
  values, card = scored(0, None)
  assert card['conditions'] == 'drawn'
  assert 'modes/label_accuracy' not in values
  assert values['modes/captured'] == 0


def test_card_of_a_game_without_conditions_does_not_mention_them():
  plain = game()._replace(condition=None, classes=0)
  evaluate = evaluation.create(PROTOCOL, 'ring', plain, SOURCE, lambda text: None)
  assert 'conditions' not in evaluate({'shift': np.int32(0)}, step=1, weights='raw')[1]
