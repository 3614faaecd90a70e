"""Every loss: goldens from the papers' formulas, what is known in closed form, gradients, extremes."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses
from gan_jax.common import lookup
from gan_jax.common.errors import ConfigError
from gan_jax.divergences import f_divergences
from helpers.discriminator_outputs import SIDES, scores

LN2, LN3 = np.log(2.0), np.log(3.0)
DIVERGENCES = sorted(lookup.factories(f_divergences))

# Cross-entropy with D = sigmoid(score): sigmoid(0) = 1/2, sigmoid(log 3) = 3/4.
#   -log D(real) - log(1 - D(fake)): -log 1/2 - log 1/4 = log 8, and -log 3/4 - log 1/2 = log 8/3.
CROSS_REAL, CROSS_FAKE, CROSS = [0.0, LN3], [LN3, 0.0], np.log([8, 8 / 3])
#   With the target 0.9 for real: -0.9 log D(real) - 0.1 log(1 - D(real)) - log(1 - D(fake)):
#   D(real) = 1/2: log 2 + log 4 = log 8 as before; D(real) = 3/4: 0.9 log 4/3 + 0.1 log 4 + log 2.
SMOOTH = [np.log(8), 0.9 * np.log(4 / 3) + 0.1 * np.log(4) + LN2]

# {factory: [(arguments, real, fake, discriminator's loss, generator's loss)]}
GOLDEN = {
  'minimax': [
    # log(1 - D(fake)) = log 1/4, log 1/2.
    ({}, CROSS_REAL, CROSS_FAKE, CROSS, np.log([1 / 4, 1 / 2])),
    ({'real_label': 0.9}, CROSS_REAL, CROSS_FAKE, SMOOTH, np.log([1 / 4, 1 / 2])),
  ],
  'non_saturating': [
    # -log D(fake) = -log 3/4, -log 1/2.
    ({}, CROSS_REAL, CROSS_FAKE, CROSS, np.log([4 / 3, 2])),
    ({'real_label': 0.9}, CROSS_REAL, CROSS_FAKE, SMOOTH, np.log([4 / 3, 2])),
  ],
  'kl': [
    # log((1 - D) / D) = log(1/4 / 3/4) = -log 3, and log 1 = 0.
    ({}, CROSS_REAL, CROSS_FAKE, CROSS, [-LN3, 0]),
    ({'real_label': 0.9}, CROSS_REAL, CROSS_FAKE, SMOOTH, [-LN3, 0]),
  ],
  'least_squares': [
    # 1/2 (3 - 1)^2 + 1/2 (-1)^2 = 2 + 0.5;  1/2 (0.5 - 1)^2 + 1/2 2^2 = 0.125 + 2.
    # 1/2 (-1 - 1)^2 = 2;  1/2 (2 - 1)^2 = 0.5.
    ({}, [3, 0.5], [-1, 2], [2.5, 2.125], [2, 0.5]),
    # a = -1, b = 1, c = 0: 1/2 (3 - 1)^2 + 1/2 (2 + 1)^2 = 2 + 4.5;  1/2 2^2 = 2.
    ({'fake': -1.0, 'real': 1.0, 'target': 0.0}, [3], [2], [6.5], [2]),
  ],
  'least_absolute': [
    # |3 - 1| + |-1| = 3;  |0.5 - 1| + |2| = 2.5.  |-1 - 1| = 2;  |2 - 1| = 1.
    ({}, [3, 0.5], [-1, 2], [3, 2.5], [2, 1]),
    # |3 - 1| + |2 + 1| = 5;  |2 - 0| = 2.
    ({'fake': -1.0, 'real': 1.0, 'target': 0.0}, [3], [2], [5], [2]),
  ],
  # fake - real, and -fake.
  'wasserstein': [({}, [3, 0.5], [-1, 2], [-4, 1.5], [1, -2])],
  # max(0, 1 - 3) + max(0, 1 - 1) = 0;  0.5 + 3 = 3.5;  (1 + 1) + max(0, 1 - 3) = 2.
  'hinge': [({}, [3, 0.5, -1], [-1, 2, -3], [0, 3.5, 2], [1, -2, 3])],
  # 3 + max(0, 2 - 0.5) = 4.5;  0.5 + max(0, 2 - 5) = 0.5.
  'energy_margin': [({'margin': 2.0}, [3, 0.5], [0.5, 5], [4.5, 0.5], [0.5, 5])],
  'relativistic_paired': [
    # d = log 3 and -log 3. softplus(-log 3) = log 4/3, softplus(log 3) = log 4.
    ({'base': 'non_saturating'}, [LN3, 0], [0, LN3], np.log([4 / 3, 4]), np.log([4, 4 / 3])),
    # d = 4: max(0, 1 - 4) = 0 and max(0, 1 + 4) = 5;  d = -1.5: 2.5 and 0.
    ({'base': 'hinge'}, [3, 0.5], [-1, 2], [0, 2.5], [5, 0]),
    # d = 2: 1/2 (1/2 (2 - 1)^2 + 1/2 (-2)^2) = 1.25;  d = -2: 1/2 (1/2 (-2 - 1)^2 + 1/2 2^2) = 3.25.
    ({'base': 'least_squares'}, [3], [1], [1.25], [3.25]),
    # 1/2 (f2(-d) - f1(d)) = 1/2 (-d - d) = -d.
    ({'base': 'wasserstein'}, [3], [1], [-2], [2]),
  ],
  'relativistic_average': [
    # Means 2 and 0.5. Real - 0.5 = (2.5, 0.5), fake - 2 = (-3, 0).
    # 1/2 (2.5 - 1)^2 + 1/2 (-3)^2 = 5.625;  1/2 (0.5 - 1)^2 + 0 = 0.125.
    # Exchanged: 1/2 (-3 - 1)^2 + 1/2 2.5^2 = 11.125;  1/2 (0 - 1)^2 + 1/2 0.5^2 = 0.625.
    ({'base': 'least_squares'}, [3, 1], [-1, 2], [5.625, 0.125], [11.125, 0.625]),
    # max(0, 1 - 2.5) + max(0, 1 - 3) = 0;  max(0, 1 - 0.5) + max(0, 1 + 0) = 1.5.
    # Exchanged: max(0, 1 + 3) + max(0, 1 + 2.5) = 7.5;  max(0, 1 - 0) + max(0, 1 + 0.5) = 2.5.
    ({'base': 'hinge'}, [3, 1], [-1, 2], [0, 1.5], [7.5, 2.5]),
    # Means log(3)/2 both: softplus(-log(3)/2) twice = 2 log(1 + 1/sqrt 3), or twice the other way.
    (
      {'base': 'non_saturating'},
      [LN3, 0],
      [0, LN3],
      2 * np.log(1 + np.array([3**-0.5, 3**0.5])),
      2 * np.log(1 + np.array([3**0.5, 3**-0.5])),
    ),
  ],
  # Scores log 2 of real and log 3 of fake, so that exp(-v) is 1/2 and 1/3.
  'f_divergence': [
    ({'divergence': name, 'saturating': saturating}, [LN2], [LN3], [bound - on_real], [-answer])
    for name, on_real, on_fake, bound in (
      # Name, T(real), T(fake), f*(T(fake)).
      # tanh(log 2) / 2 = (4 - 1) / (4 + 1) / 2, tanh(log 3) / 2 = (9 - 1) / (9 + 1) / 2.
      ('total_variation', 0.3, 0.4, 0.4),
      # exp(log 3 - 1).
      ('kl', LN2, LN3, 3 / np.e),
      # -1 - log(1/3).
      ('reverse_kl', -1 / 2, -1 / 3, LN3 - 1),
      # T^2 / 4 + T.
      ('pearson', LN2, LN3, LN3**2 / 4 + LN3),
      # 2 - 2 sqrt(1 - 2/3).
      ('neyman', 1 / 2, 2 / 3, 2 - 2 / np.sqrt(3)),
      # 2/3 / (1 - 2/3).
      ('hellinger', 1 / 2, 2 / 3, 2),
      # log 2 - log 3/2, log 2 - log 4/3; -log(2 - 3/2).
      ('jensen_shannon', np.log(4 / 3), np.log(3 / 2), LN2),
      # -log 3/2, -log 4/3; -log(1 - 3/4).
      ('gan', np.log(2 / 3), np.log(3 / 4), np.log(4)),
    )
    for saturating, answer in ((False, on_fake), (True, bound))
  ],
}
CASES = [(name, *case) for name, cases in GOLDEN.items() for case in cases]
IDS = ['-'.join([name, *map(str, arguments.values())]) for name, arguments, *_ in CASES]
each = pytest.mark.parametrize(
  ('name', 'arguments'), [(name, arguments) for name, arguments, *_ in CASES], ids=IDS
)


def make(name, arguments):
  """The loss; as in a config, a base is a spec, of which the table has the name."""
  spec = {k: {'name': v} if k == 'base' else v for k, v in arguments.items()}
  return lookup.make(losses, {'name': name, **spec})


def test_every_loss_has_goldens():
  assert set(GOLDEN) == set(lookup.factories(losses))
  assert {arguments['divergence'] for arguments, *_ in GOLDEN['f_divergence']} == set(DIVERGENCES)


@pytest.mark.parametrize(
  ('name', 'arguments', 'real', 'fake', 'discriminator', 'generator'), CASES, ids=IDS
)
def test_loss_values_match_goldens(name, arguments, real, fake, discriminator, generator):
  loss = make(name, arguments)
  real, fake = jnp.array(real, jnp.float32), jnp.array(fake, jnp.float32)
  np.testing.assert_allclose(loss.discriminator(real, fake), discriminator, rtol=2e-6, atol=2e-7)
  np.testing.assert_allclose(loss.generator(real, fake), generator, rtol=2e-6, atol=2e-7)


@each
def test_losses_preserve_shape_with_and_without_jit(name, arguments):
  loss = make(name, arguments)
  sides = lambda real, fake: (loss.discriminator(real, fake), loss.generator(real, fake))
  for shape in ((), (1,), (2, 3)):
    chex.assert_shape(jax.eval_shape(sides, *2 * [jnp.zeros(shape)]), shape)
  chex.assert_trees_all_close(jax.jit(sides)(*scores()), sides(*scores()), rtol=1e-5, atol=1e-6)


@each
def test_unequal_shapes_are_rejected(name, arguments):
  loss = make(name, arguments)
  for real, fake in (((3,), (2,)), ((3,), (1,)), ((3,), ()), ((3,), (3, 1))):
    for side in SIDES:
      with pytest.raises(AssertionError):
        getattr(loss, side)(jnp.zeros(real), jnp.zeros(fake))


@each
def test_gradients_match_finite_differences(name, arguments):
  loss = make(name, arguments)

  def mean(real, fake):
    # Unequal weights, so that a gradient at the wrong index is found.
    return 0.3 * loss.discriminator(real, fake).mean() + 0.7 * loss.generator(real, fake).mean()

  with jax.enable_x64(True):
    chex.assert_numerical_grads(mean, scores(), order=1, atol=1e-7, rtol=1e-6, modes=['rev'])


@each
def test_losses_of_extreme_logits_have_finite_values_and_gradients(name, arguments):
  loss = make(name, arguments)
  far = np.array([-1e4, 1e4])
  # All pairs of signs, as batches of 1 [4, 1], and as batches of 2 [16, 2].
  alone = np.stack(np.meshgrid(far, far), axis=-1).reshape(4, 2, 1)
  paired = np.stack(np.meshgrid(*4 * [far]), axis=-1).reshape(16, 2, 2)
  batches = [jnp.array(x, dtype) for x in (alone, paired) for dtype in (jnp.float32, jnp.bfloat16)]

  def measure(real_fake):
    values, pull = jax.vjp(lambda x: (loss.discriminator(*x), loss.generator(*x)), real_fake)
    one, none = jnp.ones_like(values[0]), jnp.zeros_like(values[0])
    return values, pull((one, none)), pull((none, one))

  # Not under jit: what is compiled is then the same few operations for all losses.
  found = [jax.vmap(measure)(x) for x in batches]
  chex.assert_tree_all_finite(found)
  for result, batch in zip(found, batches, strict=True):
    assert all(x.dtype == batch.dtype for x in jax.tree.leaves(result))


# Closed forms.


P, Q = np.array([0.1, 0.2, 0.7]), np.array([0.5, 0.25, 0.25])


def slope_of_best(loss, best, p=P, q=Q):
  """The gradient at scores `best` of the discriminator's expected loss under densities p and q."""
  zeros = jnp.zeros_like(best)

  def expected(scores):
    # Both sides at once: on_real + on_fake of the pair, less what the other side has at 0.
    on_real = loss.discriminator(scores, zeros) - loss.discriminator(zeros, zeros)
    return (p * on_real + q * loss.discriminator(zeros, scores)).sum()

  return jax.grad(expected)(best)


@pytest.mark.parametrize('name', ['minimax', 'non_saturating', 'kl'])
def test_optimal_logit_of_cross_entropy_is_the_log_density_ratio(name):
  np.testing.assert_allclose(slope_of_best(make(name, {}), jnp.log(P / Q)), 0, atol=1e-7)
  # The real target 0.9 is that of p times 0.9 and of 0.1 p more fakes (Salimans et al., section 3.4):
  # D = 0.9 p / (p + q), the score log 0.9 p / (0.1 p + q).
  smoothed = jnp.log(0.9 * P / (0.1 * P + Q))
  np.testing.assert_allclose(slope_of_best(make(name, {'real_label': 0.9}), smoothed), 0, atol=1e-7)


@pytest.mark.parametrize('name', ['minimax', 'non_saturating', 'kl'])
def test_label_smoothing_is_one_sided_and_limited_to_half_to_one(name):
  real, fake = scores()
  on_fakes = lambda label: jax.grad(
    lambda f: make(name, {'real_label': label}).discriminator(real, f).sum()
  )
  np.testing.assert_array_equal(on_fakes(0.9)(fake), on_fakes(1.0)(fake))
  for label in (0.4, 1.5):
    with pytest.raises(ConfigError, match=f'real_label={label}'):
      make(name, {'real_label': label})
  with pytest.raises(ConfigError, match='real_label=nan: of the wrong kind'):
    make(name, {'real_label': float('nan')})


def test_minimax_at_the_optimum_is_log_4_minus_two_jensen_shannon():
  # Goodfellow et al. 2014, theorem 1: the discriminator's loss is log 4 - 2 JSD(p || q).
  best = jnp.log(P / Q)
  zeros = jnp.zeros_like(best)
  loss = losses.minimax().discriminator
  on_real, on_fake = loss(best, zeros) - LN2, loss(zeros, best) - LN2
  m = (P + Q) / 2
  jsd = 0.5 * (P * np.log(P / m)).sum() + 0.5 * (Q * np.log(Q / m)).sum()
  np.testing.assert_allclose((P * on_real + Q * on_fake).sum(), np.log(4) - 2 * jsd, rtol=1e-6)


def test_confident_discriminator_stops_only_the_minimax_generator():
  slope = lambda loss: float(jax.grad(lambda s: loss.generator(s, s))(jnp.float32(-20.0)))
  # d/ds log(1 - sigmoid(s)) = -sigmoid(s) = -2.06e-9 at -20; d/ds -log sigmoid(s) = -sigmoid(-s).
  assert slope(losses.minimax()) == pytest.approx(-np.exp(-20), rel=1e-5)
  assert slope(losses.non_saturating()) == pytest.approx(-1.0, rel=1e-5)
  assert slope(losses.kl()) == -1.0


def test_kl_generator_is_the_sum_of_two_losses_and_estimates_reverse_kl():
  real, fake = scores()
  parts = losses.minimax().generator(real, fake) + losses.non_saturating().generator(real, fake)
  np.testing.assert_allclose(losses.kl().generator(real, fake), parts, rtol=1e-5)
  np.testing.assert_array_equal(jax.grad(lambda f: losses.kl().generator(real, f).sum())(fake), -1)
  # At the best score log p / q its expectation under q is KL(q || p).
  best = jnp.log(P / Q)
  value = (Q * losses.kl().generator(best, best)).sum()
  np.testing.assert_allclose(value, (Q * np.log(Q / P)).sum(), rtol=1e-6)


def test_optimal_output_of_least_squares_lies_between_the_labels():
  for a, b in ((0.0, 1.0), (-1.0, 1.0), (2.0, -3.0)):
    best = jnp.array((b * P + a * Q) / (P + Q))
    slope = slope_of_best(losses.least_squares(fake=a, real=b), best)
    np.testing.assert_allclose(slope, 0, atol=1e-6)


def test_least_squares_with_published_labels_is_pearson_chi_square():
  # Equation 5, halved: 1/2 sum (p + q - 2 q)^2 / (p + q) with b - c = 1, b - a = 2, at the best score.
  loss = losses.least_squares(fake=-1.0, real=1.0, target=0.0)
  best = jnp.array((P - Q) / (P + Q))
  value = ((P + Q) * loss.generator(best, best)).sum()
  np.testing.assert_allclose(value, 0.5 * ((P - Q) ** 2 / (P + Q)).sum(), rtol=1e-6)


def test_least_absolute_has_unit_gradients_toward_the_likelier_label():
  # Between the labels: p |D - 1| + q |D - 0| has the derivative q - p: it goes to the likelier label.
  inside = jnp.array([0.2, 0.5, 0.8])
  slope = slope_of_best(losses.least_absolute(), inside)
  np.testing.assert_allclose(slope, Q - P, atol=1e-7)
  generator = jax.grad(lambda f: losses.least_absolute().generator(f, f).sum())
  np.testing.assert_array_equal(generator(jnp.array([-50.0, 0.9, 1.1, 50.0])), [-1, -1, 1, 1])


def test_hinge_saturates_only_for_the_discriminator():
  real, fake = jnp.array([1.5, 40.0, 0.5]), jnp.array([-1.5, -40.0, -0.5])
  loss = losses.hinge()
  on_real, on_fake = jax.grad(lambda r, f: loss.discriminator(r, f).sum(), (0, 1))(real, fake)
  np.testing.assert_array_equal(on_real, [0, 0, -1])
  np.testing.assert_array_equal(on_fake, [0, 0, 1])
  np.testing.assert_array_equal(jax.grad(lambda f: loss.generator(real, f).sum())(fake), [-1, -1, -1])


def test_energy_margin_ignores_fakes_above_the_margin():
  loss = losses.energy_margin(3.0)
  fake = jnp.array([2.0, 4.0])
  np.testing.assert_array_equal(jax.grad(lambda f: loss.discriminator(f, f * 1).sum())(fake), [0, 1])
  np.testing.assert_array_equal(jax.grad(lambda f: loss.generator(f * 0, f).sum())(fake), [1, 1])
  for margin in (0.0, -1.0):
    with pytest.raises(ValueError, match=f'margin={margin}: out of range'):
      losses.energy_margin(margin)


def test_wasserstein_players_have_opposite_losses():
  real, fake = scores()
  loss = losses.wasserstein()
  np.testing.assert_allclose(loss.discriminator(real, fake) + loss.generator(real, fake), -real)


def test_only_relativistic_average_needs_the_whole_batch():
  over = {name for name, arguments, *_ in CASES if make(name, arguments).over_batch}
  assert over == {'relativistic_average'}
  base = losses.relativistic_average(losses.hinge())
  assert losses.relativistic_paired(base).over_batch
  # A loss that claims to be per example is: example 0 alone equals example 0 among others.
  real, fake = scores()
  for name, arguments, *_ in CASES:
    loss = make(name, arguments)
    for side in () if loss.over_batch else SIDES:
      of = getattr(loss, side)
      np.testing.assert_allclose(of(real[:1], fake[:1]), of(real, fake)[:1], rtol=1e-6)
