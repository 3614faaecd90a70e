"""The losses of f-GAN, from the conjugates of `gan_jax.divergences.f_divergences`."""

import numpy as np
import pytest

from gan_jax import losses
from gan_jax.common import lookup
from gan_jax.common.errors import ConfigError
from gan_jax.divergences import f_divergences
from helpers.discriminator_outputs import SIDES, scores

DIVERGENCES = sorted(lookup.factories(f_divergences))


@pytest.mark.parametrize('saturating', [False, True])
@pytest.mark.parametrize('name', DIVERGENCES)
def test_f_divergence_loss_is_the_variational_bound(name, saturating):
  f = getattr(f_divergences, name)()
  loss = losses.f_divergence(name, saturating)
  real, fake = scores()
  bound = f.conjugate(f.output(fake))
  np.testing.assert_allclose(
    loss.discriminator(real, fake), bound - f.output(real), rtol=1e-5, atol=1e-6
  )
  np.testing.assert_allclose(
    loss.generator(real, fake), -bound if saturating else -f.output(fake), rtol=1e-5, atol=1e-6
  )


def test_f_divergence_loss_of_gan_is_the_minimax_loss():
  real, fake = scores()
  for saturating, same in ((True, losses.minimax()), (False, losses.non_saturating())):
    loss = losses.f_divergence('gan', saturating)
    for side in SIDES:
      np.testing.assert_allclose(
        getattr(loss, side)(real, fake), getattr(same, side)(real, fake), rtol=1e-6
      )


def test_unknown_divergence_is_rejected_with_a_list():
  with pytest.raises(ConfigError, match="unknown name 'chi' .known: gan, hellinger, .*variation"):
    losses.f_divergence('chi')
