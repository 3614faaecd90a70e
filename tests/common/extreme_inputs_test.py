"""Pure functions at extreme inputs, beside closed forms and float64 references."""

import math

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies
from hypothesis.extra import numpy as arrays

from gan_jax import divergences, latents, losses
from gan_jax.common import numerics
from gan_jax.common.errors import ConfigError
from gan_jax.divergences import f_divergences, mmd, transport
from gan_jax.gans import began
from gan_jax.losses import penalties
from gan_jax.training import transforms

checked = hypothesis.settings(
  max_examples=60, deadline=None, derandomize=True, database=None, print_blob=False
)

SIZE = 6
"""One size for all densities, so that each function is compiled once."""

# Exponents far apart, where ratios of float32 overflow or their squares vanish.
magnitudes = strategies.floats(-30, 30).map(lambda exponent: float(np.float32(10.0**exponent)))
values = strategies.one_of(strategies.just(0.0), magnitudes)
densities = arrays.arrays(np.float32, SIZE, elements=strategies.floats(0, 1, width=32)).map(
  lambda x: np.where(x < 1e-30, 0, x)
)
extreme = strategies.lists(values, min_size=SIZE, max_size=SIZE).map(np.float32)


def normalized(x):
  total = x.astype(np.float64).sum()
  return np.float32(x / total) if total > 0 else np.float32(np.full(SIZE, 1 / SIZE))


def normal(x, mean, deviation):
  return jnp.exp(-0.5 * ((x - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))


GRID = jnp.linspace(-12, 12, 4801)
CELL = 0.005


def test_gradient_of_total_variation_matches_closed_form():
  def of_mean(mean):
    p, q = normal(GRID, -1, 1), normal(GRID, mean, 1)
    return divergences.f_divergence(f_divergences.total_variation(), p, q, CELL)

  # Total variation is 2 Phi((t + 1) / 2) - 1, whose derivative at t = 1 is the density at 1, 0.24197.
  assert float(jax.grad(of_mean)(1.0)) == pytest.approx(0.24197, abs=1e-3)


@pytest.mark.parametrize('name', ['hellinger', 'jensen_shannon', 'reverse_kl', 'kl', 'total_variation'])
def test_gradients_of_far_normal_densities_are_finite(name):
  f = getattr(f_divergences, name)()
  of_mean = lambda t: divergences.f_divergence(f, normal(GRID, -1, 1), normal(GRID, t, 1), CELL)
  assert np.isfinite(jax.grad(of_mean)(1.0))


def test_neyman_with_overflowing_ratio_matches_closed_form():
  f = f_divergences.neyman()
  # (p - q)^2 / p: (1 - 4e-20)^2 = 1; of N(0, 2) and N(0, 1/2) it is 8 / sqrt(31 / 4) - 1 = 1.8737.
  assert float(divergences.f_divergence(f, jnp.array([1.0]), jnp.array([4e-20]), 1.0)) == 1
  found = divergences.f_divergence(f, normal(GRID, 0, 2), normal(GRID, 0, 0.5), CELL)
  assert float(found) == pytest.approx(8 / math.sqrt(31 / 4) - 1, rel=1e-4)


def test_kl_of_a_tiny_density_is_its_logarithm():
  # log(1 / 2e-37) = 84.50; of 5 to 1.2e-38, 5 log(5 / 1.2e-38) = 444.6.
  assert float(divergences.kl(jnp.array([1.0]), jnp.array([2e-37]), 1.0)) == pytest.approx(
    84.5025, 1e-5
  )
  exchanged = divergences.reverse_kl(jnp.array([1.2e-38]), jnp.array([5.0]), 1.0)
  assert float(exchanged) == pytest.approx(5 * math.log(5 / 1.2e-38), rel=1e-5)


def test_pearson_of_tiny_densities_is_the_square_of_one_over_the_other():
  found = float(divergences.pearson(jnp.array([1e-20]), jnp.array([1.2e-38]), 1.0))
  # (p - q)^2 / q = 1e-40 / 1.2e-38, though p^2 is below all float32.
  assert found == pytest.approx(1 / 120, rel=1e-5)


@checked
@hypothesis.given(extreme, extreme)
def test_bounded_divergences_are_in_their_bounds_and_symmetric(p, q):
  p, q = normalized(p), normalized(q)
  for function, most in (
    (divergences.jensen_shannon, math.log(2)),
    (divergences.total_variation, 1),
    (divergences.squared_hellinger, 1),
  ):
    found = float(function(p, q, 1.0))
    assert -1e-6 <= found <= most + 1e-5
    assert found == pytest.approx(float(function(q, p, 1.0)), abs=1e-6)


@checked
@hypothesis.given(extreme, extreme)
def test_jensen_shannon_agrees_with_float64(p, q):
  p, q = normalized(p), normalized(q)
  wide_p, wide_q = p.astype(float), q.astype(float)
  middle = (wide_p + wide_q) / 2
  part = lambda x: sum(v * math.log(v / m) for v, m in zip(x, middle, strict=True) if v > 0)
  wanted = (part(wide_p) + part(wide_q)) / 2
  assert float(divergences.jensen_shannon(p, q, 1.0)) == pytest.approx(wanted, rel=1e-4, abs=1e-6)


@checked
@hypothesis.given(densities, densities)
def test_swapped_densities_swap_kl_and_pearson(p, q):
  p, q = normalized(p), normalized(q)
  pairs = (('kl', 'reverse_kl'), ('pearson', 'neyman'))
  for one, other in pairs:
    a = divergences.f_divergence(getattr(f_divergences, one)(), p, q, 1.0)
    b = divergences.f_divergence(getattr(f_divergences, other)(), q, p, 1.0)
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert not np.isnan(a)


def test_sqrt_of_nan_is_nan_and_gradient_at_0_is_0():
  assert np.isnan(numerics.root(jnp.nan))
  assert float(numerics.root(jnp.array(9.0))) == 3
  assert float(jax.grad(numerics.root)(0.0)) == 0


def test_energy_distance_with_nan_is_nan():
  x, y = jnp.array([[jnp.nan], [5.0], [6.0]]), jnp.array([[1.0], [2.0], [3.0]])
  assert np.isnan(mmd.energy_distance(x, y))


@pytest.mark.parametrize('dtype', [np.uint8, np.int8, np.int32, np.float32])
def test_energy_distance_of_integers_does_not_wrap_around(dtype):
  x, y = np.array([[0], [1]], dtype), np.array([[100], [101]], dtype)
  # Twice the mean distance between, 100, less the mean distance within each, 1 for different points.
  assert float(mmd.energy_distance(x, y)) == pytest.approx(2 * 100 - 1 - 1)


def test_squared_distances_of_uint8_match_float():
  found = mmd.squared_distances(np.array([[0]], np.uint8), np.array([[16], [255]], np.uint8))
  np.testing.assert_array_equal(found, [[256, 65025]])


@pytest.mark.parametrize('scale', [1e-25, 1.0, 1e25])
def test_norms_and_distances_at_any_scale_are_exact(scale):
  x = jnp.array([[3.0, 4.0]]) * scale
  np.testing.assert_allclose(numerics.length(x), [5 * scale], rtol=1e-6)
  np.testing.assert_allclose(mmd.distances(x, jnp.zeros((1, 2))), [[5 * scale]], rtol=1e-6)
  np.testing.assert_allclose(penalties.norm(x), [5 * scale], rtol=1e-6)
  # The codes are parallel, whatever their length.
  assert float(penalties.pull_away(jnp.concatenate([x, 2 * x]))) == pytest.approx(1, rel=1e-5)


def test_gradient_of_norm_is_the_direction_and_0_at_0():
  slope = jax.grad(lambda x: numerics.length(x).sum())
  np.testing.assert_allclose(slope(jnp.array([[3e25, 4e25]])), [[0.6, 0.8]], rtol=1e-6)
  np.testing.assert_array_equal(slope(jnp.zeros((1, 2))), np.zeros((1, 2)))


def test_rational_quadratic_with_large_alpha_is_nearly_gaussian():
  kernel = mmd.rational_quadratic((1e7,))
  # (1 + 1 / 2e7)^-1e7 is exp(-1/2) to seven digits.
  assert float(kernel(jnp.array([[0.0]]), jnp.array([[1.0]]))[0, 0]) == pytest.approx(
    0.60653067, rel=1e-6
  )


def test_unbiased_mean_with_a_large_diagonal_keeps_its_digits():
  x = np.array([[100.0], [0.0], [1.0]])
  y = np.array([[0.0], [0.0]])
  # Kernel (x y + 1)^3: pairs of x give 1, 101^3 = 1030301 and 1; those of y 1; those between 1.
  within = (1 + 1030301 + 1) / 3
  found = mmd.mmd2(mmd.polynomial(), jnp.array(x, jnp.float32), jnp.array(y, jnp.float32))
  assert float(found) == pytest.approx(within + 1 - 2, rel=1e-6)


def test_gradient_of_wasserstein_at_ties_matches_both_sides():
  slope = jax.grad(divergences.wasserstein_1d)(jnp.zeros(2), jnp.ones(2))
  np.testing.assert_allclose(slope, [-0.5, -0.5])


@pytest.mark.parametrize('power', [1.0, 1.5, 2.0])
def test_costs_are_powers_of_distances_with_finite_gradients(power):
  x, y = jnp.array([[0.0, 0.0], [1.0, 0.3]]), jnp.array([[0.5, 0.1], [2.0, 1.0]])
  of_costs = lambda x: transport._costs(x, x, power).sum()
  assert np.isfinite(jax.grad(of_costs)(x)).all()
  wanted = np.linalg.norm(np.asarray(x)[:, None] - np.asarray(y), axis=-1) ** power
  np.testing.assert_allclose(transport._costs(x, y, power), wanted, rtol=1e-5)


@pytest.mark.parametrize(
  'power', [1.0, pytest.param(1.5, marks=pytest.mark.slow), pytest.param(2.0, marks=pytest.mark.slow)]
)
def test_gradient_of_sinkhorn_divergence_matches_finite_differences(power):
  with jax.enable_x64(True):
    # A point that both sets have, and one that is in a set twice.
    x = jnp.array([[0.0, 0.0], [1.0, 0.3], [1.0, 0.3], [0.2, 0.9]])
    y = jnp.array([[0.5, 0.1], [2.0, 1.0], [0.2, 0.9]])
    of = lambda x: divergences.sinkhorn_divergence(x, y, 0.5, power)
    # At equal points |x - y| has a kink, where the gradient is the mean of both sides.
    slope, step = jax.grad(of)(x), 1e-3
    differences = np.array(
      [
        [float(of(x.at[i, j].add(step)) - of(x.at[i, j].add(-step))) / (2 * step) for j in range(2)]
        for i in range(4)
      ]
    )
  assert np.isfinite(slope).all()
  np.testing.assert_allclose(slope, differences, atol=2e-3)


def test_slerp_of_parallel_latents_has_the_linear_gradient():
  a = jnp.array([1.0, 0.0])
  slope = jax.grad(lambda x: latents.slerp(x, jnp.array([1.0, 0.0]), 0.5).sum())(a)
  np.testing.assert_allclose(slope, [0.5, 0.5])


NAN = float('nan')
REFUSED = {
  'energy_margin': lambda value: losses.energy_margin(value),
  'clip_weights': lambda value: transforms.clip_weights(value),
  'max_norm': lambda value: transforms.max_norm(value),
  'add_orthogonal_gradient': lambda value: transforms.add_orthogonal_gradient(value),
  'normal': lambda value: latents.normal(2, value),
  'least_squares': lambda value: losses.least_squares(real=value),
  'rbf_mixture': lambda value: mmd.rbf_mixture((value,)),
  'rational_quadratic': lambda value: mmd.rational_quadratic((value,)),
}


@pytest.mark.parametrize('value', [NAN, math.inf])
@pytest.mark.parametrize('name', REFUSED)
def test_nonfinite_hyperparameter_is_rejected(name, value):
  with pytest.raises((ValueError, ConfigError), match='nan|inf'):
    REFUSED[name](value)


def test_began_rate_of_nan_is_rejected():
  with pytest.raises(ConfigError, match='rate=nan'):
    began.make({}, prior={'name': 'uniform', 'size': 2}, rate=NAN)
