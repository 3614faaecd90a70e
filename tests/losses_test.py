import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses

ALL = {'minimax': losses.minimax, 'non_saturating': losses.non_saturating}
REAL = jnp.array([0.0, np.log(3.0), -1.5])
FAKE = jnp.array([np.log(3.0), 0.0, 2.5])


@pytest.mark.parametrize('factory', ALL.values(), ids=ALL)
def test_discriminator_is_the_cross_entropy_of_equation_1(factory):
  # D = sigmoid: sigmoid(0) = 1/2, sigmoid(log 3) = 3/4.
  # -log D(real) - log(1 - D(fake)): -log 1/2 - log 1/4 = log 8, and -log 3/4 - log 1/2 = log 8/3.
  got = factory().discriminator(REAL[:2], FAKE[:2])
  np.testing.assert_allclose(got, np.log([8.0, 8 / 3]), rtol=1e-6)


def test_generators_are_log_one_minus_d_and_minus_log_d():
  # D(fake) = 3/4 and 1/2.
  minimax = losses.minimax().generator(REAL[:2], FAKE[:2])
  np.testing.assert_allclose(minimax, np.log([1 / 4, 1 / 2]), rtol=1e-6)
  other = losses.non_saturating().generator(REAL[:2], FAKE[:2])
  np.testing.assert_allclose(other, -np.log([3 / 4, 1 / 2]), rtol=1e-6)


@pytest.mark.parametrize('factory', ALL.values(), ids=ALL)
def test_label_smoothing_moves_the_optimal_score_of_real_data(factory):
  # The cross-entropy with target 0.9 is least where D = 0.9: at a score of log 9.
  gradient = jax.grad(lambda s: factory(real_label=0.9).discriminator(s, s * 0).sum())
  np.testing.assert_allclose(gradient(jnp.array([np.log(9.0)])), [0.0], atol=1e-6)
  # One-sided: what it says of fakes alone is unchanged.
  fake_part = lambda label: jax.grad(lambda f: factory(real_label=label).discriminator(REAL, f).sum())(
    FAKE
  )
  np.testing.assert_array_equal(fake_part(0.9), fake_part(1.0))


def test_a_sure_discriminator_stops_the_minimax_generator_and_not_the_other():
  slope = lambda loss: float(jax.grad(lambda s: loss.generator(s, s))(jnp.float32(-20.0)))
  # d/ds log(1 - sigmoid(s)) = -sigmoid(s) = -2.06e-9 at -20; d/ds -log sigmoid(s) = -sigmoid(-s).
  assert slope(losses.minimax()) == pytest.approx(-np.exp(-20), rel=1e-5)
  assert slope(losses.non_saturating()) == pytest.approx(-1.0, rel=1e-5)


@pytest.mark.parametrize('side', ['discriminator', 'generator'])
@pytest.mark.parametrize('factory', ALL.values(), ids=ALL)
def test_shape_jit_gradient_and_extremes(factory, side):
  loss = getattr(factory(real_label=0.9), side)
  chex.assert_shape(loss(REAL, FAKE), REAL.shape)
  np.testing.assert_allclose(jax.jit(loss)(REAL, FAKE), loss(REAL, FAKE), rtol=1e-6)
  chex.assert_numerical_grads(lambda r, f: loss(r, f).mean(), (REAL, FAKE), order=1)
  far = jnp.array([-1e4, 1e4], jnp.float32)
  for dtype in (jnp.float32, jnp.bfloat16):
    value, slopes = jax.value_and_grad(lambda r, f: loss(r, f).sum(), (0, 1))(
      far.astype(dtype), far[::-1].astype(dtype)
    )
    chex.assert_tree_all_finite((value, slopes))


def test_unequal_scores_and_absurd_labels_are_refused():
  for loss in (losses.minimax(), losses.non_saturating()):
    for side in loss:
      with pytest.raises(AssertionError):
        side(REAL, FAKE[:2])
  with pytest.raises(ValueError, match='real_label is 1.5'):
    losses.minimax(real_label=1.5)
