"""Divergences against closed forms, and transport against exact assignments."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats

from gan_jax import divergences as d
from gan_jax.common import lookup
from gan_jax.divergences import f_divergences, mmd

GRID = np.linspace(-12, 12, 4801, dtype=np.float32)
CELL = 0.005


def gaussian(mean, deviation):
  return jnp.asarray(stats.norm.pdf(GRID, mean, deviation), jnp.float32)


def uniform(low, high):
  return jnp.asarray((low <= GRID) & (high > GRID), jnp.float32) / (high - low)


P, Q = gaussian(0.5, 1.0), gaussian(-0.5, 1.5)
# log(s2 / s1) + (s1^2 + (m1 - m2)^2) / (2 s2^2) - 1/2, with m1 - m2 = 1.
KL = np.log(1.5) + (1 + 1) / (2 * 1.5**2) - 0.5
REVERSE_KL = -np.log(1.5) + (1.5**2 + 1) / 2 - 0.5
# 1 - sqrt(2 s1 s2 / (s1^2 + s2^2)) exp(-(m1 - m2)^2 / (4 (s1^2 + s2^2))).
HELLINGER = 1 - np.sqrt(2 * 1.5 / (1 + 1.5**2)) * np.exp(-1 / (4 * (1 + 1.5**2)))


def test_divergences_of_gaussians_match_closed_forms():
  np.testing.assert_allclose(d.kl(P, Q, CELL), KL, rtol=1e-4)
  np.testing.assert_allclose(d.reverse_kl(P, Q, CELL), REVERSE_KL, rtol=1e-4)
  np.testing.assert_allclose(d.squared_hellinger(P, Q, CELL), HELLINGER, rtol=1e-4)
  # Equal standard deviations of 1, a shift of 1: chi-square exp(1) - 1, both ways.
  a, b = gaussian(0, 1), gaussian(1, 1)
  for chi_square in (d.pearson, d.neyman):
    np.testing.assert_allclose(chi_square(a, b, CELL), np.e - 1, rtol=1e-3)
  # Total variation of the same: 2 Phi(1/2) - 1.
  np.testing.assert_allclose(d.total_variation(a, b, CELL), 2 * stats.norm.cdf(0.5) - 1, rtol=1e-4)
  np.testing.assert_allclose(d.wasserstein_of_densities(a, b, CELL), 1.0, rtol=1e-3)


def test_divergences_of_half_overlapping_uniforms_match_closed_forms():
  a, b = uniform(0, 2), uniform(1, 3)
  np.testing.assert_allclose(d.total_variation(a, b, CELL), 0.5, rtol=1e-3)
  # Half of the mass of each is alone, and gives log 2; the other half has p = q.
  np.testing.assert_allclose(d.jensen_shannon(a, b, CELL), 0.5 * np.log(2), rtol=1e-3)
  np.testing.assert_allclose(d.squared_hellinger(a, b, CELL), 0.5, rtol=1e-3)
  np.testing.assert_allclose(d.wasserstein_of_densities(a, b, CELL), 1.0, rtol=1e-3)
  for infinite in (d.kl, d.reverse_kl, d.pearson, d.neyman):
    assert float(infinite(a, b, CELL)) == np.inf


def test_divergences_of_disjoint_densities_are_maximal():
  a, b = uniform(0, 1), uniform(2, 3)
  np.testing.assert_allclose(d.jensen_shannon(a, b, CELL), np.log(2), rtol=1e-3)
  np.testing.assert_allclose(d.total_variation(a, b, CELL), 1, rtol=1e-3)
  np.testing.assert_allclose(d.squared_hellinger(a, b, CELL), 1, rtol=1e-3)


F = {name: make() for name, make in lookup.factories(f_divergences).items()}
# Each f in terms of the named functions; conventions differ by these factors.
NAMED = {
  'total_variation': d.total_variation,
  'kl': d.kl,
  'reverse_kl': d.reverse_kl,
  'pearson': d.pearson,
  'neyman': d.neyman,
  'hellinger': lambda *given: 2 * d.squared_hellinger(*given),
  'jensen_shannon': lambda *given: 2 * d.jensen_shannon(*given),
  'gan': lambda *given: 2 * d.jensen_shannon(*given) - np.log(4),
}


@pytest.mark.parametrize('name', F)
def test_f_divergence_of_every_f_matches_its_name(name):
  some = [jnp.array([0.2, 0.3, 0.5, 0, 0]), jnp.array([0.1, 0.4, 0, 0.5, 0])]
  # p and q > 0; q > 0 = p somewhere; p > 0 = q somewhere; both; disjoint.
  cases = [some, [some[0] * (some[1] > 0), some[1]], [some[0], some[1] * (some[0] > 0)]]
  cases += [[some[0][:2], some[1][:2]], [some[0][2:], some[1][2:]]]
  for p, q in cases:
    p, q = p / p.sum(), q / q.sum()
    np.testing.assert_allclose(d.f_divergence(F[name], p, q, 1.0), NAMED[name](p, q, 1.0), rtol=1e-4)
  np.testing.assert_allclose(d.f_divergence(F[name], P, Q, CELL), NAMED[name](P, Q, CELL), rtol=1e-3)


@pytest.mark.parametrize('name', F)
def test_gradients_of_every_f_at_zero_density_are_finite(name):
  p, q = jnp.array([0.2, 0.3, 0.5, 0, 0]), jnp.array([0.1, 0.4, 0, 0.5, 0])
  slopes = jax.grad(lambda both: d.f_divergence(F[name], *both, 1.0))((p, q))
  chex.assert_tree_all_finite(slopes)
  # q f(p / q) has the derivatives f'(u) in p and f(u) - u f'(u) in q.
  u = p[:2] / q[:2]
  best = F[name].optimum(u)
  np.testing.assert_allclose(slopes[0][:2], best, rtol=1e-4)
  np.testing.assert_allclose(slopes[1][:2], F[name].f(u) - u * best, rtol=1e-3, atol=1e-6)


ON_A_GRID = (
  d.kl,
  d.reverse_kl,
  d.jensen_shannon,
  d.total_variation,
  d.squared_hellinger,
  d.pearson,
  d.neyman,
  d.wasserstein_of_densities,
)


@pytest.mark.parametrize('divergence', ON_A_GRID, ids=lambda f: f.__name__)
def test_divergences_of_equal_densities_are_zero_with_and_without_jit(divergence):
  assert float(divergence(P, P, CELL)) == pytest.approx(0, abs=1e-6)
  apart = uniform(-1, 1)
  assert float(divergence(apart, apart, CELL)) == 0
  np.testing.assert_allclose(jax.jit(divergence)(P, Q, CELL), divergence(P, Q, CELL), rtol=1e-5)
  with pytest.raises(AssertionError):
    divergence(P, Q[:-1], CELL)


@pytest.mark.parametrize('divergence', ON_A_GRID, ids=lambda f: f.__name__)
def test_gradients_on_a_grid_match_finite_differences(divergence):
  with jax.enable_x64(True):
    p, q = np.random.default_rng(0).uniform(0.5, 1, (2, 9))
    chex.assert_numerical_grads(
      lambda p, q: divergence(p, q, 0.2), (p, q), order=1, atol=1e-7, rtol=1e-6, modes=['rev']
    )


@pytest.mark.parametrize(
  'divergence', [d.jensen_shannon, d.total_variation, d.squared_hellinger], ids=lambda f: f.__name__
)
def test_gradients_at_zero_density_are_finite(divergence):
  chex.assert_tree_all_finite(jax.grad(divergence, (0, 1))(uniform(0, 1), uniform(0.5, 2), CELL))


def test_estimates_from_samples_match_densities():
  key_p, key_q = jax.random.split(jax.random.key(0))
  x = 0.5 + jax.random.normal(key_p, (200_000,))
  y = -0.5 + 1.5 * jax.random.normal(key_q, (200_000,))
  ratio = lambda z: jax.scipy.stats.norm.logpdf(z, 0.5) - jax.scipy.stats.norm.logpdf(z, -0.5, 1.5)
  found = {
    'kl': (d.kl_from_samples(ratio(x)), KL),
    'reverse kl': (d.kl_from_samples(-ratio(y)), REVERSE_KL),
    'js': (d.jensen_shannon_from_samples(ratio(x), ratio(y)), d.jensen_shannon(P, Q, CELL)),
    'tv': (d.total_variation_from_samples(ratio(x)), d.total_variation(P, Q, CELL)),
    'hellinger': (d.squared_hellinger_from_samples(ratio(x)), HELLINGER),
    'pearson': (d.pearson_from_samples(ratio(y)), d.pearson(P, Q, CELL)),
  }
  for name, (estimate, exact) in found.items():
    assert 0 < float(estimate.error) < 0.05, name
    assert abs(float(estimate.value) - float(exact)) < 4 * float(estimate.error), name


@pytest.mark.parametrize(('m', 'n'), [(1, 1), (7, 7), (5, 8), (100, 37)])
def test_wasserstein_in_one_dimension_matches_scipy(m, n):
  x, y = np.random.default_rng(0).normal(size=(2, 100)).astype(np.float32)
  got = d.wasserstein_1d(jnp.asarray(x[:m]), jnp.asarray(y[:n]) + 0.3)
  np.testing.assert_allclose(got, stats.wasserstein_distance(x[:m], y[:n] + 0.3), rtol=1e-5)


def test_wasserstein_of_a_shifted_set_is_the_shift_with_its_gradient():
  x = jax.random.normal(jax.random.key(0), (50,))
  shifted = lambda by: d.wasserstein_1d(x, x + by)
  np.testing.assert_allclose(shifted(3.0), 3.0, rtol=1e-5)
  np.testing.assert_allclose(jax.grad(shifted)(3.0), 1.0, rtol=1e-5)


@pytest.mark.parametrize(('m', 'n'), [(6, 6), (5, 8)])
def test_wasserstein_under_jit_has_gradients_of_finite_differences(m, n):
  x, y = np.random.default_rng(3).normal(size=(2, 8))
  distance = jax.jit(d.wasserstein_1d)
  with jax.enable_x64(True):
    both = jnp.asarray(x[:m]), jnp.asarray(y[:n])
    chex.assert_numerical_grads(distance, both, order=1, atol=1e-7, rtol=1e-6, modes=['rev'])
  np.testing.assert_allclose(
    distance(x[:m], y[:n]), stats.wasserstein_distance(x[:m], y[:n]), rtol=1e-5
  )


def test_wasserstein_of_samples_matches_densities():
  x, y = stats.norm.ppf((np.arange(4000) + 0.5) / 4000), stats.norm.ppf((np.arange(999) + 0.5) / 999)
  samples = d.wasserstein_1d(jnp.asarray(0.5 + x), jnp.asarray(-0.5 + 1.5 * y))
  np.testing.assert_allclose(samples, d.wasserstein_of_densities(P, Q, CELL), rtol=3e-3)


@pytest.mark.parametrize('power', [1.0, 2.0])
def test_entropic_transport_converges_to_the_exact_assignment(power):
  x, y = np.random.default_rng(1).normal(size=(2, 30, 2)).astype(np.float32)
  costs = np.linalg.norm(x[:, None] - y[None], axis=-1) ** power
  exact = costs[optimize.linear_sum_assignment(costs)].mean()
  near, far = (d.entropic_transport(x, y, epsilon, power) for epsilon in (0.02, 1.0))
  assert exact <= near.cost < exact * 1.03
  assert far.cost > near.cost
  for found, epsilon in ((near, 0.02), (far, 1.0)):
    for axis in (0, 1):
      np.testing.assert_allclose(found.plan.sum(axis=axis), 1 / 30, rtol=0.01)
    penalty = epsilon * (found.plan * jnp.log(found.plan * 30**2 + 1e-30)).sum()
    np.testing.assert_allclose(found.regularized, found.cost + penalty, rtol=1e-3)


def test_entropic_transport_of_two_points_matches_its_closed_form():
  # Both sets are the same two points at distance 1. A mass of (1 + exp(-1 / epsilon))^-1 does not move.
  x = np.float32([[0, 0], [1, 0]])
  found = d.entropic_transport(x, x, 0.7)
  stays = 1 / (1 + np.exp(-1 / 0.7))
  np.testing.assert_allclose(
    found.plan, np.array([[stays, 1 - stays], [1 - stays, stays]]) / 2, rtol=1e-5
  )
  np.testing.assert_allclose(found.cost, 1 - stays, rtol=1e-5)
  entropy = sum(mass * np.log(2 * mass) for mass in (stays, 1 - stays))
  np.testing.assert_allclose(found.regularized, 1 - stays + 0.7 * entropy, rtol=1e-5)


def test_entropic_transport_of_sets_of_two_sizes_converges_to_the_linear_program():
  x, y = np.random.default_rng(5).normal(size=(2, 9, 2)).astype(np.float32)
  y = y[:6]
  costs = ((x[:, None] - y) ** 2).sum(axis=-1)
  masses = [np.kron(np.eye(9), np.ones(6)), np.kron(np.ones(9), np.eye(6))]
  given = np.concatenate([np.full(9, 1 / 9), np.full(6, 1 / 6)])
  exact = optimize.linprog(costs.ravel(), A_eq=np.concatenate(masses), b_eq=given).fun
  assert exact * (1 - 1e-3) <= d.entropic_transport(x, y, 0.01).cost < exact * 1.02


@pytest.mark.parametrize('part', ['cost', 'regularized'])
def test_gradient_of_entropic_transport_matches_finite_differences(part):
  with jax.enable_x64(True):
    x, y = jnp.asarray(np.random.default_rng(6).normal(size=(2, 4, 2)))
    of = lambda x, epsilon: getattr(d.entropic_transport(x, y[:3], epsilon), part)
    gradient, of_epsilon = jax.grad(of, (0, 1))(x, 0.5)
    step = 1e-3
    for index in np.ndindex(4, 2):
      difference = of(x.at[index].add(step), 0.5) - of(x.at[index].add(-step), 0.5)
      np.testing.assert_allclose(gradient[index], difference / (2 * step), rtol=1e-2, atol=1e-3)
    difference = (of(x, 0.5 + step) - of(x, 0.5 - step)) / (2 * step)
    np.testing.assert_allclose(of_epsilon, difference, rtol=1e-2)


def test_sinkhorn_divergence_is_0_for_equal_sets_and_the_squared_shift_otherwise():
  x = np.random.default_rng(2).normal(size=(40, 2)).astype(np.float32)
  assert abs(d.sinkhorn_divergence(x, x, 0.1)) < 1e-4
  np.testing.assert_allclose(d.sinkhorn_divergence(x, x + np.float32([3, 4]), 0.1), 25, rtol=1e-3)


def test_sinkhorn_divergence_with_large_epsilon_is_half_the_energy_distance():
  x, y = np.random.default_rng(4).normal(size=(2, 40, 2)).astype(np.float32)
  energy = mmd.energy_distance(x, y[:25] + 1, unbiased=False)
  np.testing.assert_allclose(
    d.sinkhorn_divergence(x, y[:25] + 1, 1e3, power=1.0), energy / 2, rtol=5e-3
  )


def test_invalid_arguments_are_rejected():
  x = np.zeros((3, 2), np.float32)
  with pytest.raises(ValueError, match='epsilon=0'):
    d.entropic_transport(x, x, 0)
  with pytest.raises(RuntimeError, match='no convergence in 20000 iterations'):
    far = np.random.default_rng(0).normal(size=(2, 50, 2)).astype(np.float32) * 100
    d.entropic_transport(far[0], far[1], 1e-7)
