"""InfoGAN: Chen et al. 2016 (arXiv:1606.03657)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax import latents, losses
from gan_jax.common import lookup, numerics, rng
from gan_jax.common.errors import ConfigError, at
from gan_jax.game import Aux, Game, Inputs, Player, Variables, apply, init_networks
from gan_jax.gans.parts import diagnostics
from gan_jax.gans.parts.adversarial_loss import mean_loss
from gan_jax.gans.parts.codes import Codes, make_codes

NETWORKS = ('generator', 'discriminator', 'recognition')


class _ForwardPass(NamedTuple):
  """Generated examples [B, ...], logits [B] of both kinds, and the information of codes [B, codes]."""

  generated: jax.Array
  real_logits: jax.Array
  fake_logits: jax.Array
  information: jax.Array


class _Parts(NamedTuple):
  """The networks of the game, and the distribution of the latents.

  Attributes:
    networks: 'generator', 'discriminator' and 'recognition'.
    noise: the prior of the latents that are not codes.
    codes: the other latents.
  """

  networks: Mapping[str, nn.Module]
  noise: latents.Prior
  codes: Codes

  def latents(self, key: chex.PRNGKey) -> jax.Array:
    """Returns latents [N, L + codes] from keys [N]."""
    noise_key, code_key = rng.split(key)
    return jnp.concatenate([self.noise(noise_key), self.codes.draw(code_key)], axis=1)

  def init(self, key: chex.PRNGKey, batch: Mapping[str, jax.Array]) -> Variables:
    """Returns the initial variables, see `game.Game`."""
    real = batch['real']
    latent_key, key, recognition_key = jax.random.split(key, 3)
    latent = self.latents(rng.example_keys(latent_key, jnp.arange(len(real))))
    players = {name: self.networks[name] for name in ('generator', 'discriminator')}
    start = init_networks(players, key, {'generator': latent, 'discriminator': real})
    recognition = {'recognition': self.networks['recognition']}
    features = _features(self.judge(start, real))
    added = init_networks(recognition, recognition_key, {'recognition': features})
    return Variables({**start.params, **added.params}, {**start.state, **added.state})

  def generate(self, variables: Variables, latent: jax.Array, condition: None = None) -> jax.Array:
    """Generates samples outside training, see `game.Game`."""
    return apply(self.networks, variables, 'generator', latent, train=False)[0]

  def sample(self, variables: Variables, key: chex.PRNGKey, condition: None = None) -> jax.Array:
    """Generates samples from keys outside training, see `game.Game`."""
    return self.generate(variables, self.latents(key))

  def judge(self, variables: Variables, examples: jax.Array) -> dict[str, jax.Array]:
    """Returns the discriminator's outputs outside training."""
    return apply(self.networks, variables, 'discriminator', examples, train=False)[0]

  def critic(self, variables: Variables, examples: jax.Array) -> jax.Array:
    """Returns the discriminator's logits [N] outside training."""
    return self.judge(variables, examples)['logits']

  def classify(self, variables: Variables, examples: jax.Array) -> jax.Array:
    """Returns the logits of the first categorical code, [N, K]."""
    features = _features(self.judge(variables, examples))
    outputs, _ = apply(self.networks, variables, 'recognition', features, train=False)
    return self.codes.posterior(outputs).logits[0]


def make(
  networks: Mapping[str, nn.Module],
  *,
  prior: Mapping[str, Any],
  categories: Sequence[int] = (10,),
  category_weights: Sequence[float] = (1.0,),
  continuous_weights: Sequence[float] = (0.1, 0.1),
  loss: Mapping[str, Any] = {'name': 'non_saturating'},
  informs_generator: bool = True,
) -> Game:
  """Returns a game whose samples carry information about codes among their latents (equation 6).

  Latents are noise followed by codes: one-hot categorical codes, and continuous codes that are uniform
  on [-1, 1). A third network predicts the codes of an example from the discriminator's features. Both
  players subtract the weighted information of each code,

      I(c) = E[log Q(c | x)] + H(c), a lower bound of the mutual information in nats,

  where Q is categorical, or Gaussian with a learned standard deviation. The authors' code fixes the
  standard deviation at 1, and has another constant in place of H(c), so its term is not a bound.

  The metric 'information_<i>' is the bound of code i, categorical codes first.

  Args:
    networks: 'generator', [B, L + codes] -> examples; 'discriminator', examples -> {'logits': [B],
      'features': [B, F]}; 'recognition', [B, F] -> [B, sum(categories) + 2 * continuous codes], logits,
      means, and standard deviations before softplus.
    prior: of the noise, as in `two_player.make`.
    categories: number of classes of each categorical code, at least 2 each.
    category_weights: lambda of each categorical code, at least 0.
    continuous_weights: lambda of each continuous code, at least 0; their number is the number of codes.
    loss: as in `two_player.make`.
    informs_generator: False for a plain GAN beside which only the recognition network learns, the
      paper's baseline (figure 1).

  Raises:
    ConfigError: other networks, or a number that is out of its range.
  """
  if set(networks) != set(NETWORKS):
    raise ConfigError(
      f'the networks are {", ".join(networks) or "missing"} (this game: {", ".join(NETWORKS)}); change '
      'networks'
    )
  codes = _codes(categories, category_weights, continuous_weights)
  weights = jnp.array([*category_weights, *continuous_weights], jnp.float32)
  with at('prior'):
    parts = _Parts(networks, lookup.make(latents, prior), codes)
  with at('loss'):
    adversarial = lookup.make(losses, loss)

  def forward_pass(variables: Variables, inputs: Inputs) -> tuple[_ForwardPass, Variables]:
    latent_key, generator_key, real_key, fake_key, code_key = rng.split(inputs.key, 5)
    latent = latents.materialize(parts.latents(latent_key))
    generated, variables = apply(networks, variables, 'generator', latent, key=generator_key)
    real, variables = apply(networks, variables, 'discriminator', inputs.batch['real'], key=real_key)
    fake, variables = apply(networks, variables, 'discriminator', generated, key=fake_key)
    features = _features(fake)
    if not informs_generator:
      # The discriminator and the generator are then those of a plain GAN.
      features = jax.lax.stop_gradient(features)
    outputs, variables = apply(networks, variables, 'recognition', features, key=code_key)
    information = codes.information(codes.posterior(outputs), latent[:, -codes.size :])
    return _ForwardPass(generated, real['logits'], fake['logits'], information), variables

  def loss_of(function: losses.Pairwise, forward: _ForwardPass, inputs: Inputs) -> jax.Array:
    value = mean_loss(adversarial, function, forward.real_logits, forward.fake_logits, inputs)
    return value - (forward.information.mean(axis=0) * weights).sum()

  def discriminator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = forward_pass(variables, inputs)
    logits = forward.real_logits, forward.fake_logits
    metrics = diagnostics.of_logits(inputs, *logits, forward.generated)
    return loss_of(adversarial.discriminator, forward, inputs), Aux(variables, metrics)

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = forward_pass(variables, inputs)
    means = forward.information.mean(axis=0)
    metrics = {f'information_{index}': mean for index, mean in enumerate(means)}
    value = loss_of(adversarial.generator, forward, inputs)
    return value, Aux(variables, metrics | {'fake_score': forward.fake_logits.mean()})

  return Game(
    networks,
    (
      Player('discriminator', ('discriminator', 'recognition'), discriminator_loss),
      Player('generator', ('generator',), generator_loss),
    ),
    parts.init,
    parts.sample,
    critic=parts.critic,
    latents=parts.latents,
    generate=parts.generate,
    classify=parts.classify if categories else None,
    traversals=codes.traversals(first=-codes.size),
  )


def _codes(
  categories: Sequence[int], category_weights: Sequence[float], continuous_weights: Sequence[float]
) -> Codes:
  if len(categories) != len(category_weights):
    raise ConfigError(
      f'category_weights={list(category_weights)}: {len(category_weights)} weights for '
      f'{len(categories)} categorical codes (one each); change category_weights'
    )
  for key, weights in {'category': category_weights, 'continuous': continuous_weights}.items():
    for weight in weights:
      if not numerics.is_within(weight):
        raise ConfigError(
          f'{key}_weights={list(weights)}: out of range (finite numbers of at least 0); change '
          f'{key}_weights'
        )
  return make_codes(categories, len(continuous_weights))


def _features(outputs: Any) -> jax.Array:
  if not isinstance(outputs, Mapping) or outputs.keys() != {'logits', 'features'}:
    raise ConfigError(
      'networks.discriminator: no features (outputs: logits [B] and features [B, F]); set its field '
      'with_features'
    )
  return outputs['features']
