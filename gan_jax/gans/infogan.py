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
from gan_jax.gans.parts.codes import Codes, Posterior, make_codes

NETWORKS = ('generator', 'discriminator', 'recognition')


class _ForwardPass(NamedTuple):
  """Generated examples [B, ...], logits [B] of both kinds, and the information of codes [B, codes]."""

  generated: jax.Array
  real_logits: jax.Array
  fake_logits: jax.Array
  information: jax.Array


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
    draw_noise = lookup.make(latents, prior)
  with at('loss'):
    adversarial = lookup.make(losses, loss)

  def draw_latents(key: chex.PRNGKey) -> jax.Array:
    noise_key, code_key = rng.split(key)
    return jnp.concatenate([draw_noise(noise_key), codes.draw(code_key)], axis=1)

  def init(key: chex.PRNGKey, batch: Mapping[str, jax.Array]) -> Variables:
    real = batch['real']
    latent_key, key, recognition_key = jax.random.split(key, 3)
    latent = draw_latents(rng.example_keys(latent_key, jnp.arange(len(real))))
    players = {name: networks[name] for name in ('generator', 'discriminator')}
    start = init_networks(players, key, {'generator': latent, 'discriminator': real})
    features = _features(apply(networks, start, 'discriminator', real, train=False)[0])
    recognition = {'recognition': networks['recognition']}
    added = init_networks(recognition, recognition_key, {'recognition': features})
    return Variables({**start.params, **added.params}, {**start.state, **added.state})

  def forward_pass(variables: Variables, inputs: Inputs) -> tuple[_ForwardPass, Variables]:
    latent_key, generator_key, real_key, fake_key, code_key = rng.split(inputs.key, 5)
    latent = latents.materialize(draw_latents(latent_key))
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

  def mean_loss(function: losses.Pairwise, forward: _ForwardPass, inputs: Inputs) -> jax.Array:
    gather = inputs.gather if adversarial.over_batch else lambda x: x
    value = function(gather(forward.real_logits), gather(forward.fake_logits)).mean()
    return value - (forward.information.mean(axis=0) * weights).sum()

  def discriminator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = forward_pass(variables, inputs)
    metrics = {
      'real_score': forward.real_logits.mean(),
      'fake_score': forward.fake_logits.mean(),
      'accuracy': diagnostics.accuracy(forward.real_logits, forward.fake_logits),
      **diagnostics.distances(inputs, forward.generated),
    }
    return mean_loss(adversarial.discriminator, forward, inputs), Aux(variables, metrics)

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = forward_pass(variables, inputs)
    means = forward.information.mean(axis=0)
    metrics = {f'information_{index}': mean for index, mean in enumerate(means)}
    value = mean_loss(adversarial.generator, forward, inputs)
    return value, Aux(variables, metrics | {'fake_score': forward.fake_logits.mean()})

  def generate(variables: Variables, latent: jax.Array, condition: None = None) -> jax.Array:
    return apply(networks, variables, 'generator', latent, train=False)[0]

  def judge(variables: Variables, examples: jax.Array) -> dict[str, jax.Array]:
    return apply(networks, variables, 'discriminator', examples, train=False)[0]

  def posterior(variables: Variables, examples: jax.Array) -> Posterior:
    features = _features(judge(variables, examples))
    return codes.posterior(apply(networks, variables, 'recognition', features, train=False)[0])

  def classify(variables: Variables, examples: jax.Array) -> jax.Array:
    return posterior(variables, examples).logits[0]

  return Game(
    networks,
    (
      Player('discriminator', ('discriminator', 'recognition'), discriminator_loss),
      Player('generator', ('generator',), generator_loss),
    ),
    init,
    lambda variables, key, condition=None: generate(variables, draw_latents(key)),
    critic=lambda variables, examples: judge(variables, examples)['logits'],
    latents=draw_latents,
    generate=generate,
    classify=classify if categories else None,
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
