"""Predictions of a game for held-out examples: the counts, and the accuracy in the best matching."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common import hashing
from gan_jax.common.errors import ConfigError
from gan_jax.data import mnist5k, ring, swiss_roll
from gan_jax.data.pipeline.held_out import place_parts
from gan_jax.data.pipeline.placement import ImageSet
from gan_jax.evaluation import evaluator, predictions, reference_statistics, scores
from gan_jax.runtime import devices
from helpers.toy_games import scalars

RING = ring.load(seed=0, batch_size=8)
CENTERS = jnp.asarray(RING.modes.centers)
LABELS = np.arange(60, dtype=np.int32) % 3


def predicting(classify):
  return scalars(lambda *a: 0.0, lambda *a: 0.0)._replace(classify=classify)


def nearest_center(variables, points):
  """Logits of codes: code k stands for the center k + shift, and the last two codes are joined."""
  distances = jnp.linalg.norm(points[:, None] - jnp.roll(CENTERS, -variables['shift'], 0), axis=2)
  return -jnp.concatenate([distances[:, :6], distances[:, 6:].min(axis=1, keepdims=True)], axis=1)


def brightness(variables, images):
  """Logits [N, 3] of images that have 40, 120 or 200 in all of their pixels."""
  levels = jnp.array([40, 120, 200]) / 127.5 - 1
  return -jnp.abs(images.mean(axis=(1, 2, 3))[:, None] - levels)


def gray_images():
  """60 images whose gray level tells their label, except for the last of each class."""
  levels = np.array([40, 120, 200], np.uint8)[LABELS]
  levels[-3:] = np.roll(levels[-3:], 1)
  return np.broadcast_to(levels[:, None, None, None], (60, 4, 4, 1)).copy()


def confusion_of(classify, source, **variables):
  confusion = predictions.make_confusion(predicting(classify), source)
  return confusion(devices.replicate(variables))


def scored(classify, source, wanted, warn=pytest.fail, **variables):
  protocol = evaluator.protocol('coordinates', wanted, 20, 0)
  game = predicting(classify)._replace(
    sample=lambda variables, keys: CENTERS[jnp.arange(len(keys)) % 8]
  )
  evaluate = evaluator.create(protocol, 'ring', game, source, warn)
  return evaluate(devices.replicate(variables))


def test_counts_of_drawn_points_are_those_of_codes_and_modes(monkeypatch):
  monkeypatch.setattr(reference_statistics, 'NUM_STORED', 250)
  counts, split, _ = confusion_of(nearest_center, RING, shift=np.int32(3))
  assert split == 'held out'
  assert counts.shape == (7, 8)
  assert counts.sum() == 250
  # Code k stands for the mode k + 3, and code 6 for the modes 9 - 8 = 1 and 10 - 8 = 2.
  wanted = np.zeros((7, 8), bool)
  wanted[range(7), [3, 4, 5, 6, 7, 0, 1]] = wanted[6, 2] = True
  np.testing.assert_array_equal(counts > 0, wanted)


def test_counts_of_images_are_those_of_the_held_out_ones_alone():
  is_held_out = np.arange(60) >= 45
  whole = ImageSet(gray_images(), LABELS)
  source = place_parts(whole, is_held_out, 'none', seed=0, batch_size=4, placement='auto')
  counts, split, digest = confusion_of(brightness, source)
  assert (split, digest) == ('held out', hashing.of_array(gray_images()[45:]))
  np.testing.assert_array_equal(counts, [[4, 1, 0], [0, 4, 1], [1, 0, 4]])


def test_matching_accuracy_is_one_of_the_scores_that_the_evaluation_prints(monkeypatch):
  monkeypatch.setattr(reference_statistics, 'NUM_STORED', 250)
  values, card = scored(nearest_center, RING, ['matching_accuracy'], shift=np.int32(3))
  counts, split, digest = confusion_of(nearest_center, RING, shift=np.int32(3))
  # One of the two joined modes is lost.
  assert values == {'matching_accuracy': 1 - counts[6].min(where=counts[6] > 0, initial=250) / 250}
  about = {'tested_on': 250, 'split': split, 'digest': digest, 'predicted': 7, 'classes': 8}
  assert card['settings'] == {'matching_accuracy': about}
  assert scores.is_better('matching_accuracy', 0.9, than=0.8)


def test_other_games_and_data_have_no_counts():
  game = predicting(brightness)
  assert predictions.make_confusion(game._replace(classify=None), RING) is None
  assert predictions.make_confusion(game, RING._replace(held_out=None)) is None
  assert predictions.make_confusion(game, swiss_roll.load(seed=0, batch_size=8)) is None
  with pytest.raises(ConfigError, match='scores: matching_accuracy: it needs a game that predicts'):
    scored(None, RING, ['matching_accuracy'])
  values, _ = scored(None, RING, [], warn=lambda text: None)
  assert 'matching_accuracy' not in values


def test_data_that_holds_out_none_is_named_in_the_error():
  source = mnist5k.load(seed=0, batch_size=8)
  pair = scores.Comparison(
    *[None] * 2, 'toy', 0, None, confusion=lambda: confusion_of(brightness, source)
  )
  chosen = {'matching_accuracy': scores.SCORES['matching_accuracy']}
  with pytest.raises(ConfigError, match='scores: matching_accuracy: data.held_out=0: no digit is held'):
    evaluator.score_pair(chosen, pair, True, pytest.fail)
