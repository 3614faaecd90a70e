"""Relativistic losses: what is compared, and what label smoothing does to whom."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses
from helpers.discriminator_outputs import SIDES, scores


@pytest.mark.parametrize('factory', [losses.relativistic_paired, losses.relativistic_average])
def test_relativistic_label_smoothing_affects_only_the_discriminator(factory):
  real, fake = scores()
  plain, smoothed = (factory(losses.non_saturating(label)) for label in (1.0, 0.9))
  np.testing.assert_array_equal(smoothed.generator(real, fake), plain.generator(real, fake))
  # 0.1 of softplus(-d) goes to softplus(d), which is d more; half of that where the pair is halved.
  share = 0.05 if factory is losses.relativistic_paired else 0.1
  of_real = fake if factory is losses.relativistic_paired else fake.mean()
  more = smoothed.discriminator(real, fake) - plain.discriminator(real, fake)
  np.testing.assert_allclose(more, share * (real - of_real), rtol=1e-4, atol=1e-6)


def test_relativistic_average_label_smoothing_does_not_affect_the_generator():
  nested = lambda label: losses.relativistic_average(
    losses.relativistic_paired(losses.non_saturating(label))
  )
  smoothed, plain = nested(0.9), nested(1.0)
  real, fake = jnp.array([1.0, -2.0, 0.5]), jnp.array([0.3, 2.0, -1.0])
  np.testing.assert_array_equal(smoothed.generator(real, fake), plain.generator(real, fake))
  assert abs(smoothed.discriminator(real, fake) - plain.discriminator(real, fake)).max() > 0.01


def test_relativistic_paired_cross_entropy_is_softplus_of_the_difference():
  real, fake = scores()
  loss = losses.relativistic_paired(losses.non_saturating())
  np.testing.assert_allclose(
    loss.discriminator(real, fake), np.log1p(np.exp(-(real - fake))), rtol=1e-6
  )
  np.testing.assert_allclose(loss.generator(real, fake), np.log1p(np.exp(real - fake)), rtol=1e-6)
  assert not loss.over_batch


@pytest.mark.parametrize('factory', [losses.relativistic_paired, losses.relativistic_average])
@pytest.mark.parametrize('base', ['non_saturating', 'hinge', 'least_squares'])
def test_relativistic_losses_ignore_a_constant_added_to_all_outputs(factory, base):
  loss = factory(getattr(losses, base)())
  real, fake = scores()
  for side in SIDES:
    moved = getattr(loss, side)(real + 5, fake + 5)
    np.testing.assert_allclose(moved, getattr(loss, side)(real, fake), rtol=2e-5, atol=1e-6)


def test_relativistic_average_of_one_example_is_twice_the_paired_loss():
  # Means of one example are the example: f1(d) + f2(-d), without the 1/2 of the paired.
  real, fake = jnp.array([0.7]), jnp.array([-0.2])
  average = losses.relativistic_average(losses.least_squares())
  paired = losses.relativistic_paired(losses.least_squares())
  for side in SIDES:
    np.testing.assert_allclose(
      getattr(average, side)(real, fake), 2 * getattr(paired, side)(real, fake), rtol=1e-6
    )
