"""Each f-divergence against the definitions of what it gives, and against its own formula."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common import lookup
from gan_jax.divergences import f_divergences

P, Q = np.array([0.1, 0.2, 0.7]), np.array([0.5, 0.25, 0.25])
M = (P + Q) / 2


def kl(p, q):
  return (p * np.log(p / q)).sum()


# {name: (what it is between P and Q, where its conjugate is defined)}
ALL = {
  # 1/2 (0.4 + 0.05 + 0.45).
  'total_variation': (0.45, (-0.5, 0.5)),
  'kl': (kl(P, Q), (-np.inf, np.inf)),
  'reverse_kl': (kl(Q, P), (-np.inf, 0)),
  # 0.16 / 0.5 + 0.0025 / 0.25 + 0.2025 / 0.25 = 0.32 + 0.01 + 0.81.
  'pearson': (1.14, (-np.inf, np.inf)),
  # 0.16 / 0.1 + 0.0025 / 0.2 + 0.2025 / 0.7.
  'neyman': (1.6 + 0.0125 + 0.2025 / 0.7, (-np.inf, 1)),
  # 2 - 2 (sqrt 0.05 + sqrt 0.05 + sqrt 0.175), as p and q sum to 1.
  'hellinger': (2 - 2 * (2 * np.sqrt(0.05) + np.sqrt(0.175)), (-np.inf, 1)),
  'jensen_shannon': (kl(P, M) + kl(Q, M), (-np.inf, np.log(2))),
  'gan': (kl(P, M) + kl(Q, M) - np.log(4), (-np.inf, 0)),
}
SCORES = np.linspace(-6, 6, 49)


@pytest.fixture(params=ALL)
def name(request):
  return request.param


@pytest.fixture
def f(name):
  return getattr(f_divergences, name)()


@pytest.fixture
def precise():
  with jax.enable_x64(True):
    yield


def test_every_divergence_is_tested():
  assert set(ALL) == set(lookup.factories(f_divergences))


def test_f_is_convex_and_zero_at_one(name, f, precise):
  np.testing.assert_allclose(f.f(jnp.ones(())), -np.log(4) if name == 'gan' else 0, atol=1e-12)
  u = np.linspace(0.01, 8, 1000)
  values = np.asarray(f.f(jnp.array(u)))
  # No chord between neighbors is below the value half way.
  assert (values[2:] + values[:-2] - 2 * values[1:-1] >= -1e-12).all()
  assert (values[2:] + values[:-2] - 2 * values[1:-1] > 1e-9).any()


def test_conjugate_is_the_supremum_of_ut_minus_f(name, f, precise):
  # Pearson's f is a parabola on the whole line, and so is the conjugate in the paper's table; on
  # ratios u >= 0 alone the largest is -1 below t = -2, which makes the bound of the table looser.
  # The others' best ratios are from exp(-12) to exp(12), of scores from -6 to 6.
  u = jnp.linspace(-4, 6, 200_001) if name == 'pearson' else jnp.exp(jnp.linspace(-14, 14, 200_001))
  for t in f.output(jnp.array(SCORES[::6])):
    largest, conjugate = (u * t - f.f(u)).max(), f.conjugate(t)
    # A grid misses the top by about (step * u)^2 f''(u) / 2, of a step 1.4e-4 in log u.
    assert largest <= conjugate + 1e-9 * (1 + abs(conjugate))
    np.testing.assert_allclose(largest, conjugate, rtol=1e-6, atol=1e-6)


def test_conjugate_of_the_output_matches_its_formula(f, precise):
  scores = jnp.array(SCORES)
  np.testing.assert_allclose(
    f.conjugate_of_output(scores), f.conjugate(f.output(scores)), rtol=1e-9, atol=1e-12
  )
  # Beyond +-20, where scores go on as logarithms, to what is left of the precision.
  scores = jnp.array([-30.0, -25.0, -20.5, 20.5, 25.0, 30.0])
  np.testing.assert_allclose(f.conjugate_of_output(scores), f.conjugate(f.output(scores)), rtol=2e-3)


def test_output_activation_increases_inside_the_domain(name, f, precise):
  low, high = ALL[name][1]
  inside = np.asarray(f.output(jnp.array(SCORES)))
  assert (np.diff(inside) > 0).all()
  assert (low < inside).all()
  assert (inside < high).all()
  # Far out a bounded one reaches its bound within the precision.
  far = np.asarray(f.output(jnp.linspace(-1e4, 1e4, 2001)))
  assert (np.diff(far) >= 0).all()
  assert (low <= far).all()
  assert (far <= high).all()


def test_output_activation_is_smooth_at_20(f, precise):
  for edge in (-20.0, 20.0):
    near = jnp.array([edge - 1e-7, edge, edge + 1e-7])
    for function in (f.output, f.conjugate_of_output):
      values, slopes = jax.vmap(jax.value_and_grad(function))(near)
      np.testing.assert_allclose(values, values[1], rtol=1e-6)
      np.testing.assert_allclose(slopes, slopes[1], rtol=1e-6, atol=1e-12)


def test_optimum_is_the_derivative_of_f_and_is_attained(f, precise):
  ratios = jnp.array([0.05, 0.3, 0.9, 1.1, 4.0, 30.0])
  best = f.optimum(ratios)
  np.testing.assert_allclose(best, jax.vmap(jax.grad(f.f))(ratios), rtol=1e-9)
  low, high = f.output(jnp.array([-100.0, 100.0]))
  assert (low <= best).all()
  assert (best <= high).all()


def test_bound_equals_the_divergence_only_at_the_optimum(name, f, precise):
  bound = lambda t: (P * t - Q * f.conjugate(t)).sum()
  ratio = jnp.array(P / Q)
  np.testing.assert_allclose((Q * f.f(ratio)).sum(), ALL[name][0], rtol=1e-9)
  np.testing.assert_allclose(bound(f.optimum(ratio)), ALL[name][0], rtol=1e-9)
  for scores in 2 * jax.random.normal(jax.random.key(0), (50, 3)):
    assert bound(f.output(scores)) < ALL[name][0]


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16], ids=['float32', 'bfloat16'])
def test_output_activation_of_extreme_logits_is_finite_and_monotone(f, dtype):
  scores = jnp.array([-1e18, -1e4, -300, -100, -20, -1, 0, 1, 20, 100, 300, 1e4, 1e18], dtype)
  for function in (f.output, f.conjugate_of_output):
    values, slopes = jax.vmap(jax.value_and_grad(function))(scores)
    chex.assert_shape(values, scores.shape)
    chex.assert_tree_all_finite((values, slopes))
    assert values.dtype == dtype
    assert (np.diff(values.astype(np.float32)) >= 0).all() or function is f.conjugate_of_output
    assert (slopes >= 0).all() or function is f.conjugate_of_output
