"""Metrics of a batch that games log beside their losses."""

import chex
import jax
import jax.numpy as jnp

from gan_jax.game import Inputs


def accuracy(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
  """Returns the fraction of (real, fake) pairs in which the real example has the higher logit.

  accuracy = mean_i [r_i > f_i] + 1/2 mean_i [r_i = f_i], for the i-th real and the i-th fake logit.

  It is 1/2 if the discriminator cannot tell real from fake, and 1 if it always can. It needs no
  threshold, and it does not depend on how the batch is divided among devices.

  Args:
    real_logits: float [B]. For energies, which are lower for real examples, pass their negatives.
    fake_logits: float [B].

  Returns:
    A scalar in [0, 1]; NaN if a logit is NaN.
  """
  chex.assert_rank([real_logits, fake_logits], 1)
  chex.assert_equal_shape([real_logits, fake_logits])
  margins = jax.lax.stop_gradient(real_logits - fake_logits)
  return ((1 + jnp.sign(margins)) / 2).mean()


def of_logits(
  inputs: Inputs, real_logits: jax.Array, fake_logits: jax.Array, fake: jax.Array
) -> dict[str, jax.Array]:
  """Returns the mean logits of both kinds, the accuracy and the distances of a batch.

  Args:
    inputs: of the loss.
    real_logits: [B].
    fake_logits: [B].
    fake: generated examples [B, ...], without noise and augmentation.
  """
  return {
    'real_score': real_logits.mean(),
    'fake_score': fake_logits.mean(),
    'accuracy': accuracy(real_logits, fake_logits),
    **distances(inputs, fake),
  }


def distances(inputs: Inputs, fake: jax.Array) -> dict[str, jax.Array]:
  """Returns the root mean square distance between two examples, among real and among fake ones.

  sqrt(mean_{i != j} |x_i - x_j|^2) = sqrt(2 B / (B - 1) mean_i |x_i - mean|^2), over the batch of all
  devices or of each one, see `batch_statistics` in `schema.default`. A generator that collapsed to one
  example has 0. A collapse to a few distant examples does not lower it.

  Args:
    inputs: of the loss; the real examples are those of the data, without instance noise.
    fake: of the shape of the real examples, likewise without noise.

  Returns:
    Scalars 'real_distance' and 'fake_distance'; 0 for a batch of one.
  """
  real = inputs.batch['real']
  chex.assert_equal_shape([real, fake])
  return {'real_distance': _distance(inputs, real), 'fake_distance': _distance(inputs, fake)}


def _distance(inputs: Inputs, examples: jax.Array) -> jax.Array:
  points = jax.lax.stop_gradient(examples).reshape(len(examples), -1)
  over_all = lambda value: inputs.gather(value[None]).mean(axis=0)
  # Only the length of the gathered array is used, so devices exchange no examples.
  count = len(inputs.gather(points[:, 0]))
  # Centered first: sums of squares minus squares of sums would cancel far from the origin.
  centered = points - over_all(points.mean(axis=0))
  square = over_all((centered**2).sum(axis=1).mean())
  return jnp.sqrt(2 * count / max(count - 1, 1) * square)


def label_accuracy(logits: jax.Array, label: jax.Array) -> jax.Array:
  """Returns the fraction of examples whose largest logit is that of their label.

  Args:
    logits: of the classes, [B, K].
    label: int32 [B].

  Returns:
    A scalar in [0, 1].
  """
  return (logits.argmax(axis=1) == label).astype(jnp.float32).mean()
