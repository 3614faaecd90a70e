"""Conditions of evaluated samples, and the check that a game and its data have the same labels."""

import jax.numpy as jnp
import numpy as np
import pytest

import gan_jax
from gan_jax.common.errors import ConfigError
from gan_jax.config import build, schema
from gan_jax.config.run_config import DataConfig, parse
from gan_jax.data import mnist5k
from gan_jax.run import setup
from helpers.experiments import ROOT, experiment
from helpers.toy_games import dirac

DIGITS = DataConfig({'name': 'mnist5k'}, seed=3, batch_size=16, placement='resident')
RING = DataConfig({'name': 'ring', 'modes': 4}, seed=3, batch_size=16, placement='auto')


def labeled():
  return dirac()._replace(condition=lambda batch: batch['label'], classes=10)


def test_conditions_of_an_epoch_are_the_labels_of_the_dataset():
  # 312 batches of 16 make up an epoch of 5,000; 8 images remain.
  conditions = build.make_conditions(DIGITS, labeled(), seed=0)
  drawn = np.bincount(conditions(0, 4_992), minlength=10)
  missing = np.bincount(mnist5k.digits()[1], minlength=10) - drawn
  assert missing.sum() == 8
  assert (missing >= 0).all()


@pytest.mark.parametrize('config', [DIGITS, RING], ids=['images', 'points'])
def test_conditions_do_not_depend_on_how_they_are_read(config):
  conditions = build.make_conditions(config, labeled(), seed=0)
  whole = conditions(0, 100)
  np.testing.assert_array_equal(conditions(37, 20), whole[37:57])
  assert len(set(whole.tolist())) > 3
  again = build.make_conditions(config, labeled(), seed=0)
  np.testing.assert_array_equal(again(5, 3), whole[5:8])
  assert (build.make_conditions(config, labeled(), seed=1)(0, 100) != whole).any()


def test_conditions_do_not_depend_on_the_seed_of_the_run():
  other = DataConfig(DIGITS.spec, seed=4, batch_size=16, placement='stream')
  first, second = (build.make_conditions(c, labeled(), seed=0)(0, 50) for c in (DIGITS, other))
  np.testing.assert_array_equal(first, second)


def test_condition_can_be_a_tree_of_images_and_labels():
  game = dirac()._replace(
    condition=lambda batch: {'small': batch['real'][:, ::4, ::4], 'label': batch['label']}
  )
  given = build.make_conditions(DIGITS, game, seed=0)(3, 40)
  assert given['small'].shape == (40, 7, 7, 1)
  assert given['label'].shape == (40,)


def test_game_without_conditions_has_none():
  assert build.make_conditions(DIGITS, dirac(), seed=0) is None


@pytest.mark.parametrize(
  ('data', 'message'),
  [
    ({'name': 'swiss_roll'}, 'gan.classes=8: the data has no labels'),
    ({'name': 'ring', 'modes': 5}, 'gan.classes=8: the data has 5 labels .*; set gan.classes to 5'),
  ],
)
def test_game_with_other_labels_than_the_data_is_rejected(data, message):
  plain = experiment(ROOT / 'experiments' / 'conditional.py', 'ring-test')
  plain['data'] = data
  with pytest.raises(ConfigError, match=message):
    setup.assemble_run(parse(plain))


def test_labels_of_mixtures_are_counted():
  assert jnp.shape(build.make_batch(build.make_source(RING), 16)['label']) == (16,)
  build.check_labels(dirac()._replace(classes=4), build.make_source(RING))


def test_labels_that_a_game_could_use_and_does_not_are_warned_of(capsys):
  config = gan_jax.load_config('projection:ring-test')
  config.gan = {
    'name': 'two_player',
    'loss': {'name': 'hinge'},
    'prior': config.gan.prior,
    'classes': 0,
  }
  for network in config.networks.values():
    network.classes = 0
  setup.assemble_run(parse(schema.plain(config)))
  warning = 'warning: gan.classes=0: the 8 labels of the data are not used; set gan.classes=8 to'
  assert warning in capsys.readouterr().err
