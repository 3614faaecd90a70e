"""Adversarial losses of the unbounded outputs of a discriminator: logits, critic outputs or energies.

A loss is a pair of shape-preserving functions of real and fake logits of equal shape. Both are
minimized, and both return an array of that shape. A game takes the mean.
"""

from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from gan_jax.common import lookup, numerics
from gan_jax.divergences import f_divergences

Pairwise = Callable[[jax.Array, jax.Array], jax.Array]


class AdversarialLoss(NamedTuple):
  """The losses that the two players minimize.

  Attributes:
    discriminator: (real_logits, fake_logits) -> an array of their shape.
    generator: the same.
    over_batch: whether the loss of an example depends on the whole batch. A game on several devices
      then passes the logits of all devices.
    unsmoothed: `discriminator` without label smoothing; None for a loss that has no label smoothing.
  """

  discriminator: Pairwise
  generator: Pairwise
  over_batch: bool = False
  unsmoothed: Pairwise | None = None


def _paired(function: Pairwise) -> Pairwise:
  """Returns `function` with a check that the shapes are equal; they would be broadcast otherwise."""

  def checked(real: jax.Array, fake: jax.Array) -> jax.Array:
    chex.assert_equal_shape([real, fake])
    return function(real, fake)

  return checked


def _loss(discriminator: Pairwise, generator: Pairwise, over_batch: bool = False) -> AdversarialLoss:
  return AdversarialLoss(_paired(discriminator), _paired(generator), over_batch)


def _cross_entropy(real_label: float, generator: Pairwise) -> AdversarialLoss:
  if not numerics.is_between(real_label, 0.5, 1):
    raise ValueError(f'real_label={real_label!r}: out of range (from 0.5 to 1); change real_label')

  def unsmoothed(real: jax.Array, fake: jax.Array) -> jax.Array:
    return jax.nn.softplus(-real) + jax.nn.softplus(fake)

  def smoothed(real: jax.Array, fake: jax.Array) -> jax.Array:
    # A fraction of softplus(-real) becomes softplus(real), which is larger by `real`.
    return unsmoothed(real, fake) + (1 - real_label) * real

  is_smoothed = numerics.is_traced(real_label) or real_label < 1
  discriminator = smoothed if is_smoothed else unsmoothed
  return _loss(discriminator, generator)._replace(unsmoothed=_paired(unsmoothed))


def minimax(real_label: float = 1.0) -> AdversarialLoss:
  """Returns the loss of the zero-sum game of the first GAN.

  With D(x) = sigmoid(logit):

      discriminator: -log D(real) - log(1 - D(fake));
      generator: log(1 - D(fake)).

  The generator's gradient vanishes as D(fake) goes to 0.

  Args:
    real_label: the target for real examples, in [0.5, 1]; below 1 it is the one-sided label
      smoothing of Salimans et al. 2016 (arXiv:1606.03498), section 3.4.

  Raises:
    ValueError: `real_label` is outside its range.

  Source: Goodfellow et al. 2014 (arXiv:1406.2661), equation 1.
  """
  return _cross_entropy(real_label, lambda real, fake: -jax.nn.softplus(fake))


def non_saturating(real_label: float = 1.0) -> AdversarialLoss:
  """Returns the non-saturating loss.

      discriminator: as in `minimax`;
      generator: -log D(fake).

  The generator's gradient does not vanish as D(fake) goes to 0.

  Args:
    real_label: the target for real examples, in [0.5, 1], as in `minimax`.

  Raises:
    ValueError: `real_label` is outside its range.

  Source: Goodfellow et al. 2014 (arXiv:1406.2661), section 3, after equation 1.
  """
  return _cross_entropy(real_label, lambda real, fake: jax.nn.softplus(-fake))


def kl(real_label: float = 1.0) -> AdversarialLoss:
  """Returns the loss whose generator descends KL(p_g || p_data).

      discriminator: as in `minimax`;
      generator: log(1 - D(fake)) - log D(fake) = -logit.

  The generator's loss is the sum of those of `minimax` and `non_saturating`. The logit of the optimal
  discriminator is log p_data / p_g. KL(p_g || p_data) penalizes samples where p_data is small.

  Args:
    real_label: the target for real examples, in [0.5, 1], as in `minimax`.

  Raises:
    ValueError: `real_label` is outside its range.

  Source: Huszar 2016, "An Alternative Update Rule for Generative Adversarial Networks"; Sonderby et
    al. 2017 (arXiv:1610.04490), section 3.2.
  """
  return _cross_entropy(real_label, lambda real, fake: -fake)


def _check_labels(**labels: float) -> None:
  for name, label in labels.items():
    numerics.check_finite(name, label)


def least_squares(fake: float = 0.0, real: float = 1.0, target: float = 1.0) -> AdversarialLoss:
  """Returns the loss of LSGAN, the squared distance of the outputs from labels.

      discriminator: 1/2 (D(real) - b)^2 + 1/2 (D(fake) - a)^2;
      generator: 1/2 (D(fake) - c)^2.

  Take b - c = 1 and b - a = 2, and add 1/2 (D(real) - c)^2, which the generator does not change. For
  the optimal discriminator the sum is half of the Pearson chi-square between p_data + p_g and 2 p_g
  (equation 5). Its gradient against a fixed discriminator is not that of the chi-square
  (docs/theory.md).

  Args:
    fake: a, the label of fakes.
    real: b, the label of real examples.
    target: c, the output that the generator wants for its samples.

  Raises:
    ValueError: a label is not a finite number.

  Source: Mao et al. 2017 (arXiv:1611.04076), equation 2; the defaults are its equation 9.
  """
  _check_labels(fake=fake, real=real, target=target)
  return _loss(
    lambda real_logits, fake_logits: 0.5 * (real_logits - real) ** 2 + 0.5 * (fake_logits - fake) ** 2,
    lambda real_logits, fake_logits: 0.5 * (fake_logits - target) ** 2,
  )


def least_absolute(fake: float = 0.0, real: float = 1.0, target: float = 1.0) -> AdversarialLoss:
  """Returns the absolute distance of the outputs from labels.

      discriminator: |D(real) - b| + |D(fake) - a|;
      generator: |D(fake) - c|.

  The optimal discriminator outputs the likelier label at each point; where p_data = p_g, anything
  between the two labels. The generator's derivative with respect to the output is always +1 or -1.
  The defaults are those of LSGAN; no paper recommends them for this loss.

  Args:
    fake: a, the label of fakes.
    real: b, the label of real examples.
    target: c, the output that the generator wants for its samples.

  Raises:
    ValueError: a label is not a finite number.
  """
  _check_labels(fake=fake, real=real, target=target)
  return _loss(
    lambda real_logits, fake_logits: jnp.abs(real_logits - real) + jnp.abs(fake_logits - fake),
    lambda real_logits, fake_logits: jnp.abs(fake_logits - target),
  )


def f_divergence(divergence: str, saturating: bool = False) -> AdversarialLoss:
  """Returns the loss of f-GAN, from a variational lower bound of D_f(p_data || p_g).

  With T = g(logit):

      discriminator: -T(real) + f*(T(fake)), the negative of the bound;
      generator: -T(fake), as section 3.2 recommends;
      generator with `saturating`: -f*(T(fake)), the bound itself (equation 6).

  Args:
    divergence: a function of `gan_jax.divergences.f_divergences`: total_variation, kl, reverse_kl,
      pearson, neyman, hellinger, jensen_shannon or gan.
    saturating: whether the generator minimizes the bound itself.

  Raises:
    ConfigError: the divergence is unknown.

  Source: Nowozin et al. 2016 (arXiv:1606.00709), equations 6 and 7, tables 2 and 6.
  """
  f = lookup.make(f_divergences, {'name': divergence})
  bound = lambda real, fake: f.conjugate_of_output(fake) - f.output(real)
  if saturating:
    return _loss(bound, lambda real, fake: -f.conjugate_of_output(fake))
  return _loss(bound, lambda real, fake: -f.output(fake))


def wasserstein() -> AdversarialLoss:
  """Returns the critic's estimate of the Wasserstein-1 distance.

      discriminator: f(fake) - f(real);
      generator: -f(fake).

  A constraint or a penalty must keep the critic Lipschitz.

  Source: Arjovsky et al. 2017 (arXiv:1701.07875), equations 2 and 3, algorithm 1.
  """
  return _loss(lambda real, fake: fake - real, lambda real, fake: -fake)


def hinge() -> AdversarialLoss:
  """Returns the hinge loss.

      discriminator: max(0, 1 - D(real)) + max(0, 1 + D(fake));
      generator: -D(fake).

  Source: Lim & Ye 2017 (arXiv:1705.02894), section 3; Miyato et al. 2018 (arXiv:1802.05957),
    equations 16 and 17.
  """
  return _loss(
    lambda real, fake: jax.nn.relu(1 - real) + jax.nn.relu(1 + fake), lambda real, fake: -fake
  )


def energy_margin(margin: float) -> AdversarialLoss:
  """Returns the loss of EBGAN, of energies E that are low for real examples.

      discriminator: E(real) + max(0, margin - E(fake));
      generator: E(fake).

  Args:
    margin: m > 0, finite; the discriminator does not raise the energy of a fake above it.

  Raises:
    ValueError: the margin is not positive and finite.

  Source: Zhao et al. 2017 (arXiv:1609.03126), equations 1 and 2.
  """
  if not numerics.is_positive(margin):
    raise ValueError(f'margin={margin!r}: out of range (a finite number above 0); change margin')
  return _loss(lambda real, fake: real + jax.nn.relu(margin - fake), lambda real, fake: fake)


def relativistic_paired(base: AdversarialLoss) -> AdversarialLoss:
  """Returns the loss of RpGAN, which compares the i-th real with the i-th fake example of a batch.

  With base discriminator f1(real) + f2(fake), and d = D(real) - D(fake):

      discriminator: 1/2 (f1(d) + f2(-d));
      generator: 1/2 (f1(-d) + f2(d)).

  If f2(x) = f1(-x), as for cross-entropy and hinge, the losses are f1(d) and f1(-d). For
  `non_saturating()` they are softplus(-d) and softplus(d), the loss of R3GAN.

  Args:
    base: a loss; only its discriminator part is used; in a config {'name': ..., **arguments}.
      Label smoothing is one-sided and acts on the discriminator only.

  Source: Jolicoeur-Martineau 2019 (arXiv:1807.00734), equations 8 and 9 halved; Huang et al. 2024
    (arXiv:2501.05441), equation 2.
  """
  return _relativistic(base, lambda real, fake: (real - fake, fake - real), 0.5, base.over_batch)


def relativistic_average(base: AdversarialLoss) -> AdversarialLoss:
  """Returns the loss of RaGAN, which compares each example with the mean of the other kind.

  With base discriminator f1(real) + f2(fake) and means over the batch:

      discriminator: f1(D(real) - mean D(fake)) + f2(D(fake) - mean D(real));
      generator: f1(D(fake) - mean D(real)) + f2(D(real) - mean D(fake)).

  Args:
    base: as in `relativistic_paired`.

  Source: Jolicoeur-Martineau 2019 (arXiv:1807.00734), section 4.2, algorithm 2.
  """
  return _relativistic(base, lambda real, fake: (real - fake.mean(), fake - real.mean()), 1.0, True)


def _relativistic(
  base: AdversarialLoss,
  relative: Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]],
  scale: float,
  over_batch: bool,
) -> AdversarialLoss:
  """Returns the base loss of relative logits; the generator's loss has real and fake exchanged."""
  plain = lambda real, fake: scale * (base.unsmoothed or base.discriminator)(*relative(real, fake))
  return _loss(
    lambda real, fake: scale * base.discriminator(*relative(real, fake)),
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
