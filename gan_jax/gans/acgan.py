"""ACGAN: Odena et al. 2017 (arXiv:1610.09585)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
from flax import linen as nn

from gan_jax import losses
from gan_jax.common import lookup, numerics, rng
from gan_jax.common.errors import ConfigError, at
from gan_jax.game import Aux, Game, Inputs, Variables
from gan_jax.gans.parts import diagnostics, labels
from gan_jax.gans.parts.adversarial_loss import mean_loss
from gan_jax.gans.parts.generator_discriminator import (
  check_networks,
  check_outputs,
  make_game,
  make_pair,
)
from gan_jax.networks.wrappers import map_inner_module


class _Judged(NamedTuple):
  """The discriminator's outputs for a batch: logits [B], and logits of the classes [B, classes]."""

  logits: jax.Array
  classes: jax.Array


class _ForwardPass(NamedTuple):
  """The generated examples [B, ...], the outputs for both kinds of examples, and the labels [B]."""

  generated: jax.Array
  real: _Judged
  fake: _Judged
  label: jax.Array


def make(
  networks: Mapping[str, nn.Module],
  *,
  prior: Mapping[str, Any],
  classes: int,
  loss: Mapping[str, Any] = {'name': 'non_saturating'},
  weight: float = 1.0,
  classify_fakes: bool = True,
) -> Game:
  """Returns a game whose discriminator also predicts the label (section 3).

  Both players minimize the cross entropy of the labels beside their adversarial loss:

      discriminator: adversarial + weight (CE(real) + CE(fake));
      generator: adversarial + weight CE(fake).

  Args:
    networks: 'generator', [B, L + classes] -> examples; 'discriminator', examples -> [B, 1 + classes],
      the logit and the logits of the classes.
    prior: as in `two_player.make`.
    classes: number of labels, at least 2.
    loss: as in `two_player.make`.
    weight: of the cross entropies, at least 0; 1 in the paper.
    classify_fakes: whether the discriminator learns the labels of generated examples too, as in the
      paper. It then rewards examples that are easy to classify, which lowers their variety. Without it
      the game is the modified ACGAN of later code.

  Raises:
    ConfigError: the number of classes or the weight is out of its range.
  """
  labels.check_classes(classes)
  if not numerics.is_within(weight):
    raise ConfigError(f'weight={weight!r}: out of range (a finite number of at least 0); 1 is usual')
  check_networks(networks)
  joined = map_inner_module(networks['generator'], lambda module: labels.Concatenated(module, classes))
  pair = make_pair({**networks, 'generator': joined}, prior, classes, ('generator',))
  with at('loss'):
    adversarial = lookup.make(losses, loss)

  def judge(outputs: jax.Array) -> _Judged:
    check_outputs(outputs, rank=2)
    if outputs.shape[1] != 1 + classes:
      raise ConfigError(
        f'networks.discriminator: {outputs.shape[1]} outputs ({1 + classes}, the logit and the logits '
        'of the classes); change its field outputs'
      )
    return _Judged(outputs[:, 0], outputs[:, 1:])

  def forward_pass(variables: Variables, inputs: Inputs) -> tuple[_ForwardPass, Variables]:
    latent_key, generator_key, real_key, fake_key = rng.split(inputs.key, 4)
    label = inputs.batch['label']
    generated, variables = pair.generate(variables, latent_key, generator_key, label)
    real, variables = pair.discriminate(variables, inputs.batch['real'], real_key)
    fake, variables = pair.discriminate(variables, generated, fake_key)
    return _ForwardPass(generated, judge(real), judge(fake), label), variables

  def adversarial_part(function: losses.Pairwise, forward: _ForwardPass, inputs: Inputs) -> jax.Array:
    return mean_loss(adversarial, function, forward.real.logits, forward.fake.logits, inputs)

  def discriminator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = forward_pass(variables, inputs)
    real_loss, fake_loss = (
      losses.class_cross_entropy(judged.classes, forward.label).mean()
      for judged in (forward.real, forward.fake)
    )
    class_loss = real_loss + fake_loss if classify_fakes else real_loss
    value = adversarial_part(adversarial.discriminator, forward, inputs) + weight * class_loss
    metrics = {
      'real_class_loss': real_loss,
      'fake_class_loss': fake_loss,
      'real_label_accuracy': diagnostics.label_accuracy(forward.real.classes, forward.label),
      'fake_label_accuracy': diagnostics.label_accuracy(forward.fake.classes, forward.label),
      **diagnostics.of_logits(inputs, forward.real.logits, forward.fake.logits, forward.generated),
    }
    return value, Aux(variables, metrics)

  def generator_loss(variables: Variables, inputs: Inputs) -> tuple[jax.Array, Aux]:
    forward, variables = forward_pass(variables, inputs)
    class_loss = losses.class_cross_entropy(forward.fake.classes, forward.label).mean()
    value = adversarial_part(adversarial.generator, forward, inputs) + weight * class_loss
    return value, Aux(variables, {'fake_score': forward.fake.logits.mean(), 'class_loss': class_loss})

  def classify(variables: Variables, examples: jax.Array) -> jax.Array:
    return judge(pair.discriminate_eval(variables, examples)).classes

  def critic(variables: Variables, examples: jax.Array) -> jax.Array:
    return judge(pair.discriminate_eval(variables, examples)).logits

  return make_game(pair, discriminator_loss, generator_loss, critic=critic, classify=classify)
