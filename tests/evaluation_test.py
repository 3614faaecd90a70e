"""Scoring by a protocol: what is refused, what is left out, and what the card says."""

import jax
import jax.numpy as jnp
import pytest
from games import scalars

from gan_jax import build, evaluation, scores
from gan_jax import config as configs
from gan_jax.data import points
from gan_jax.errors import ConfigError, DivergedError

CONFIG = {'data': {'name': 'ring'}, 'seed': 0, 'batch_size': 8, 'placement': 'auto'}
SETTINGS = configs.default().evaluate.to_dict() | {'features': 'coordinates'}


DRAW = points.gaussians(build.source(CONFIG).modes.centers, 0.01)


def ring_samples(variables, keys):
  """Points as real as those of the data, or all at the origin if `spread` is 0."""
  return variables['spread'] * jax.vmap(DRAW)(keys)[0]


GAME = scalars(lambda *a: 0.0, lambda *a: 0.0)._replace(sample=ring_samples)


def evaluator(how, warn=pytest.fail, game=GAME):
  return evaluation.Evaluator(how, 'ring', game, build.source(CONFIG), warn)


def test_a_game_that_draws_the_data_has_the_best_scores_and_a_collapsed_one_the_worst():
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
  assert (card['data'], card['split']) == ('ring', 'drawn afresh')
  assert (card['real'], card['generated'], card['compared']) == (500, 500, 500)
  assert (card['features'], card['weights'], card['seed']) == ('coordinates', 'raw', 0)
  assert len(card['data_digest']) == len(card['features_digest']) == 64


def test_scores_that_cannot_be_had_are_told_of_and_an_error_if_they_were_asked_for():
  told = []
  found, _ = evaluator(evaluation.protocol('coordinates', [], 20, 0), told.append)(
    {'spread': jnp.float32(1)}
  )
  assert 'inception is left out: the network coordinates has no classes' in told
  assert not any('inception' in name for name in found)
  asked = evaluator(evaluation.protocol('coordinates', ['inception'], 20, 0))
  with pytest.raises(ConfigError, match='scores: inception: the network coordinates has no classes'):
    asked({'spread': jnp.float32(1)})


def test_the_frechet_distance_alone_keeps_no_sample():
  assert evaluation.protocol('coordinates', ['frechet_distance'], 20, 0).kept == 0
  assert evaluation.protocol('coordinates', ['frechet_distance', 'kernel_distance'], 20, 0).kept == 20


def test_samples_that_are_not_finite_are_a_run_that_diverged():
  evaluate = evaluator(evaluation.protocol('coordinates', ['frechet_distance'], 20, 0))
  with pytest.raises(DivergedError, match='NaN'):
    evaluate({'spread': jnp.float32(jnp.nan)})


def test_a_network_that_cannot_see_the_data_is_refused():
  network = evaluation.protocol('coordinates', [], 20, 0).network
  blind = network._replace(name='blind', apply=lambda params, x: network.apply(params, x[..., 0]))
  with pytest.raises(ConfigError, match=r"'blind' cannot look at examples of shape \(2,\)"):
    evaluator(evaluation.protocol('coordinates', [], 20, 0)._replace(network=blind))


@pytest.mark.parametrize(
  ('change', 'said'),
  [
    ({'features': 'digit'}, "no 'digit'; did you mean 'digits'"),
    ({'features': ''}, "no ''; .*coordinates"),
    ({'scores': ('fid',)}, "no 'fid'; .*frechet_distance"),
    ({'scores': ()}, 'scores is empty'),
    ({'num': 1}, 'num is 1'),
    ({'num': True}, 'num is True'),
    ({'seed': -1}, 'seed is -1'),
    ({'best': 'frechet_digits'}, "no 'frechet_digits'; did you mean 'frechet'"),
    ({'bests': ''}, "no argument 'bests'"),
  ],
)
def test_bad_settings_are_refused(change, said):
  with pytest.raises(ConfigError, match=said):
    evaluation.configured({**SETTINGS, **change})


def test_every_score_says_whether_higher_is_better():
  evaluate = evaluator(evaluation.protocol('coordinates', [], 100, 0), warn=lambda text: None)
  found, _ = evaluate({'spread': jnp.float32(1)})
  sides = {'kernel_error', 'copied_of_real', 'copied_z', 'support_at_least'}
  bases = {name.removesuffix('_coordinates') for name in found}
  assert bases - sides <= {*scores.HIGHER, *scores.LOWER}
  assert not set(scores.HIGHER) & set(scores.LOWER)
