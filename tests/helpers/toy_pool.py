"""A conditional game with schedules and a pool of recorded fakes, and its experiment.

python -m gan_jax train --extend=helpers.toy_pool --config=tests/helpers/toy_pool.py
"""

import jax
import jax.numpy as jnp

from gan_jax.api.configs import load_config
from gan_jax.game import Aux, apply
from gan_jax.gans import conditional
from helpers.schedule_specs import linear

POOL = 32


def make(networks, *, prior, classes: int, loss, weight: float):
  """The conditional GAN whose discriminator also learns from a pool of older fakes.

  The generator records a batch of fakes and their labels. Half of them replace random examples of the
  pool, as in the image pool of Shrivastava et al. 2017, section 2.3.
  """
  game = conditional.make(networks, prior=prior, classes=classes, loss=loss)
  discriminator, generator = game.players

  def discriminator_loss(variables, inputs):
    value, aux = discriminator.loss(variables, inputs)
    logits, _ = apply(game.networks, variables, 'discriminator', inputs.memory, train=False)
    pool_loss = jax.nn.softplus(logits).mean()
    return value + weight * pool_loss, Aux(aux.variables, {**aux.metrics, 'pool_loss': pool_loss})

  def generator_loss(variables, inputs):
    value, aux = generator.loss(variables, inputs)
    label = inputs.batch['label']
    fake = game.sample(variables, inputs.key, label)
    return value, Aux(aux.variables, aux.metrics, {'examples': fake, 'label': label})

  def init_memory(key, batch):
    return {
      name: jnp.zeros((POOL, *batch[field].shape[1:]), batch[field].dtype) for name, field in _FIELDS
    }

  def update_memory(memory, variables, metrics, record):
    key = jax.random.fold_in(jax.random.key(7), metrics['step'])
    rows = jax.random.permutation(key, POOL)[: len(record['generator/label']) // 2]
    new = lambda name: record[f'generator/{name}'][: len(rows)]
    return {name: memory[name].at[rows].set(new(name)) for name, _ in _FIELDS}

  players = (
    discriminator._replace(loss=discriminator_loss),
    generator._replace(loss=generator_loss),
  )
  return game._replace(players=players, init_memory=init_memory, update_memory=update_memory)


_FIELDS = (('examples', 'real'), ('label', 'label'))
"""Arrays of the pool, and the fields of a batch that they resemble."""

GAMES = {'toy_pool': make}


def get_config(preset=''):
  """Returns a config with labels, the pool, and schedules in the game, its players and the average."""
  config = load_config('gan:test')
  config.gan = {
    'name': 'toy_pool',
    'prior': {'name': 'normal', 'size': 4},
    'classes': 10,
    'loss': {'name': 'non_saturating', 'real_label': linear(1.0, 0.75, 50)},
    'weight': linear(0.5, 1.5, 50),
  }
  cosine = {'schedule': 'cosine_decay_schedule', 'init_value': 2e-3, 'decay_steps': 50}
  config.players = {
    'discriminator': {
      'optimizer': 'adam',
      'learning_rate': 2e-4,
      'b1': 0.5,
      'b2': linear(0.9, 0.99, 50),
    },
    'generator': {'optimizer': 'adam', 'learning_rate': cosine, 'b1': 0.5},
  }
  config.ema = {'generator': linear(0.5, 0.9, 50)}
  return config
