"""Skeleton of a variant: copy it to gan_jax/gans/<name>.py, and name the paper here."""

from collections.abc import Mapping
from typing import Any

import jax
from flax import linen as nn

from gan_jax.common import numerics, rng
from gan_jax.common.errors import ConfigError
from gan_jax.game import Aux, Game, Inputs, Variables
from gan_jax.gans.parts.generator_discriminator import make_game, make_pair


def make(networks: Mapping[str, nn.Module], *, prior: Mapping[str, Any], weight: float = 0.1) -> Game:
  """A logistic game whose discriminator keeps its logits small.

  discriminator: softplus(-D(real)) + softplus(D(fake)) + weight (D(real)^2 + D(fake)^2);
  generator: softplus(-D(fake)).

  Args:
    networks: 'generator', latents -> examples; 'discriminator', examples -> logits [B].
    prior: {'name': a function of `gan_jax.latents`, **its arguments}.
    weight: of the squared logits, at least 0.

  Raises:
    ConfigError: the weight is negative or not finite.
  """
  if not numerics.is_within(weight):
    raise ConfigError(f'weight={weight!r}: out of range (a finite number of at least 0); 0.1 is usual')
  pair = make_pair(networks, prior)

  def logits(variables: Variables, inputs: Inputs) -> tuple[jax.Array, jax.Array, Variables]:
    """The logits [B] of real examples and of fakes, and the variables with the new network state."""
    latent_key, generator_key, real_key, fake_key = rng.split(inputs.key, 4)
    fake, variables = pair.generate(variables, latent_key, generator_key)
    on_real, variables = pair.discriminate(variables, inputs.batch['real'], real_key)
    on_fake, variables = pair.discriminate(variables, fake, fake_key)
    return on_real, on_fake, variables

  def discriminator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    on_real, on_fake, variables = logits(variables, inputs)
    loss = jax.nn.softplus(-on_real) + jax.nn.softplus(on_fake)
    penalty = on_real**2 + on_fake**2
    metrics = {'real_score': on_real.mean(), 'fake_score': on_fake.mean()}
    return (loss + weight * penalty).mean(), Aux(variables, metrics)

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    _, on_fake, variables = logits(variables, inputs)
    return jax.nn.softplus(-on_fake).mean(), Aux(variables, {'fake_score': on_fake.mean()})

  return make_game(pair, discriminator_loss, generator_loss)
