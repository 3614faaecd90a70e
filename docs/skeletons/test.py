"""Skeleton of a variant's test: copy it to tests/gans/<name>_test.py."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax.common import rng
from gan_jax.common.errors import ConfigError
from gan_jax.game import Inputs
from gan_jax.gans import skeleton

PRIOR = {'name': 'normal', 'size': 1}


class Constant(nn.Module):
  """A generator whose samples are all 0.5."""

  @nn.compact
  def __call__(self, latents: jax.Array, *, train: bool, key=None) -> jax.Array:
    """[B, 1] -> [B, 1]."""
    return self.param('point', nn.initializers.constant(0.5), ()) + 0 * latents


class Double(nn.Module):
  """A discriminator with the logits 2 x."""

  @nn.compact
  def __call__(self, points: jax.Array, *, train: bool, key=None) -> jax.Array:
    """[B, 1] -> [B]."""
    return self.param('factor', nn.initializers.constant(2.0), ()) * points[:, 0]


def test_losses_equal_the_formula_by_hand():
  game = skeleton.make({'generator': Constant(), 'discriminator': Double()}, prior=PRIOR, weight=0.1)
  batch = {'real': jnp.array([[0.0], [1.0]])}
  variables = game.init(jax.random.key(0), batch)
  inputs = Inputs(batch, rng.example_keys(jax.random.key(1), jnp.arange(2)), jnp.int32(0), {})
  losses = [float(player.loss(variables, inputs)[0]) for player in game.players]
  # Logits: 0 and 2 of the real examples, 1 of both fakes.
  # softplus(0) = log 2, softplus(-2) = 0.126928, softplus(1) = 1.313262, softplus(-1) = 0.313262.
  adversarial = (np.log(2) + 0.126928) / 2 + 1.313262
  penalty = 0.1 * ((0**2 + 2**2) / 2 + 1**2)
  np.testing.assert_allclose(losses, [adversarial + penalty, 0.313262], rtol=1e-5)


def test_negative_weight_raises_config_error():
  networks = {'generator': Constant(), 'discriminator': Double()}
  with pytest.raises(ConfigError, match='weight=-1'):
    skeleton.make(networks, prior=PRIOR, weight=-1)
