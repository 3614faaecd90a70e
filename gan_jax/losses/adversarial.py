"""Adversarial losses on the raw scores of a discriminator (logits, critic values or energies).

A loss is a pair of shape-preserving functions of real and fake scores of equal shape; both are
minimised and both return an array of that shape. The mean is taken where a game is put together.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp

from gan_jax.common import lookup, numerics
from gan_jax.divergences import f_divergences

Pairwise = Callable[[jax.Array, jax.Array], jax.Array]


class AdversarialLoss(NamedTuple):
  """What each player minimises, given (real_scores, fake_scores).

  Attributes:
    discriminator: (real_scores, fake_scores) -> an array of their shape.
    generator: the same.
    over_batch: whether an example's loss depends on the whole batch, so that a game on several
      devices must hand over the scores of all of them.
    unsmoothed: `discriminator` without label smoothing; None where it has none.
  """

  discriminator: Pairwise
  generator: Pairwise
  over_batch: bool = False
  unsmoothed: Pairwise | None = None


def _paired(function: Pairwise) -> Pairwise:
  """`function`, refusing scores of unequal shape, which would be broadcast."""

  def checked(real: jax.Array, fake: jax.Array) -> jax.Array:
    chex.assert_equal_shape([real, fake])
    return function(real, fake)

  return checked


def _loss(discriminator: Pairwise, generator: Pairwise, over_batch: bool = False) -> AdversarialLoss:
  return AdversarialLoss(_paired(discriminator), _paired(generator), over_batch)


def _cross_entropy(real_label: float, generator: Pairwise) -> AdversarialLoss:
  if not 0.5 <= real_label <= 1:
    raise ValueError(f'real_label is {real_label}; it must be from 0.5 to 1')

  def unsmoothed(real: jax.Array, fake: jax.Array) -> jax.Array:
    return jax.nn.softplus(-real) + jax.nn.softplus(fake)

  def smoothed(real: jax.Array, fake: jax.Array) -> jax.Array:
    # The share of softplus(-real) that goes to softplus(real), which is larger by `real`.
    return unsmoothed(real, fake) + (1 - real_label) * real

  discriminator = smoothed if real_label < 1 else unsmoothed
  return _loss(discriminator, generator)._replace(unsmoothed=_paired(unsmoothed))


def minimax(real_label: float = 1.0) -> AdversarialLoss:
  """The zero-sum game of the first GAN: D(x) = sigmoid(score).

  discriminator: -log D(real) - log(1 - D(fake));  generator: log(1 - D(fake)).
  The generator's gradient vanishes where the discriminator is sure that a sample is fake.

  Args:
    real_label: the target for real examples, in [0.5, 1]; below 1 it is the one-sided label
      smoothing of Salimans et al. 2016 (arXiv:1606.03498), section 3.4.

  Raises:
    ValueError: real_label is outside its range.

  Source: Goodfellow et al. 2014 (arXiv:1406.2661), equation 1.
  """
  return _cross_entropy(real_label, lambda real, fake: -jax.nn.softplus(fake))


def non_saturating(real_label: float = 1.0) -> AdversarialLoss:
  """The discriminator of `minimax`; generator: -log D(fake), whose gradient does not vanish early.

  Args:
    real_label: as in `minimax`.

  Source: Goodfellow et al. 2014 (arXiv:1406.2661), section 3, after equation 1.
  """
  return _cross_entropy(real_label, lambda real, fake: jax.nn.softplus(-fake))


def kl(real_label: float = 1.0) -> AdversarialLoss:
  """The discriminator of `minimax`; generator: log(1 - D(fake)) - log D(fake) = -score.

  The sum of the two generators above. With the best discriminator the score is log p_data / p_g, and
  the generator descends KL(p_g || p_data), the divergence that forbids samples off the data.

  Args:
    real_label: as in `minimax`.

  Source: Huszar 2016, "An Alternative Update Rule for Generative Adversarial Networks"; Sonderby et
    al. 2017 (arXiv:1610.04490), section 3.2.
  """
  return _cross_entropy(real_label, lambda real, fake: -fake)


def _check_labels(**labels: float) -> None:
  for name, label in labels.items():
    numerics.check_finite(name, label)


def least_squares(fake: float = 0.0, real: float = 1.0, target: float = 1.0) -> AdversarialLoss:
  """LSGAN: the squared distance of scores from labels, with the paper's 1/2.

  discriminator: 1/2 (D(real) - b)^2 + 1/2 (D(fake) - a)^2;  generator: 1/2 (D(fake) - c)^2.
  With b - c = 1 and b - a = 2 the generator's loss together with the same term on real examples, which
  it does not change, is worth half of the Pearson chi-square between p_data + p_g and 2 p_g once the
  discriminator has answered (equation 5); its slope against a discriminator that stands still is
  another (docs/theory.md).

  Args:
    fake: a, the label of fakes.
    real: b, the label of real examples.
    target: c, what the generator wants its samples to score.

  Raises:
    ValueError: a label is not a finite number.

  Source: Mao et al. 2017 (arXiv:1611.04076), equation 2; the defaults are its equation 9.
  """
  _check_labels(fake=fake, real=real, target=target)
  return _loss(
    lambda on_real, on_fake: 0.5 * (on_real - real) ** 2 + 0.5 * (on_fake - fake) ** 2,
    lambda on_real, on_fake: 0.5 * (on_fake - target) ** 2,
  )


def least_absolute(fake: float = 0.0, real: float = 1.0, target: float = 1.0) -> AdversarialLoss:
  """`least_squares` with absolute deviations: |D(real) - b| + |D(fake) - a|, and |D(fake) - c|.

  The best discriminator answers with the label that is likelier at a point, between the two labels
  wherever p_data = p_g. The generator's slope is +-1 whatever the score. No paper stands behind the
  defaults, which are LSGAN's.

  Args:
    fake: a, the label of fakes.
    real: b, the label of real examples.
    target: c, what the generator wants its samples to score.

  Raises:
    ValueError: a label is not a finite number.
  """
  _check_labels(fake=fake, real=real, target=target)
  return _loss(
    lambda on_real, on_fake: jnp.abs(on_real - real) + jnp.abs(on_fake - fake),
    lambda on_real, on_fake: jnp.abs(on_fake - target),
  )


def f_divergence(divergence: str, saturating: bool = False) -> AdversarialLoss:
  """f-GAN: the variational lower bound of an f-divergence D_f(p_data || p_g), T = g(score).

  discriminator: -T(real) + f*(T(fake)), the bound's negative;  generator: -T(fake), the switch that
  section 3.2 advises, or with `saturating` -f*(T(fake)), the bound itself (equation 6).

  Args:
    divergence: a function of `gan_jax.divergences.f_divergences`: total_variation, kl, reverse_kl,
      pearson, neyman, hellinger, jensen_shannon or gan.
    saturating: whether the generator minimises the bound itself.

  Raises:
    ConfigError: there is no such divergence.

  Source: Nowozin et al. 2016 (arXiv:1606.00709), equations 6 and 7, tables 2 and 6.
  """
  f = lookup.make(f_divergences, {'name': divergence})
  bound = lambda real, fake: f.conjugate_of_output(fake) - f.output(real)
  if saturating:
    return _loss(bound, lambda real, fake: -f.conjugate_of_output(fake))
  return _loss(bound, lambda real, fake: -f.output(fake))


def wasserstein() -> AdversarialLoss:
  """The critic's estimate of the Wasserstein-1 distance; the critic must be kept Lipschitz.

  discriminator: f(fake) - f(real);  generator: -f(fake).

  Source: Arjovsky et al. 2017 (arXiv:1701.07875), equations 2 and 3, algorithm 1.
  """
  return _loss(lambda real, fake: fake - real, lambda real, fake: -fake)


def hinge() -> AdversarialLoss:
  """discriminator: max(0, 1 - D(real)) + max(0, 1 + D(fake));  generator: -D(fake).

  Source: Lim & Ye 2017 (arXiv:1705.02894), section 3; Miyato et al. 2018 (arXiv:1802.05957),
    equations 16 and 17.
  """
  return _loss(
    lambda real, fake: jax.nn.relu(1 - real) + jax.nn.relu(1 + fake), lambda real, fake: -fake
  )


def energy_margin(margin: float) -> AdversarialLoss:
  """EBGAN, on energies (low for what is real): E(real) + max(0, margin - E(fake)), and E(fake).

  Args:
    margin: m > 0, finite, above which the energy of fakes is high enough.

  Raises:
    ValueError: the margin is not positive and finite.

  Source: Zhao et al. 2017 (arXiv:1609.03126), equations 1 and 2.
  """
  if not numerics.is_positive(margin):
    raise ValueError(f'margin is {margin}; it must be positive')
  return _loss(lambda real, fake: real + jax.nn.relu(margin - fake), lambda real, fake: fake)


def relativistic_paired(base: AdversarialLoss) -> AdversarialLoss:
  """RpGAN: how much more real a real example is than the fake at the same place of the batch.

  With base discriminator f1(real) + f2(fake), and d = D(real) - D(fake):
  discriminator: 1/2 (f1(d) + f2(-d));  generator: 1/2 (f1(-d) + f2(d)).
  Where f2(x) = f1(-x), as with cross-entropy and hinge, these are f1(d) and f1(-d): softplus(-d) and
  softplus(d) on `non_saturating()`, the loss of R3GAN.

  Args:
    base: of which only the discriminator's side is used; in a config {'name': ..., **arguments}. Label
      smoothing, being one-sided, acts on the discriminator alone.

  Source: Jolicoeur-Martineau 2019 (arXiv:1807.00734), equations 8 and 9 halved; Huang et al. 2024
    (arXiv:2501.05441), equation 2.
  """
  return _relativistic(base, lambda real, fake: (real - fake, fake - real), 0.5, base.over_batch)


def relativistic_average(base: AdversarialLoss) -> AdversarialLoss:
  """RaGAN: how much more real a real example is than the average fake, and the reverse.

  With base discriminator f1(real) + f2(fake) and means over the batch:
  discriminator: f1(D(real) - mean D(fake)) + f2(D(fake) - mean D(real));  generator: the two
  exchanged, f1(D(fake) - mean D(real)) + f2(D(real) - mean D(fake)).

  Args:
    base: as in `relativistic_paired`.

  Source: Jolicoeur-Martineau 2019 (arXiv:1807.00734), section 4.2, algorithm 2.
  """
  return _relativistic(base, lambda real, fake: (real - fake.mean(), fake - real.mean()), 1.0, True)


def _relativistic(
  base: AdversarialLoss, compared: Callable[..., Any], scale: float, over_batch: bool
) -> AdversarialLoss:
  """The base on compared scores; the generator's loss is the discriminator's, the two exchanged."""
  plain = lambda real, fake: scale * (base.unsmoothed or base.discriminator)(*compared(real, fake))
  return _loss(
    lambda real, fake: scale * base.discriminator(*compared(real, fake)),
    lambda real, fake: plain(fake, real),
    over_batch,
  )._replace(unsmoothed=_paired(plain))


FACTORIES = (
  energy_margin,
  f_divergence,
  hinge,
  kl,
  least_absolute,
  least_squares,
  minimax,
  non_saturating,
  relativistic_average,
  relativistic_paired,
  wasserstein,
)
"""The losses that a config can name."""

NESTED = ('base',)
"""Arguments that are losses; a config gives them as {'name': ..., **arguments}."""
