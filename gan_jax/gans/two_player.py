"""A generator against a discriminator: what variants share whose news is only a loss or a penalty."""

import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax import augment as augmentations
from gan_jax import losses
from gan_jax.augment import Augmentation
from gan_jax.common import lookup, numerics, rng, validation
from gan_jax.common.errors import ConfigError, at, refused_values
from gan_jax.common.types import PyTree
from gan_jax.game import Aux, Game, Inputs, Variables
from gan_jax.gans.parts import diagnostics
from gan_jax.gans.parts.generator_discriminator import Pair, check_outputs, make_pair
from gan_jax.losses import regularizers
from gan_jax.losses.regularizers import PenaltyInputs, Regularizer


def make(
  networks: Mapping[str, nn.Module],
  *,
  loss: Mapping[str, Any],
  prior: Mapping[str, Any],
  penalties: Mapping[str, Mapping[str, Any]] = {},
  noise: Mapping[str, Any] = {},
  augment: Mapping[str, Any] = {},
) -> Game:
  """A game of two players, who play in the order discriminator, generator.

  Args:
    networks: 'generator', latents [B, L] -> examples; 'discriminator', examples -> scores [B].
    loss: {'name': a factory of `gan_jax.losses`, **its arguments}.
    prior: {'name': a factory of `gan_jax.latents`, **its arguments}.
    penalties: {a factory of `gan_jax.losses.regularizers`: {'weight': its factor, 'every': n, **its
      arguments}}, added to the discriminator's loss. It is applied every n-th step with n times the
      weight, by default 1 (lazy regularization, Karras et al. 2020, arXiv:1912.04958, section 3.1).
    noise: {'scale': standard deviation of Gaussian noise on all that the discriminator is shown in
      training, 'steps': over which it goes down in a line to 0} (instance noise, Arjovsky & Bottou
      2017, arXiv:1701.04862, section 3; annealed as by Sonderby et al. 2017, arXiv:1610.04490).
    augment: {'name': a factory of `gan_jax.augment`, **its arguments}, what is done to all
      images that the discriminator is shown in training, before the noise; penalties are taken where
      these are then.

  Returns:
    The game. Its metrics are the means of the scores, of real and fake examples in the
    discriminator's update and of fake ones in the generator's, the accuracy of the discriminator and
    the distances within a batch of `observed`, and the mean of each penalty before weights; of a lazy
    one, in the steps between, what it was when it was taken last; and what the augmentation reports.
    Distances are of examples that are neither augmented nor noisy.

  Raises:
    ConfigError: a loss, prior, penalty or augmentation that there is not, or an argument that it does
      not take.
  """
  with at('loss'):
    adversarial = lookup.make(losses, loss)
  pair, terms, shown = make_pair(networks, prior), _terms(penalties), _noise(noise)
  with at('augment'):
    augmentation = lookup.make(augmentations, augment) if augment else None

  def play(variables: Variables, inputs: Inputs) -> tuple['_ForwardPass', Variables]:
    latent_key, generator_key, real_key, fake_key, *noise_keys, key = rng.split(inputs.key, 7)
    made, variables = pair.generate(variables, latent_key, generator_key)
    real, fake = _augmented(augmentation, inputs, made)
    real = shown(real, inputs.step, noise_keys[0])
    fake = shown(fake, inputs.step, noise_keys[1])
    real_scores, variables = pair.discriminate(variables, real, real_key)
    fake_scores, variables = pair.discriminate(variables, fake, fake_key)
    check_outputs(real_scores, rank=1)
    check_outputs(fake_scores, rank=1)
    return _ForwardPass(made, real, fake, real_scores, fake_scores, key), variables

  def mean_loss(loss: losses.Pairwise, now: '_ForwardPass', inputs: Inputs) -> jax.Array:
    gather = inputs.gather if adversarial.over_batch else lambda x: x
    return loss(gather(now.real_scores), gather(now.fake_scores)).mean()

  def discriminator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    now, variables = play(variables, inputs)
    value = mean_loss(adversarial.discriminator, now, inputs)
    added, means = _penalize(terms, pair, variables, inputs, now)
    return value + added, Aux(variables, _seen(augmentation, inputs, now) | means)

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    now, variables = play(variables, inputs)
    metrics = {'fake_score': now.fake_scores.mean()}
    return mean_loss(adversarial.generator, now, inputs), Aux(variables, metrics)

  return pair.game(discriminator_loss, generator_loss, score=pair.score, **_memory(terms, augmentation))


class _ForwardPass(NamedTuple):
  """What was generated, examples as the discriminator saw them, its scores, keys [B] for more."""

  made: jax.Array
  real: jax.Array
  fake: jax.Array
  real_scores: jax.Array
  fake_scores: jax.Array
  key: chex.PRNGKey


def _augmented(
  augmentation: Augmentation | None, inputs: Inputs, made: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Real and fake examples as changed, each with keys that are of no other draw."""
  if augmentation is None:
    return inputs.batch['real'], made
  apart = lambda key: jax.random.fold_in(key, zlib.crc32(b'augment'))
  real_key, fake_key = rng.split(jax.vmap(apart)(inputs.key))
  change = lambda examples, key: augmentation.apply(examples, key, inputs.memory['augment'])
  return change(inputs.batch['real'], real_key), change(made, fake_key)


def _seen(augmentation: Augmentation | None, inputs: Inputs, now: _ForwardPass) -> dict[str, jax.Array]:
  more = augmentation.report(inputs.memory['augment'], now.real_scores) if augmentation else {}
  return {
    'real_score': now.real_scores.mean(),
    'fake_score': now.fake_scores.mean(),
    'accuracy': diagnostics.accuracy(now.real_scores, now.fake_scores),
    **diagnostics.distances(inputs, now.made),
    **more,
  }


class _Term(NamedTuple):
  """A penalty in a loss."""

  regularizer: Regularizer
  weight: float
  every: int

  def evaluate(self, critique: PenaltyInputs, step: jax.Array, last: jax.Array):
    """The mean penalty, `last` in the steps without, and what it adds to the loss."""
    value = lambda: self.regularizer.penalty(critique).mean()
    if self.every == 1:
      mean = value()
      return mean, self.weight * mean
    due = step % self.every == 0
    mean = jax.lax.cond(due, value, lambda: last.astype(critique.real_scores.dtype))
    return mean, jnp.where(due, self.weight * self.every * mean, 0)


def _terms(penalties: Mapping[str, Mapping[str, Any]]) -> dict[str, _Term]:
  terms = {}
  for name, spec in penalties.items():
    if not isinstance(spec, Mapping) or 'weight' not in spec:
      raise ConfigError(f'penalties.{name}: it needs {{"weight": a number}}; it is {spec!r}')
    arguments = dict(spec)
    weight, every = arguments.pop('weight'), arguments.pop('every', 1)
    if not numerics.is_within(weight):
      raise ConfigError(f'penalties.{name}: weight is {weight!r}; it must be a number of at least 0')
    if not validation.is_whole(every, 1):
      raise ConfigError(f'penalties.{name}: every is {every!r}; it must be a whole number from 1')
    with at(f'penalties.{name}'):
      made = lookup.make(regularizers, {**arguments, 'name': name})
    terms[name] = _Term(made, weight, every)
  return terms


def _noise(noise: Mapping[str, Any]):
  """(examples, step, [B] keys) -> the examples as the discriminator is shown them."""
  if not noise:
    return lambda examples, step, key: examples
  lookup.check(noise, {'scale': True, 'steps': True})
  scale, steps = noise['scale'], noise['steps']
  if not numerics.is_within(scale) or not numerics.is_within(steps, least=1):
    raise ConfigError(f'noise: scale is {scale} and steps {steps}; at least 0, and at least 1')

  def shown(examples: jax.Array, step: jax.Array, key: chex.PRNGKey) -> jax.Array:
    draws = jax.vmap(lambda k: jax.random.normal(k, examples.shape[1:]))(key)
    return examples + scale * jnp.maximum(0, 1 - step / steps) * draws

  return shown


def _penalize(
  terms: Mapping[str, _Term], pair: Pair, variables: Variables, inputs: Inputs, now: _ForwardPass
) -> tuple[jax.Array | float, dict[str, jax.Array]]:
  """What the penalties add to the discriminator's loss, and their means."""
  added, means = 0.0, {}
  keys = rng.split(now.key, len(terms) + 1)
  for key, (name, term) in zip(keys, terms.items(), strict=False):
    critique = _penalty_inputs(pair, variables, inputs, now, key, inputs.memory['regularizers'][name])
    means[name], weighted = term.evaluate(critique, inputs.step, inputs.memory['last'][name])
    added += weighted
  return added, means


def _penalty_inputs(
  pair: Pair, variables: Variables, inputs: Inputs, now: _ForwardPass, key: chex.PRNGKey, memory: PyTree
) -> PenaltyInputs:
  key, critic_key = rng.split(key)
  critic = lambda points: pair.discriminate(variables, points, critic_key)[0]
  return PenaltyInputs(
    critic, now.real, now.fake, now.real_scores, now.fake_scores, key, inputs.gather, memory
  )


def _memory(terms: Mapping[str, _Term], augmentation: Augmentation | None) -> dict[str, Any]:
  """The fields of a game for what regularisers and the augmentation remember, and last means."""

  def init_memory(key: chex.PRNGKey, batch: Mapping[str, jax.Array]) -> PyTree:
    own = {name: term.regularizer.init_memory() for name, term in terms.items()}
    last = {name: jnp.zeros((), jnp.float32) for name in terms}
    with refused_values():
      more = {'augment': augmentation.init_memory(batch)} if augmentation else {}
    return {'regularizers': own, 'last': last, **more}

  def update_memory(memory: PyTree, variables: Variables, metrics: Mapping[str, jax.Array]) -> PyTree:
    mark, kept = 'discriminator/', memory['regularizers']
    own = {name.removeprefix(mark): v for name, v in metrics.items() if name.startswith(mark)}
    new = {name: t.regularizer.update_memory(kept[name], own) for name, t in terms.items()}
    last = {name: jnp.float32(own[name]) for name in terms}
    more = {'augment': augmentation.update_memory(memory['augment'], own)} if augmentation else {}
    return {'regularizers': new, 'last': last, **more}

  return {'init_memory': init_memory, 'update_memory': update_memory}
