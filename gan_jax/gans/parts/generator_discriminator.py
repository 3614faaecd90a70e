"""The common part of games of a generator and a discriminator: networks, latents, samples."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax import latents
from gan_jax.common import lookup, renamed, rng
from gan_jax.common.errors import ConfigError, at
from gan_jax.common.types import PyTree
from gan_jax.game import Game, Loss, Player, Variables, apply, init_networks
from gan_jax.gans.parts import labels

Outputs = Any

NUM_REFERENCES = 256
"""Number of generated examples with which `Game.critic` compares, in variants that compare batches."""


@dataclasses.dataclass(frozen=True)
class Pair:
  """A generator and a discriminator, with the prior of the latents.

  A network that takes labels is called on a tree: the generator on {'latents', 'label'}, the
  discriminator on {'examples', 'label'}. A network that takes none is called on the array alone.

  Attributes:
    networks: 'generator', latents -> examples, and 'discriminator', examples -> outputs.
    prior: [B] keys -> latents [B, L].
    classes: number of labels that samples are conditioned on; 0 for none.
    labeled: the networks that take labels.
  """

  networks: Mapping[str, nn.Module]
  prior: latents.Prior
  classes: int = 0
  labeled: tuple[str, ...] = ()

  def label(self, batch: Mapping[str, jax.Array]) -> jax.Array | None:
    """Returns the labels [B] that a batch is conditioned on; None in a game without conditions."""
    return batch['label'] if self.classes else None

  def inputs(self, network: str, array: jax.Array, label: jax.Array | None) -> PyTree:
    """Returns the inputs of a network: an array, with labels if it takes them."""
    if network not in self.labeled:
      return array
    labels.check_given(label, self.classes)
    return {_ARRAYS[network]: array, 'label': label}

  def generate(
    self,
    variables: Variables,
    latent_key: chex.PRNGKey,
    key: chex.PRNGKey,
    label: jax.Array | None = None,
  ) -> tuple[jax.Array, Variables]:
    """Generates a training batch, one example per key.

    Args:
      variables: of both networks.
      latent_key: [B] keys of the latents.
      key: [B] keys of random layers.
      label: of the examples, if the generator takes labels.

    Returns:
      Fake examples [B, ...], and the variables with the generator's new state.
    """
    latent = latents.materialize(self.prior(latent_key))
    return generate_from(self, variables, latent, key, label)

  def discriminate(
    self,
    variables: Variables,
    examples: jax.Array,
    key: chex.PRNGKey,
    label: jax.Array | None = None,
  ) -> tuple[Outputs, Variables]:
    """Returns the discriminator's outputs for a training batch [B, ...], and the new variables."""
    inputs = self.inputs('discriminator', examples, label)
    return apply(self.networks, variables, 'discriminator', inputs, key=key)

  def sample(
    self, variables: Variables, key: chex.PRNGKey, condition: jax.Array | None = None
  ) -> jax.Array:
    """Generates N samples outside training, see `game.Game`."""
    if self.classes and condition is None:
      condition = labels.draw(key, self.classes)
    return self.generate_eval(variables, self.prior(key), condition)

  def generate_eval(
    self, variables: Variables, latent: jax.Array, condition: jax.Array | None = None
  ) -> jax.Array:
    """Generates samples from latents [N, L] outside training, see `game.Game`."""
    inputs = self.inputs('generator', latent, condition)
    return apply(self.networks, variables, 'generator', inputs, train=False)[0]

  def discriminate_eval(self, variables: Variables, examples: jax.Array) -> Outputs:
    """Returns the outputs of a discriminator without labels for examples [N, ...] outside training."""
    return apply(self.networks, variables, 'discriminator', examples, train=False)[0]


_ARRAYS = {'generator': 'latents', 'discriminator': 'examples'}
"""The name, beside 'label', of the array that a network with labels takes."""


def generate_from(
  pair: Pair, variables: Variables, latent: jax.Array, key: chex.PRNGKey, label: jax.Array | None
) -> tuple[jax.Array, Variables]:
  """Generates a training batch from latents [B, L], see `Pair.generate`."""
  inputs = pair.inputs('generator', latent, label)
  return apply(pair.networks, variables, 'generator', inputs, key=key)


def truncated(pair: Pair) -> Callable[..., jax.Array] | None:
  """Returns the function that samples from truncated latents, see `game.Game.sample_truncated`.

  It is None if the prior is not `latents.normal`.
  """
  prior = pair.prior
  if not isinstance(prior, latents.Normal):
    return None

  def sample_truncated(
    variables: Variables, key: chex.PRNGKey, truncation: float, condition: jax.Array | None = None
  ) -> jax.Array:
    bounded = dataclasses.replace(pair, prior=prior.truncated(truncation))
    return bounded.sample(variables, key, condition)

  return sample_truncated


def init(pair: Pair, key: chex.PRNGKey, batch: Mapping[str, jax.Array]) -> Variables:
  """Returns the initial variables of a pair, see `game.Game`."""
  real, label = batch['real'], pair.label(batch)
  latent_key, key = jax.random.split(key)
  latent = pair.prior(rng.example_keys(latent_key, jnp.arange(len(real))))
  arrays = {'generator': latent, 'discriminator': real}
  inputs = {name: pair.inputs(name, array, label) for name, array in arrays.items()}
  return init_networks(pair.networks, key, inputs)


def reference_fakes(pair: Pair, variables: Variables) -> jax.Array:
  """Generates examples from fixed latents, for a critic that compares with generated examples."""
  return pair.sample(variables, rng.sample_keys(0, 0, NUM_REFERENCES))


def make_game(pair: Pair, discriminator: Loss, generator: Loss, **more: Any) -> Game:
  """Returns the game of a pair with these losses, in which the discriminator plays first.

  Args:
    pair: the networks and the prior.
    discriminator: the discriminator's loss.
    generator: the generator's loss.
    **more: further fields of `Game`.
  """
  players = (
    Player('discriminator', ('discriminator',), discriminator),
    Player('generator', ('generator',), generator),
  )
  return Game(
    pair.networks,
    players,
    functools.partial(init, pair),
    pair.sample,
    latents=pair.prior,
    generate=pair.generate_eval,
    condition=pair.label if pair.classes else None,
    classes=pair.classes,
    sample_truncated=truncated(pair),
    **more,
  )


def reconstruct(
  pair: Pair, variables: Variables, examples: jax.Array, key: chex.PRNGKey
) -> tuple[tuple[jax.Array, jax.Array], Variables]:
  """Returns the outputs of a discriminator that is an autoencoder, and the new variables.

  Args:
    pair: the networks.
    variables: of the game.
    examples: a training batch [B, ...].
    key: [B] keys.

  Returns:
    ((reconstructions [B, ...], codes [B, D]), new variables).

  Raises:
    ConfigError: the discriminator is not an autoencoder of such examples.
  """
  outputs, variables = pair.discriminate(variables, examples, key)
  if not isinstance(outputs, tuple) or outputs[0].shape != examples.shape:
    raise ConfigError(
      'networks.discriminator: not an autoencoder (outputs: reconstructions of the shape of the '
      f'examples, {examples.shape[1:]}, and codes); choose an Autoencoder'
    )
  return outputs, variables


def check_outputs(outputs: Outputs, rank: int) -> None:
  """Raises ConfigError unless the outputs of a discriminator are one array of this rank.

  Args:
    outputs: of a training batch.
    rank: 1 for a number per example, [B]; 2 for features, [B, D].
  """
  shapes = [leaf.shape for leaf in jax.tree.leaves(outputs)]
  if len(shapes) != 1 or len(shapes[0]) != rank:
    raise ConfigError(
      f'networks.discriminator: outputs of the shapes {shapes} (one array, of rank {rank}); choose '
      'another network, or change its field outputs'
    )


def check_networks(networks: Mapping[str, nn.Module]) -> None:
  """Raises ConfigError unless the networks are a generator and a discriminator."""
  if networks.keys() != {'generator', 'discriminator'}:
    raise ConfigError(
      f'the networks are {", ".join(networks) or "missing"} (this game: generator, discriminator); '
      'change networks'
    )


def make_pair(
  networks: Mapping[str, nn.Module],
  prior: Mapping[str, Any],
  classes: int = 0,
  labeled: tuple[str, ...] = (),
) -> Pair:
  """Returns a pair.

  Args:
    networks: 'generator' and 'discriminator'.
    prior: {'name': a factory of `gan_jax.latents`, **its arguments}.
    classes: number of labels that samples are conditioned on; 0 for none.
    labeled: the networks that take labels.
  """
  check_networks(networks)
  with at('prior'):
    renamed.check(prior, inside='gan.prior.')
    return Pair(networks, lookup.make(latents, prior), classes, labeled)
