"""A generator against a discriminator, for variants that differ in loss, penalties, or augmentation."""

import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax import augment as augmentations
from gan_jax import latents, losses
from gan_jax.augment import Augmentation
from gan_jax.common import lookup, numerics, renamed, rng
from gan_jax.common.errors import ConfigError, at, refused_values
from gan_jax.common.types import PyTree
from gan_jax.game import Aux, Game, Inputs, Variables
from gan_jax.gans.parts import diagnostics
from gan_jax.gans.parts.adversarial_loss import mean_loss
from gan_jax.gans.parts.generator_discriminator import (
  Pair,
  check_outputs,
  generate_from,
  make_game,
  make_pair,
)
from gan_jax.gans.parts.penalties import make_penalties
from gan_jax.losses import generator_regularizers, regularizers
from gan_jax.losses.generator_regularizers import GeneratorPenaltyInputs
from gan_jax.losses.regularizers import LazyPenalties, PenaltyInputs


class _ForwardPass(NamedTuple):
  """A batch as the discriminator sees it, and its logits.

  Attributes:
    fake: generated examples [B, ...], without augmentation and noise.
    real_logits: [B].
    fake_logits: [B].
    key: [B] keys for penalties.
  """

  fake: jax.Array
  real_logits: jax.Array
  fake_logits: jax.Array
  key: chex.PRNGKey


class _View(NamedTuple):
  """Examples as the discriminator sees them in training: augmented and noisy.

  Attributes:
    augmentation: of images, or None.
    add_noise: adds instance noise, see `_instance_noise`.
  """

  augmentation: Augmentation | None
  add_noise: Callable[[jax.Array, jax.Array, chex.PRNGKey], jax.Array]

  def __call__(
    self, examples: jax.Array, inputs: Inputs, augment_key: chex.PRNGKey, noise_key: chex.PRNGKey
  ) -> jax.Array:
    """Returns examples [B, ...] after augmentation and noise, with [B] keys of both."""
    if self.augmentation:
      examples = self.augmentation.apply(examples, augment_key, inputs.memory['augment'])
    return self.add_noise(examples, inputs.step, noise_key)


_OF_GENERATOR = 'generator_penalties'
"""The key of the generator's penalties in the memory, beside those of the discriminator's."""


class _Memory(NamedTuple):
  """The parts of a game that have a memory: the penalties of both players, and the augmentation."""

  of_discriminator: LazyPenalties
  of_generator: LazyPenalties
  augmentation: Augmentation | None

  def init(self, key: chex.PRNGKey, batch: Mapping[str, jax.Array]) -> PyTree:
    """Returns the first memory, see `game.Game`."""
    memory = self.of_discriminator.init_memory()
    if self.of_generator.by_name:
      memory = {**memory, _OF_GENERATOR: self.of_generator.init_memory()}
    if self.augmentation:
      with refused_values():
        memory = {**memory, 'augment': self.augmentation.init_memory(batch)}
    return memory

  def update(
    self,
    memory: PyTree,
    variables: Variables,
    metrics: Mapping[str, jax.Array],
    record: Mapping[str, jax.Array],
  ) -> PyTree:
    """Returns the memory after a step, see `game.Game`."""
    discriminator_metrics = _of_player('discriminator', metrics)
    updated = self.of_discriminator.update_memory(memory, discriminator_metrics)
    if self.of_generator.by_name:
      penalties = memory[_OF_GENERATOR]
      updated[_OF_GENERATOR] = self.of_generator.update_memory(
        penalties, _of_player('generator', metrics)
      )
    if self.augmentation:
      updated['augment'] = self.augmentation.update_memory(memory['augment'], discriminator_metrics)
    return updated


def _of_player(player: str, metrics: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
  """Returns the metrics of a player, and the step, see `game.Game`."""
  prefix = f'{player}/'
  return {
    name.removeprefix(prefix): metric
    for name, metric in metrics.items()
    if name.startswith(prefix) or name == 'step'
  }


def make(
  networks: Mapping[str, nn.Module],
  *,
  loss: Mapping[str, Any],
  prior: Mapping[str, Any],
  penalties: Mapping[str, Mapping[str, Any]] = {},
  generator_penalties: Mapping[str, Mapping[str, Any]] = {},
  noise: Mapping[str, Any] = {},
  augment: Mapping[str, Any] = {},
  classes: int = 0,
) -> Game:
  """Returns a game of two players, in which the discriminator plays first.

  Args:
    networks: 'generator', latents [B, L] -> examples; 'discriminator', examples -> logits [B]. With
      classes, both take labels too, see `generator_discriminator.Pair`.
    loss: {'name': a factory of `gan_jax.losses`, **its arguments}.
    prior: {'name': a factory of `gan_jax.latents`, **its arguments}.
    penalties: {a factory of `gan_jax.losses.regularizers`: {'weight': its factor, 'every': n, **its
      arguments}}, added to the discriminator's loss. A penalty is computed in every n-th step with n
      times the weight; n is 1 by default (lazy regularization, Karras et al. 2020, arXiv:1912.04958,
      section 3.1).
    generator_penalties: the same for the generator's loss, with the factories of
      `gan_jax.losses.generator_regularizers`.
    noise: {'scale': s, 'steps': n}: Gaussian noise on all examples that the discriminator sees in
      training. Its standard deviation decreases linearly from s to 0 over n steps (instance noise,
      Arjovsky & Bottou 2017, arXiv:1701.04862, section 3; annealed as by Sonderby et al. 2017,
      arXiv:1610.04490).
    augment: {'name': a factory of `gan_jax.augment`, **its arguments}, applied to all images that the
      discriminator sees in training, before the noise. Gradient penalties are taken with respect to
      the examples before both, through both, as by Karras et al. 2020 (arXiv:2006.06676), appendix E.
    classes: number of labels that both networks are conditioned on; 0 for none. A generated example
      gets the label of the real one beside it, so that both have the labels of the data.

  Returns:
    The game. Its metrics are:

    - 'real_score' and 'fake_score', the mean logits in the discriminator's update, and 'fake_score' in
      the generator's;
    - 'accuracy' and the distances of `gans.parts.diagnostics`, of examples without augmentation and
      noise;
    - the mean of each penalty and of what it measures, without its weight; between the steps in which
      a lazy one is computed, its last mean;
    - the metrics of the augmentation.

  Raises:
    ConfigError: an unknown loss, prior, penalty or augmentation, or an argument that it does not take.
  """
  with at('loss'):
    adversarial = lookup.make(losses, loss)
  pair = make_pair(networks, prior, classes, tuple(networks) if classes else ())
  of_discriminator = make_penalties(penalties, 'penalties', regularizers)
  of_generator = make_penalties(generator_penalties, 'generator_penalties', generator_regularizers)
  with at('augment'):
    renamed.check(augment, inside='gan.augment.')
    augmentation = lookup.make(augmentations, augment) if augment else None
  view = _View(augmentation, _instance_noise(noise))
  parts = _Memory(of_discriminator, of_generator, augmentation)

  def forward_pass(variables: Variables, inputs: Inputs) -> tuple[_ForwardPass, Variables]:
    latent_key, generator_key, real_key, fake_key, *noise_keys, key = rng.split(inputs.key, 7)
    augment_keys = rng.split(_augmentation_key(inputs.key))
    label = pair.label(inputs.batch)
    fake, variables = pair.generate(variables, latent_key, generator_key, label)
    real_seen = view(inputs.batch['real'], inputs, augment_keys[0], noise_keys[0])
    fake_seen = view(fake, inputs, augment_keys[1], noise_keys[1])
    real_logits, variables = pair.discriminate(variables, real_seen, real_key, label)
    fake_logits, variables = pair.discriminate(variables, fake_seen, fake_key, label)
    check_outputs(real_logits, rank=1)
    check_outputs(fake_logits, rank=1)
    return _ForwardPass(fake, real_logits, fake_logits, key), variables

  def discriminator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = forward_pass(variables, inputs)
    logits = forward.real_logits, forward.fake_logits
    value = mean_loss(adversarial, adversarial.discriminator, *logits, inputs)
    penalty, means = of_discriminator.evaluate(
      lambda key, memory: _penalty_inputs(pair, view, variables, inputs, forward, key, memory),
      forward.key,
      inputs.memory,
      inputs.step,
      forward.real_logits.dtype,
    )
    return value + penalty, Aux(variables, _metrics(augmentation, inputs, forward) | means)

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = forward_pass(variables, inputs)
    logits = forward.real_logits, forward.fake_logits
    value = mean_loss(adversarial, adversarial.generator, *logits, inputs)
    penalty, means = of_generator.evaluate(
      lambda key, memory: _generator_penalty_inputs(pair, variables, inputs, key, memory),
      forward.key,
      inputs.memory.get(_OF_GENERATOR),
      inputs.step,
      forward.fake_logits.dtype,
    )
    return value + penalty, Aux(variables, {'fake_score': forward.fake_logits.mean()} | means)

  return make_game(
    pair,
    discriminator_loss,
    generator_loss,
    critic=None if classes else pair.discriminate_eval,
    init_memory=parts.init,
    update_memory=parts.update,
  )


def _augmentation_key(key: chex.PRNGKey) -> chex.PRNGKey:
  """Returns keys [B] for augmentations, which serve no other purpose, from keys [B]."""
  return jax.vmap(lambda k: jax.random.fold_in(k, zlib.crc32(b'augment')))(key)


def _metrics(
  augmentation: Augmentation | None, inputs: Inputs, forward: _ForwardPass
) -> dict[str, jax.Array]:
  logits = forward.real_logits, forward.fake_logits
  metrics = diagnostics.of_logits(inputs, *logits, forward.fake)
  if augmentation is None:
    return metrics
  return metrics | augmentation.report(inputs.memory['augment'], forward.real_logits)


def _penalty_inputs(
  pair: Pair,
  view: _View,
  variables: Variables,
  inputs: Inputs,
  forward: _ForwardPass,
  key: chex.PRNGKey,
  memory: PyTree,
) -> PenaltyInputs:
  key, critic_key = rng.split(key)
  label = pair.label(inputs.batch)

  def critic(points: jax.Array) -> jax.Array:
    augment_key, noise_key = rng.split(_augmentation_key(critic_key))
    seen = view(points, inputs, augment_key, noise_key)
    return pair.discriminate(variables, seen, critic_key, label)[0]

  return PenaltyInputs(
    critic=critic,
    real=inputs.batch['real'],
    fake=forward.fake,
    real_logits=forward.real_logits,
    fake_logits=forward.fake_logits,
    key=key,
    gather=inputs.gather,
    memory=memory,
  )


def _generator_penalty_inputs(
  pair: Pair, variables: Variables, inputs: Inputs, key: chex.PRNGKey, memory: PyTree
) -> GeneratorPenaltyInputs:
  key, latent_key, generator_key = rng.split(key, 3)
  label = pair.label(inputs.batch)

  def generate(latent: jax.Array) -> jax.Array:
    return generate_from(pair, variables, latent, generator_key, label)[0]

  latent = latents.materialize(pair.prior(latent_key))
  return GeneratorPenaltyInputs(generate, latent, key, inputs.gather, memory)


def _instance_noise(
  noise: Mapping[str, Any],
) -> Callable[[jax.Array, jax.Array, chex.PRNGKey], jax.Array]:
  """Returns (examples [B, ...], step, [B] keys) -> noisy examples [B, ...]."""
  if not noise:
    return lambda examples, step, key: examples
  with at('noise'):
    lookup.check(noise, {'scale': True, 'steps': True})
    scale, steps = noise['scale'], noise['steps']
    if not numerics.is_within(scale):
      raise ConfigError(f'scale={scale!r}: out of range (a finite number of at least 0); change scale')
    if not numerics.is_within(steps, least=1):
      raise ConfigError(f'steps={steps!r}: out of range (a finite number of at least 1); change steps')

  def add_noise(examples: jax.Array, step: jax.Array, key: chex.PRNGKey) -> jax.Array:
    normals = jax.vmap(lambda k: jax.random.normal(k, examples.shape[1:]))(key)
    return examples + scale * jnp.maximum(0, 1 - step / steps) * normals

  return add_noise
