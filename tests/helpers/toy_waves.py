"""Waves [T, 1], a modality that gan_jax lacks, with data and networks: what `gan_jax.extend` takes."""

import io
import wave

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gan_jax.common import plots, rng
from gan_jax.data.source import Source
from gan_jax.metrics.features import FeatureNetwork, Outputs
from gan_jax.modalities import (
  Drawing,
  FileFormat,
  Inspection,
  Modality,
  Neighbors,
  Space,
  Storage,
)

LENGTH, COUNT, LARGEST = 16, 40, 32767


def from_outputs(waves):
  return np.rint(np.clip(np.asarray(waves, np.float32), -1, 1) * LARGEST).astype(np.int16)


def from_traced(waves):
  if waves.dtype == jnp.int16:
    return waves
  return jnp.rint(jnp.clip(waves, -1, 1) * LARGEST).astype(jnp.int16)


def to_inputs(waves):
  return waves if waves.dtype == jnp.float32 else waves.astype(jnp.float32) / LARGEST


def as_wav(stored):
  buffer = io.BytesIO()
  with wave.open(buffer, 'wb') as file:
    file.setnchannels(1)
    file.setsampwidth(2)
    file.setframerate(8000)
    file.writeframes(stored.tobytes())
  return buffer.getvalue()


def rows(stored, columns=None):
  """A picture with a row for each wave."""
  return np.repeat(((stored >> 8) + 128).astype(np.uint8), 3, axis=-1)


def training(game, batch, modes, seed):
  keys = rng.sample_keys(seed, 0, 8)

  def draw(weights, step):
    samples = {name: np.asarray(game.sample(variables, keys)) for name, variables in weights.items()}
    return lambda: plots.captioned({name: rows(from_outputs(x)) for name, x in samples.items()}), {}

  return draw


def interpolations(samples, along):
  return rows(from_outputs(along(4)).reshape(-1, LENGTH, 1)), 'Waves between waves.'


def sheet(stored):
  """Tiles of one row, and as wide as a wave is long."""
  return rows(stored.reshape(len(stored), -1, 1))


WAVES = Modality(
  name='waves',
  one='wave',
  axes=('T', '1'),
  storage=Storage(
    dtype=np.int16,
    from_outputs=from_outputs,
    from_traced=from_traced,
    to_inputs=to_inputs,
    accepts=lambda array: array.dtype == np.int16,
    accepted='int16 [N, T, 1]',
    from_arrays=lambda array, at: array,
    file=FileFormat('.wav', as_wav),
  ),
  drawing=Drawing(
    shown=8,
    samples=rows,
    data=lambda real, augmented: rows(from_outputs(real)),
    training=training,
    tile=lambda picture, sample: rows(from_outputs(sample(4))),
  ),
  inspection=Inspection(
    num=20,
    interpolations=interpolations,
    neighbors=Neighbors(
      Space('amplitudes', 'In amplitudes', 'Distance', lambda x: x.reshape(len(x), -1), LARGEST), sheet
    ),
  ),
  features='levels',
)


class WaveGenerator(nn.Module):
  @nn.compact
  def __call__(self, latents, *, train, key=None):
    return jnp.tanh(nn.Dense(LENGTH)(latents))[..., None]


class WaveDiscriminator(nn.Module):
  @nn.compact
  def __call__(self, waves, *, train, key=None):
    return nn.Dense(1)(waves[..., 0])[:, 0]


def sines():
  """The dataset: sine waves, int16 [COUNT, LENGTH, 1]."""
  phases = 2 * np.pi * np.arange(COUNT)[:, None] / COUNT
  return from_outputs(np.sin(phases + np.arange(LENGTH) / 2))[..., None]


def load(seed, batch_size):
  def batch(arrays, batch_index, indices):
    chosen = arrays['wave'][(batch_index * batch_size + indices) % COUNT]
    return {'real': chosen.astype(jnp.float32) / LARGEST}

  return Source({'wave': sines()}, batch, images=sines())


def load_levels():
  """Features: the mean and the mean square of each wave."""

  def apply(params: dict, waves: jax.Array) -> Outputs:
    scaled = waves[..., 0].astype(jnp.float32) / LARGEST
    moments = jnp.stack([scaled.mean(axis=1), (scaled**2).mean(axis=1)], axis=1)
    return Outputs(moments, jnp.zeros((len(waves), 0)))

  return FeatureNetwork('levels', {}, 'none', apply, modality='waves')


PARTS = {
  'networks': [WaveGenerator, WaveDiscriminator],
  'data': {'sines': load},
  'features': {'levels': load_levels},
}
"""What a config names; the modality is added separately."""
