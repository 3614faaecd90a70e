"""A generator against a discriminator: the assembly of every variant whose news is only a loss."""

from collections.abc import Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax import latents, losses, names
from gan_jax.game import Aux, Game, Inputs, Player, Variables, apply, init_networks


def make(
  networks: Mapping[str, nn.Module], *, loss: Mapping[str, Any], prior: Mapping[str, Any]
) -> Game:
  """A game of two players, who play in the order discriminator, generator.

  Args:
    networks: 'generator', latents [B, L] -> examples; 'discriminator', examples -> scores [B].
    loss: {'name': a factory of `gan_jax.losses`, **its arguments}.
    prior: {'name': a factory of `gan_jax.latents`, **its arguments}.

  Returns:
    The game. Its metrics are the means of the scores, of real and fake examples in the
    discriminator's update and of fake ones in the generator's.

  Raises:
    ConfigError: a loss or prior that there is not, or an argument that it does not take.
  """
  adversarial = names.make(losses, loss, losses.AdversarialLoss)
  draw = names.make(latents, prior, latents.Prior)

  def init(key: chex.PRNGKey, batch: Mapping[str, chex.Array]) -> Variables:
    real = batch['real']
    latent_key, key = jax.random.split(key)
    latent = draw(latents.example_keys(latent_key, jnp.arange(len(real))))
    return init_networks(networks, key, {'generator': latent, 'discriminator': real})

  def scores(variables: Variables, inputs: Inputs) -> tuple[chex.Array, chex.Array, Variables]:
    latent_key, generator_key, real_key, fake_key = latents.split(inputs.key, 4)
    fake, variables = apply(networks, variables, 'generator', draw(latent_key), key=generator_key)
    real = inputs.batch['real']
    on_real, variables = apply(networks, variables, 'discriminator', real, key=real_key)
    on_fake, variables = apply(networks, variables, 'discriminator', fake, key=fake_key)
    chex.assert_rank([on_real, on_fake], 1)
    return on_real, on_fake, variables

  def discriminator_loss(variables: Variables, inputs: Inputs) -> tuple[chex.Array, Aux]:
    real, fake, variables = scores(variables, inputs)
    metrics = {'real_score': real.mean(), 'fake_score': fake.mean()}
    return adversarial.discriminator(real, fake).mean(), Aux(variables, metrics)

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[chex.Array, Aux]:
    real, fake, variables = scores(variables, inputs)
    return adversarial.generator(real, fake).mean(), Aux(variables, {'fake_score': fake.mean()})

  def sample(variables: Variables, key: chex.PRNGKey) -> chex.Array:
    return apply(networks, variables, 'generator', draw(key), train=False)[0]

  players = (
    Player('discriminator', ('discriminator',), discriminator_loss),
    Player('generator', ('generator',), generator_loss),
  )
  return Game(networks, players, init, sample)
