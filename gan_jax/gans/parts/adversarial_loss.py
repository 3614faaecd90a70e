"""The mean of an adversarial loss over a batch."""

import jax

from gan_jax.game import Inputs
from gan_jax.losses import AdversarialLoss, Pairwise


def mean_loss(
  loss: AdversarialLoss,
  function: Pairwise,
  real_logits: jax.Array,
  fake_logits: jax.Array,
  inputs: Inputs,
) -> jax.Array:
  """Returns the mean of a player's loss over the examples of this device, or of the whole batch.

  Args:
    loss: the adversarial loss. If it is over the batch, each device gets the logits of all devices.
    function: its function of the player, `loss.discriminator` or `loss.generator`.
    real_logits: [B].
    fake_logits: [B].
    inputs: of the player's loss.
  """
  gather = inputs.gather if loss.over_batch else lambda x: x
  return function(gather(real_logits), gather(fake_logits)).mean()
