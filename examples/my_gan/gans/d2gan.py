"""A game: a file with `make`. D2GAN has two discriminators: Nguyen et al. 2017 (arXiv:1709.03831)."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax import latents
from gan_jax.common import lookup, rng
from gan_jax.game import Aux, Game, Inputs, Player, Variables, apply, init_networks


def make(
  networks: Mapping[str, nn.Module], *, prior: Mapping[str, Any], alpha: float = 0.2, beta: float = 0.1
) -> Game:
  """Returns a game in which one discriminator rewards real examples, and the other one fakes.

  Both outputs D1 and D2 are positive, the softplus of logits.

      first: -alpha log D1(real) + D1(fake);
      second: D2(real) - beta log D2(fake);
      generator: -D1(fake) + beta log D2(fake).

  Args:
    networks: 'generator', latents -> examples; 'first' and 'second', examples -> logits [B].
    prior: {'name': a prior, **its arguments}.
    alpha: weight of the first logarithm.
    beta: weight of the second logarithm.

  Source: equation 1.
  """
  draw = lookup.make(latents, prior)

  def init(key: jax.Array, batch: Mapping[str, jax.Array]) -> Variables:
    real = batch['real']
    latent = draw(rng.example_keys(key, jnp.arange(len(real))))
    return init_networks(networks, key, {'generator': latent, 'first': real, 'second': real})

  def generate(variables: Variables, latent: jax.Array) -> jax.Array:
    return apply(networks, variables, 'generator', latent, train=False)[0]

  def rewards(name: str, variables: Variables, inputs: Inputs) -> tuple[jax.Array, jax.Array]:
    latent_key, key = rng.split(inputs.key)
    fake = apply(networks, variables, 'generator', draw(latent_key), key=key)[0]
    both = jnp.concatenate([inputs.batch['real'], fake])
    outputs = apply(networks, variables, name, both, key=jnp.concatenate([key, key]))[0]
    return jnp.split(jax.nn.softplus(outputs) + 1e-6, 2)

  def first(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    real, fake = rewards('first', variables, inputs)
    return (fake - alpha * jnp.log(real)).mean(), Aux(variables, {'real': real.mean()})

  def second(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    real, fake = rewards('second', variables, inputs)
    return (real - beta * jnp.log(fake)).mean(), Aux(variables, {'fake': fake.mean()})

  def generator(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    _, by_first = rewards('first', variables, inputs)
    _, by_second = rewards('second', variables, inputs)
    return (beta * jnp.log(by_second) - by_first).mean(), Aux(variables, {})

  players = (
    Player('first', ('first',), first),
    Player('second', ('second',), second),
    Player('generator', ('generator',), generator),
  )
  sample = lambda variables, key: generate(variables, draw(key))
  return Game(networks, players, init, sample, latents=draw, generate=generate)
