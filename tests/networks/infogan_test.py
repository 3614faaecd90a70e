"""The networks of InfoGAN: shapes, and numbers of parameters from the sizes in the authors' code."""

import jax
import jax.numpy as jnp
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.networks import infogan

KEY = jax.random.key(0)


def size(variables):
  return sum(leaf.size for leaf in jax.tree.leaves(variables['params']))


def test_generator_has_the_size_of_the_paper_and_images_in_range():
  network = infogan.Generator()
  latents = jnp.linspace(-3, 3, 2 * 74).reshape(2, 74)
  images, variables = network.init_with_output(KEY, latents, train=False)
  assert images.shape == (2, 28, 28, 1)
  assert float(abs(images).max()) <= 1
  # Dense layers and convolutions of 4 x 4; batch norm has a gain and a bias, and replaces the biases.
  dense = 74 * 1024 + 1024 * 7 * 7 * 128
  convolutions = 16 * 128 * 64 + 16 * 64 + 1
  assert size(variables) == dense + convolutions + 2 * (1024 + 7 * 7 * 128 + 64)


def test_discriminator_has_the_size_of_the_paper_and_1024_features():
  outputs, variables = infogan.Discriminator().init_with_output(
    KEY, jnp.zeros((2, 28, 28, 1)), train=False
  )
  assert outputs['logits'].shape == (2,)
  assert outputs['features'].shape == (2, 1024)
  convolutions = 16 * 64 + 64 + 16 * 64 * 128
  dense = 7 * 7 * 128 * 1024 + 1024 + 1
  assert size(variables) == convolutions + dense + 2 * (128 + 1024)


def test_recognition_has_one_hidden_layer_of_128_units():
  outputs, variables = infogan.Recognition(14).init_with_output(KEY, jnp.zeros((2, 1024)), train=False)
  assert outputs.shape == (2, 14)
  assert size(variables) == 1024 * 128 + 2 * 128 + 128 * 14 + 14


def test_images_of_another_size_are_rejected():
  with pytest.raises(ConfigError, match='images of 32 x 32 pixels: the network takes 28 x 28'):
    infogan.Discriminator().init(KEY, jnp.zeros((2, 32, 32, 3)), train=False)
