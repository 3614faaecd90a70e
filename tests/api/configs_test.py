"""Configs by the names of experiments."""

import pytest

import gan_jax
from gan_jax.common.errors import ConfigError


def test_load_config_adds_a_key_inside_another_one():
  config = gan_jax.load_config('gan:ring-test', **{'players.generator.frozen': ['Dense_0']})
  assert config.players.generator.frozen == ['Dense_0']


def test_load_config_replaces_a_mapping_as_a_whole():
  config = gan_jax.load_config('gan:ring-test', players={'generator': {'optimizer': 'sgd'}})
  assert config.players.to_dict() == {'generator': {'optimizer': 'sgd'}}


@pytest.mark.parametrize(
  ('path', 'message'),
  [
    ('stepz', "stepz: unknown key 'stepz' .*; did you mean 'steps'"),
    ('playres.generator.b1', "playres.generator.b1: unknown key 'playres' .*; did you mean 'players'"),
    ('steps.many', "steps.many: unknown key 'many' .keys: none.; check the path"),
  ],
)
def test_load_config_with_an_unknown_key_is_refused(path, message):
  with pytest.raises(ConfigError, match=message):
    gan_jax.load_config('gan:ring-test', **{path: 1})


def test_train_with_an_added_key_that_nothing_accepts_suggests_a_known_one(tmp_path):
  config = gan_jax.load_config('gan:ring-test', **{'players.generator.learning_rat': 1e-3})
  message = "players.generator: optimizer: unexpected argument 'learning_rat' .*; did you mean 'learn"
  with pytest.raises(ConfigError, match=message):
    gan_jax.train(config, tmp_path / 'run')
