"""`check_game` accepts a game that keeps the contract, and names the rule that another one breaks."""

import jax.numpy as jnp
import pytest

from gan_jax import gans, testing
from gan_jax.api import extension
from gan_jax.common import extensions, lookup
from gan_jax.game import Aux
from gan_jax.gans import two_player
from helpers.experiments import ROOT, experiment


def test_check_game_accepts_the_game_of_the_example(monkeypatch):
  monkeypatch.syspath_prepend(ROOT / 'examples')
  with extensions.restored():
    extension.extend('my_gan')
    config = experiment(ROOT / 'examples' / 'arcs.py', 'd2gan-test')
    assert config['gan']['name'] in lookup.modules(gans, 'make')
    testing.check_game(config)


def subject(change):
  """A subject whose game is a changed two-player game."""

  def make(networks, *, prior, loss):
    return change(two_player.make(networks, prior=prior, loss=loss))

  config = experiment(ROOT / 'experiments' / 'gan.py', 'ring-test')
  config['gan'] = {'name': 'changed', 'prior': config['gan']['prior'], 'loss': {'name': 'hinge'}}
  with extensions.restored():
    extension.extend(games={'changed': make})
    return testing.Subject(config)


def with_loss(change):
  """Changes the loss of the generator."""

  def changed(game):
    discriminator, generator = game.players
    loss = lambda variables, inputs: change(variables, inputs, *generator.loss(variables, inputs))
    return game._replace(players=(discriminator, generator._replace(loss=loss)))

  return changed


def test_check_samples_of_a_batch_that_is_centered_names_the_key():
  def centered(game):
    def sample(variables, key):
      samples = game.sample(variables, key)
      return samples - samples.mean(axis=0)

    return game._replace(sample=sample)

  with pytest.raises(AssertionError, match='a sample depends on more than its own key'):
    testing.check_samples(subject(centered))


def test_check_steps_of_a_player_without_influence_names_it():
  idle = with_loss(lambda variables, inputs, value, aux: (0.0 * value, aux))
  with pytest.raises(AssertionError, match='player generator has a gradient of 0'):
    testing.check_steps(subject(idle), calls=1)


@pytest.mark.slow
def test_check_steps_of_a_metric_that_is_not_finite_names_it():
  def infinite(variables, inputs, value, aux):
    return value, Aux(aux.variables, {'ratio': 1 / jnp.zeros(())})

  with pytest.raises(AssertionError, match='the metric generator/ratio is not finite'):
    testing.check_steps(subject(with_loss(infinite)), calls=1)


def test_check_devices_of_a_loss_that_compares_a_shard_names_the_metric():
  def largest(variables, inputs, value, aux):
    return value, Aux(aux.variables, {'largest': inputs.batch['real'].max()})

  with pytest.raises(AssertionError, match='generator/largest differs between 1 and 2 .*gather'):
    testing.check_devices(subject(with_loss(largest)), 2)


def test_check_players_of_an_unknown_network_names_it():
  game = subject(lambda game: game).built.game
  first, second = game.players
  unknown = game._replace(players=(first, second._replace(trains=('encoder',))))
  with pytest.raises(AssertionError, match='player generator trains encoder, which the game lacks'):
    testing.check_players(unknown)
  with pytest.raises(AssertionError, match='two players have the same name: generator, generator'):
    testing.check_players(game._replace(players=(second, second)))


def test_check_config_of_a_value_that_is_not_json_names_it():
  with pytest.raises(AssertionError, match='the config is not JSON'):
    testing.check_config({'gan': {'loss': object}})
