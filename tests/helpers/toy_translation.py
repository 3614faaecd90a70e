"""A game conditioned on images, tiny pairs on disk, and a config: digits from their negatives."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from ml_collections import ConfigDict
from PIL import Image

import gan_jax
from gan_jax import latents, losses
from gan_jax.common import rng
from gan_jax.data import mnist5k
from gan_jax.game import Aux, Game, Player, apply, init_networks
from helpers import toy_features

SIZE, PAIRS, LATENTS = 8, 40, 2


class Translator(nn.Module):
  """{'source': images, 'latents'} -> images: each pixel alone, and a shift by the latents."""

  @nn.compact
  def __call__(self, inputs, *, train, key=None):
    shift = nn.Dense(1, kernel_init=nn.initializers.normal(0.5))(inputs['latents'])
    return jnp.tanh(nn.Conv(1, (1, 1))(inputs['source']) + shift[:, None, None])


class PairCritic(nn.Module):
  """{'source': images, 'examples': images} -> logits [B]."""

  @nn.compact
  def __call__(self, inputs, *, train, key=None):
    joined = jnp.concatenate([inputs['source'], inputs['examples']], axis=-1)
    return nn.Dense(1)(joined.reshape(len(joined), -1))[:, 0]


def make(networks, *, weight: float = 10.0) -> Game:
  """The game of pix2pix (Isola et al. 2017, equation 4), with the L1 distance times `weight`."""
  prior, adversarial = latents.normal(LATENTS), losses.non_saturating()

  def generate(variables, latent, condition=None):
    inputs = {'source': condition, 'latents': latent}
    return apply(networks, variables, 'generator', inputs, train=False)[0]

  def sample(variables, keys, condition=None):
    return generate(variables, prior(keys), condition)

  def init(key, batch):
    latent = prior(rng.example_keys(key, jnp.arange(len(batch['real']))))
    source = {'source': batch['source']}
    inputs = {
      'generator': {**source, 'latents': latent},
      'discriminator': {**source, 'examples': batch['real']},
    }
    return init_networks(networks, key, inputs)

  def logits(variables, inputs):
    source = inputs.batch['source']
    fake = generate(variables, prior(inputs.key), source)
    judge = lambda x: apply(networks, variables, 'discriminator', {'source': source, 'examples': x})[0]
    return fake, judge(inputs.batch['real']), judge(fake)

  def discriminator(variables, inputs):
    _, real, fake = logits(variables, inputs)
    return adversarial.discriminator(real, fake).mean(), Aux(variables, {})

  def generator(variables, inputs):
    image, real, fake = logits(variables, inputs)
    distance = jnp.abs(image - inputs.batch['real']).mean()
    value = adversarial.generator(real, fake).mean() + weight * distance
    return value, Aux(variables, {'distance': distance})

  players = (
    Player('discriminator', ('discriminator',), discriminator),
    Player('generator', ('generator',), generator),
  )
  condition = lambda batch: batch['source']
  return Game(networks, players, init, sample, latents=prior, generate=generate, condition=condition)


PARTS = {
  'games': {'toy_translation': make},
  'networks': [Translator, PairCritic],
  'features': {'brightness': lambda: toy_features.NETWORK},
}
"""What a config names."""


def write_pairs(folder: pathlib.Path) -> np.ndarray:
  """Writes digits and their negatives as PNG files of equal names; returns the digits, uint8."""
  images = mnist5k.digits(SIZE)[0][:: 5000 // PAIRS]
  for name, pictures in (('digits', images), ('negatives', 255 - images)):
    (folder / name).mkdir()
    for index, picture in enumerate(pictures):
      Image.fromarray(picture).save(folder / name / f'{index:02}.png')
  return images[..., None]


def config(folder: pathlib.Path) -> ConfigDict:
  """Returns a config of eight steps on the pairs in a folder, a quarter of which is held out."""
  spec = {'size': SIZE, 'channels': 1, 'held_out': 0.25}
  made = gan_jax.load_config('gan:test')
  made.gan = {'name': 'toy_translation'}
  made.networks = {'generator': {'name': 'Translator'}, 'discriminator': {'name': 'PairCritic'}}
  made.data = {
    'name': 'paired',
    'real': {'name': f'folder:{folder}/digits', **spec},
    'source': {'name': f'folder:{folder}/negatives', **spec},
  }
  made.batch_size = 16
  made.evaluate = {
    'features': 'brightness',
    'scores': ('frechet_distance',),
    'num': 40,
    'seed': 0,
    'best': '',
  }
  return made


def translated(variables, sources: np.ndarray, keys: jax.Array) -> np.ndarray:
  """Returns the samples by hand: tanh(w x + b + v . z + c)."""
  kernel, bias = (np.asarray(variables.params['generator']['Conv_0'][k]) for k in ('kernel', 'bias'))
  dense = variables.params['generator']['Dense_0']
  shift = np.asarray(latents.normal(LATENTS)(keys)) @ np.asarray(dense['kernel']) + dense['bias']
  return np.tanh(sources * kernel[0, 0, 0, 0] + bias + np.asarray(shift)[:, None, None])
