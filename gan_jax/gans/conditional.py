"""Conditional GAN: Mirza & Osindero 2014 (arXiv:1411.1784)."""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from gan_jax.game import Game
from gan_jax.gans import two_player
from gan_jax.gans.parts import labels
from gan_jax.gans.parts.generator_discriminator import check_networks
from gan_jax.networks.wrappers import map_inner_module


def make(
  networks: Mapping[str, nn.Module],
  *,
  prior: Mapping[str, Any],
  classes: int,
  loss: Mapping[str, Any] = {'name': 'non_saturating'},
  penalties: Mapping[str, Mapping[str, Any]] = {},
  generator_penalties: Mapping[str, Mapping[str, Any]] = {},
  noise: Mapping[str, Any] = {},
  augment: Mapping[str, Any] = {},
) -> Game:
  """Returns a game whose networks get one-hot labels beside their inputs (section 3.2).

  Labels are joined to the latents and to the examples, as one constant channel for each class of
  images, so any networks can be used.

  Args:
    networks: 'generator', [B, L + classes] -> examples; 'discriminator', [B, ..., C + classes] ->
      logits [B].
    prior: as in `two_player.make`.
    classes: number of labels, at least 2.
    loss: as in `two_player.make`.
    penalties: as in `two_player.make`.
    generator_penalties: as in `two_player.make`.
    noise: as in `two_player.make`.
    augment: as in `two_player.make`.

  Raises:
    ConfigError: the number of classes is below 2.
  """
  labels.check_classes(classes)
  check_networks(networks)
  joined = {
    name: map_inner_module(network, lambda module: labels.Concatenated(module, classes))
    for name, network in networks.items()
  }
  return two_player.make(
    joined,
    loss=loss,
    prior=prior,
    penalties=penalties,
    generator_penalties=generator_penalties,
    noise=noise,
    augment=augment,
    classes=classes,
  )
