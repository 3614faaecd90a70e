"""Projection discriminator: Miyato & Koyama 2018 (arXiv:1802.05637)."""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from gan_jax.game import Game
from gan_jax.gans import two_player
from gan_jax.gans.parts import labels


def make(
  networks: Mapping[str, nn.Module],
  *,
  prior: Mapping[str, Any],
  classes: int,
  loss: Mapping[str, Any] = {'name': 'hinge'},
  penalties: Mapping[str, Mapping[str, Any]] = {},
  generator_penalties: Mapping[str, Mapping[str, Any]] = {},
  noise: Mapping[str, Any] = {},
  augment: Mapping[str, Any] = {},
) -> Game:
  """Returns a game whose networks take labels themselves.

  In the paper, the discriminator embeds the label, and adds the inner product of the embedding and the
  features of an example to the logit (equation 3). The generator has conditional batch norm (section
  5). Networks with a field `classes` do that.

  Args:
    networks: 'generator', {'latents': [B, L], 'label'} -> examples; 'discriminator', {'examples',
      'label'} -> logits [B].
    prior: as in `two_player.make`.
    classes: number of labels, at least 2.
    loss: as in `two_player.make`; the hinge loss in the paper.
    penalties: as in `two_player.make`.
    generator_penalties: as in `two_player.make`.
    noise: as in `two_player.make`.
    augment: as in `two_player.make`.

  Raises:
    ConfigError: the number of classes is below 2.
  """
  labels.check_classes(classes)
  return two_player.make(
    networks,
    loss=loss,
    prior=prior,
    penalties=penalties,
    generator_penalties=generator_penalties,
    noise=noise,
    augment=augment,
    classes=classes,
  )
