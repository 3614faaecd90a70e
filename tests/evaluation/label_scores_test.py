"""Scores of labeled samples: what they compare, what is left out without labels, and their cards."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common import rng
from gan_jax.common.errors import ConfigError
from gan_jax.data import ring
from gan_jax.data.pipeline.placement import ImageSet, place
from gan_jax.evaluation import evaluator, feature_extraction, reference_statistics, scores
from gan_jax.evaluation.feature_extraction import FeatureStatistics
from gan_jax.metrics import frechet, per_class
from gan_jax.metrics.features import Outputs, coordinates
from helpers.toy_features import NETWORK, pictures
from helpers.toy_games import scalars

LABELED = ['classification_accuracy', 'intra_frechet', 'label_accuracy']


def statistics(count, labels=None, seed=0, classes=3):
  """Points around (6, 0), (0, 6) and (-6, -6) by class; the logits are least distances from them."""
  random = np.random.RandomState(seed)
  centers = np.array([[6.0, 0], [0, 6], [-6, -6]])
  kinds = np.arange(count) % len(centers) if labels is None else labels
  points = centers[kinds] + random.randn(count, 2)
  logits = -np.linalg.norm(points[:, None] - centers, axis=2)[:, :classes]
  return FeatureStatistics(frechet.moments(points), points, logits, points, kinds.astype(np.int32))


def comparison(real, fake):
  return scores.Comparison(real, fake, 'toy', 0, frechet.prepare(real.moments))


def scored(pair, names, strict=True, warn=pytest.fail):
  return evaluator.score_pair({name: scores.SCORES[name] for name in names}, pair, strict, warn)


def test_intra_frechet_prints_the_mean_and_each_class():
  real, fake = statistics(60), statistics(30, seed=1)
  values, card = scored(comparison(real, fake), ['intra_frechet'])
  wanted = per_class.intra_frechet(real.features, real.labels, fake.features, fake.labels)
  assert values == {
    'intra_frechet_toy': wanted.mean,
    'intra_frechet/0_toy': wanted.distances[0],
    'intra_frechet/1_toy': wanted.distances[1],
    'intra_frechet/2_toy': wanted.distances[2],
  }
  assert card == {'settings': {'intra_frechet': {'classes': 3, 'dimensions': 2, 'singular_classes': 0}}}
  assert not scores.is_higher_better('intra_frechet/0_toy')
  assert json.loads(json.dumps([values, card])) == [values, card]


def test_intra_frechet_of_a_rare_class_has_a_remark():
  labels = np.array([0, 1, 2, 0, 1, 2, 0, 1, 0, 1])
  values, card = scored(comparison(statistics(60), statistics(10, labels, seed=1)), ['intra_frechet'])
  assert card['settings']['intra_frechet']['singular_classes'] == 1
  assert list(card['remarks']) == ['intra_frechet_toy']
  assert card['remarks']['intra_frechet_toy'] == (
    '2 samples and 20 real examples of class 2 are too few for 2 features. A covariance is singular, '
    'and the value does not compare with others; score at least 3 of each class'
  )
  assert np.isfinite(list(values.values())).all()


def test_label_accuracy_is_of_samples_and_beside_it_of_real_examples():
  real, fake = statistics(60), statistics(40, seed=1)
  # A quarter of the samples are of another class than their label.
  wrong = fake.labels.copy()
  wrong[:10] = (wrong[:10] + 1) % 3
  values, card = scored(comparison(real, fake._replace(labels=wrong)), ['label_accuracy'])
  assert values == {'label_accuracy_toy': 0.75, 'label_accuracy_of_real_toy': 1.0}
  assert card['settings'] == {'label_accuracy': {'classes': 3}}
  assert scores.is_better('label_accuracy_toy', 0.9, than=0.8)


@pytest.mark.parametrize(
  ('classes', 'said'),
  [
    (0, 'scores: label_accuracy: the network toy has no classes'),
    (2, 'scores: label_accuracy: the network toy has 2 classes, and the data has 3'),
  ],
)
def test_label_accuracy_needs_a_network_with_as_many_classes_as_the_data(classes, said):
  pair = comparison(statistics(60, classes=classes), statistics(30, classes=classes))
  with pytest.raises(ConfigError, match=said):
    scored(pair, ['label_accuracy'])
  told = []
  values, _ = scored(pair, LABELED, strict=False, warn=told.append)
  assert told == [said.replace('scores: label_accuracy:', 'label_accuracy is left out:')]
  assert {'classification_accuracy_toy', 'intra_frechet_toy'} < values.keys()


def test_classification_accuracy_compares_classifiers_of_equal_numbers_on_one_half():
  real, fake = statistics(61), statistics(90, seed=1)
  values, card = scored(comparison(real, fake), ['classification_accuracy'])
  assert card['settings'] == {
    'classification_accuracy': {'trained_on': 30, 'tested_on': 31, 'l2': 1e-2}
  }
  test = real.features[30:], real.labels[30:]
  by = lambda of: per_class.classification_accuracy(of.features[:30], of.labels[:30], *test)
  assert values == {
    'classification_accuracy_toy': by(fake),
    'classification_accuracy_of_real_toy': by(real),
  }
  # Classes lie 8 to 14 standard deviations apart.
  assert set(values.values()) == {1.0}
  exchanged = fake._replace(labels=(fake.labels + 1) % 3)
  values, _ = scored(comparison(real, exchanged), ['classification_accuracy'])
  assert values == {'classification_accuracy_toy': 0.0, 'classification_accuracy_of_real_toy': 1.0}
  few, card = scored(comparison(real, fake.first(12)), ['classification_accuracy'])
  assert card['settings']['classification_accuracy']['trained_on'] == 12
  assert few['classification_accuracy_of_real_toy'] == 1.0


@pytest.mark.parametrize('name', LABELED)
def test_scores_of_unlabeled_sets_are_rejected_if_they_are_named(name):
  real, fake = statistics(60), statistics(30)
  for pair, missing in (
    (comparison(real, fake._replace(labels=None)), 'the samples have no labels'),
    (comparison(real._replace(labels=None), fake), 'the real examples have no labels'),
  ):
    with pytest.raises(scores.NotApplicableError, match=missing):
      scores.SCORES[name].function(pair)
    with pytest.raises(ConfigError, match=f'scores: {name}: {missing}'):
      scored(pair, [name])


def test_scores_that_need_labels_are_left_out_silently_among_all_scores():
  needing = [name for name, score in scores.SCORES.items() if score.needs_labels]
  assert sorted(needing) == LABELED
  pair = comparison(statistics(60), statistics(30)._replace(labels=None))
  values, card = scored(pair, [*needing, 'frechet_distance'], strict=False)
  assert list(values) == ['frechet_toy']
  assert list(card['settings']) == ['frechet_distance']


def test_labels_follow_the_stored_examples():
  found = statistics(9).with_labels(np.arange(20))
  np.testing.assert_array_equal(found.labels, np.arange(9))
  assert found.labels.dtype == np.int32
  np.testing.assert_array_equal(found.first(4).labels, np.arange(4))
  assert statistics(9)._replace(labels=None).first(4).labels is None
  for labels in (np.arange(8), np.zeros(9), np.zeros((9, 3), int)):
    with pytest.raises(AssertionError):
      statistics(9).with_labels(labels)


def test_real_labels_are_those_of_the_examples_in_their_order(tmp_path, monkeypatch):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  images = pictures(40)
  labels = images[:, 0, 0, 0].astype(np.int32) % 7
  source = place(ImageSet(images, labels), seed=0, batch_size=8)
  monkeypatch.setattr(reference_statistics, 'NUM_STORED', 30)
  # The second time, features come from the cache, which has no labels.
  for _ in range(2):
    found = reference_statistics.real_statistics(source, NETWORK, 10, pytest.fail).statistics
    assert found.labels.shape == (30,)
    np.testing.assert_array_equal(found.labels, found.images[:, 0, 0, 0] % 7)
  (path,) = tmp_path.rglob('*.npz')
  assert 'labels' not in np.load(path)


def test_labels_of_real_points_that_are_drawn_again_are_their_modes():
  source = ring.load(seed=0, batch_size=8)
  found = reference_statistics.real_statistics(source, coordinates.load(), 50, pytest.fail).statistics
  nearest = np.linalg.norm(found.images[:, None] - source.modes.centers, axis=2).argmin(axis=1)
  np.testing.assert_array_equal(found.labels, nearest)


def test_samples_of_given_labels_are_scored_by_them():
  # A game whose sample i is near the center of the class that key i draws.
  centers = jnp.array([[6.0, 0], [0, 6], [-6, -6]])

  def sample(variables, keys):
    kinds = jax.vmap(lambda key: jax.random.randint(key, (), 0, 3))(keys)
    return centers[kinds] + variables['spread'] * jax.vmap(lambda k: jax.random.normal(k, (2,)))(keys)

  game = scalars(lambda *a: 0.0, lambda *a: 0.0)._replace(sample=sample)
  network = NETWORK._replace(apply=lambda params, x: Outputs(x, x @ centers.T))
  labels = jax.vmap(lambda key: jax.random.randint(key, (), 0, 3))(rng.sample_keys(0, 0, 60))
  extractor = feature_extraction.FeatureExtractor(
    network, feature_extraction.generated(game, seed=0), num_stored=50, width=2
  )
  fake = extractor({'spread': np.float32(0.5)}, 60, labels)
  assert fake.labels.shape == (50,)
  values, _ = scored(comparison(statistics(60), fake), LABELED)
  assert values['label_accuracy_toy'] == values['classification_accuracy_toy'] == 1.0
  assert values['intra_frechet_toy'] < 1.5
  assert extractor({'spread': np.float32(0.5)}, 60).labels is None
