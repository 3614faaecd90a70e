"""Scoring by a protocol: what is refused, what is left out, and what the card says."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common.errors import ConfigError, DivergedError
from gan_jax.config import build, schema
from gan_jax.config.run_config import parse
from gan_jax.data.pipeline import synthetic
from gan_jax.evaluation import evaluator as evaluation
from gan_jax.evaluation import scores
from gan_jax.evaluation.feature_extraction import FeatureStatistics
from gan_jax.metrics import frechet
from helpers.toy_games import scalars

CONFIG = schema.plain(schema.default()) | {'data': {'name': 'ring'}, 'batch_size': 8}
SETTINGS = schema.default().evaluate.to_dict() | {'features': 'coordinates'}


DRAW = synthetic.gaussians(build.make_source(parse(CONFIG).data).modes.centers, 0.01)


def ring_samples(variables, keys):
  """Points as real as those of the data, or all at the origin if `spread` is 0."""
  return variables['spread'] * jax.vmap(DRAW)(keys)[0]


GAME = scalars(lambda *a: 0.0, lambda *a: 0.0)._replace(sample=ring_samples)


def evaluator(how, warn=pytest.fail, game=GAME):
  return evaluation.create(how, 'ring', game, build.make_source(parse(CONFIG).data), warn)


def test_scores_of_true_samples_are_best_and_of_collapsed_worst():
  evaluate = evaluator(evaluation.protocol('coordinates', [], 500, 0), warn=lambda text: None)
  good, card = evaluate({'spread': jnp.float32(1)}, step=7, weights='raw')
  bad, _ = evaluate({'spread': jnp.float32(0)}, step=7, weights='raw')
  for name in ('frechet_coordinates', 'kernel_coordinates', 'modes/reverse_kl'):
    assert good[name] < 0.1 * bad[name]
    assert scores.is_better(name, good[name], bad[name])
  for name in ('precision', 'recall', 'density', 'coverage'):
    assert good[f'{name}_coordinates'] > 0.8
    assert bad[f'{name}_coordinates'] < 0.1
    assert scores.is_better(f'{name}_coordinates', 0.9, 0.8)
  assert good['modes/captured'] == 8
  assert bad['modes/captured'] == 0
  assert card['step'] == 7
  assert (card['data'], card['split']) == ('ring', 'newly drawn')
  assert (card['real'], card['generated'], card['compared']) == (500, 500, 500)
  assert (card['features'], card['weights'], card['seed']) == ('coordinates', 'raw', 0)
  assert len(card['data_digest']) == len(card['features_digest']) == 64


def test_undefined_scores_are_reported_and_rejected_if_requested():
  told = []
  found, _ = evaluator(evaluation.protocol('coordinates', [], 20, 0), told.append)(
    {'spread': jnp.float32(1)}
  )
  assert 'inception is left out: the network coordinates has no classes' in told
  assert not any('inception' in name for name in found)
  asked = evaluator(evaluation.protocol('coordinates', ['inception'], 20, 0))
  with pytest.raises(ConfigError, match='scores: inception: the network coordinates has no classes'):
    asked({'spread': jnp.float32(1)})


def test_card_lists_the_settings_of_each_score():
  names = ['frechet_distance', 'precision_recall', 'density_coverage', 'modes']
  evaluate = evaluator(evaluation.protocol('coordinates', [*names, 'sliced_wasserstein'], 50, 0))
  _, card = evaluate({'spread': jnp.float32(1)})
  assert card['settings'] == {
    'frechet_distance': {'dimensions': 2, 'singular': False},
    'precision_recall': {'k': 3},
    'density_coverage': {'k': 5},
    'sliced_wasserstein': {'directions': 512},
  }
  assert 'remarks' not in card
  assert json.loads(json.dumps(card)) == card


def test_subsets_that_cannot_differ_have_no_error_bar_and_one_warning():
  told = []
  how = evaluation.protocol('coordinates', ['kernel_distance'], 876, 0)
  evaluate = evaluator(how, told.append)
  for spread in (1, 0):
    found, card = evaluate({'spread': jnp.float32(spread)})
    assert found['kernel_error_coordinates'] is None
    assert card['settings'] == {'kernel_distance': {'subsets': 1, 'subset_size': 876}}
    assert list(card['remarks']) == ['kernel_error_coordinates']
  (warning,) = told
  assert warning.startswith('kernel_error_coordinates: each subset holds all 876 samples and all real')


def test_subsets_of_all_samples_warn_that_the_error_covers_real_only():
  real, fake = (np.random.RandomState(seed).randn(count, 2) for seed, count in ((0, 60), (1, 20)))
  seen = [FeatureStatistics(frechet.moments(x), x, x[:, :0], x) for x in (real, fake)]
  scored = scores.kernel_distance(scores.Comparison(*seen, 'coordinates', 0, None))
  assert scored.settings == {'subsets': 100, 'subset_size': 20}
  assert scored.values['kernel_error_coordinates'] > 0
  assert scored.remarks == {
    'kernel_error_coordinates': 'each subset holds all 20 samples, so the error measures only how the '
    'other set is drawn; score more samples'
  }


def test_frechet_distance_of_too_few_samples_warns_once_and_marks_card():
  told, how = [], evaluation.protocol('coordinates', ['frechet_distance'], 2, 0)
  evaluate = evaluator(how, told.append)
  for spread in (1, 0):
    _, card = evaluate({'spread': jnp.float32(spread)})
    assert card['settings'] == {'frechet_distance': {'dimensions': 2, 'singular': True}}
    assert 'does not compare with others' in card['remarks']['frechet_coordinates']
  (warning,) = told
  assert warning.startswith('frechet_coordinates: 2 samples and 2 real examples are too few for 2 feat')
  assert warning.endswith('score at least 3 of each')


def test_frechet_distance_alone_stores_no_sample():
  assert evaluation.protocol('coordinates', ['frechet_distance'], 20, 0).stored == 0
  assert evaluation.protocol('coordinates', ['frechet_distance', 'kernel_distance'], 20, 0).stored == 20


def test_nonfinite_samples_raise_diverged():
  evaluate = evaluator(evaluation.protocol('coordinates', ['frechet_distance'], 20, 0))
  with pytest.raises(DivergedError, match='NaN'):
    evaluate({'spread': jnp.float32(jnp.nan)})


def test_feature_network_incompatible_with_the_data_is_rejected():
  network = evaluation.protocol('coordinates', [], 20, 0).network
  blind = network._replace(name='blind', apply=lambda params, x: network.apply(params, x[..., 0]))
  with pytest.raises(
    ConfigError, match=r'features=blind: the network does not accept examples of shape \(2,\)'
  ):
    evaluator(evaluation.protocol('coordinates', [], 20, 0)._replace(network=blind))


@pytest.mark.parametrize(
  ('change', 'said'),
  [
    ({'features': 'digit'}, r'evaluate\.features=digit: no such .*; use digits$'),
    ({'features': ''}, r'evaluate\.features=: no such feature network \(coordinates, .*; use one of'),
    ({'features': 'Inception-v3'}, r'evaluate\.features=Inception-v3: no such .*; use inception$'),
    ({'scores': ('fid',)}, r'evaluate\.scores=fid: no such score \(classif.*; use frechet_distance;'),
    ({'scores': ()}, r'scores=\(\): empty'),
    ({'num': 1}, 'evaluate.num=1: out of range'),
    ({'num': True}, 'evaluate.num=True: out of range'),
    ({'seed': -1}, 'evaluate.seed=-1: out of range'),
    ({'best': 'frechet_digits'}, 'evaluate.best=frechet_digits: no such .*; use frechet_coordinates'),
    ({'best': 'fid'}, r'evaluate\.best=fid: no such value \(classif.*; use frechet_coordinates;'),
    ({'best': 'kernel_distance'}, r'evaluate\.best=.*; use kernel_coordinates$'),
    ({'best': 'modes/captures'}, r'evaluate\.best=.*; use modes/captured$'),
    ({'bests': ''}, "unexpected argument 'bests'"),
  ],
)
def test_invalid_settings_are_rejected(change, said):
  with pytest.raises(ConfigError, match=said):
    evaluation.configured({**SETTINGS, **change})


def test_every_score_states_whether_higher_is_better():
  evaluate = evaluator(evaluation.protocol('coordinates', [], 100, 0), warn=lambda text: None)
  found, _ = evaluate({'spread': jnp.float32(1)})
  sides = {'kernel_error', 'copied_of_real', 'copied_z', 'support_at_least'}
  bases = {name.removesuffix('_coordinates') for name in found}
  assert bases - sides <= {*scores.higher_is_better()}
