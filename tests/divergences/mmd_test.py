"""Kernels and distances by hand, by loops in numpy, and by what they estimate."""

import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common import lookup
from gan_jax.divergences import mmd

KERNELS = {
  'rational_quadratic': mmd.rational_quadratic(),
  'rbf_mixture': mmd.rbf_mixture((0.5, 1.0, 4.0)),
  'polynomial': mmd.polynomial(),
  'distance_induced': mmd.distance_induced(),
}
each = pytest.mark.parametrize('kernel', KERNELS.values(), ids=KERNELS)


@pytest.fixture(autouse=True)
def precise():
  with jax.enable_x64(True):
    yield


def points(seed, count, size=3, shift=0.0):
  return shift + np.random.default_rng(seed).normal(size=(count, size))


def test_every_kernel_is_tested():
  assert set(KERNELS) == set(lookup.factories(mmd))


def test_squared_distances_match_hand_computation():
  x, y = jnp.array([[0.0, 0.0], [3.0, 4.0]]), jnp.array([[0.0, 0.0], [3.0, 0.0], [0.0, 1.0]])
  # From the origin: 0, 9, 1.  From (3, 4): 9 + 16, 16, 9 + 9.
  squares = [[0, 9, 1], [25, 16, 18]]
  np.testing.assert_array_equal(mmd.squared_distances(x, y), squares)
  np.testing.assert_allclose(mmd.distances(x, y), np.sqrt(squares), rtol=1e-6)


def test_squared_distances_far_from_the_origin_are_precise():
  # |x|^2 + |y|^2 - 2 x.y of float32 would be in steps of 8 here.
  x = np.float32([[1e4, 0.0]])
  np.testing.assert_array_equal(mmd.squared_distances(x, x + np.float32([0.0, 0.5])), [[0.25]])


def by_differences(x, y):
  return ((x[:, None] - y[None]) ** 2).sum(axis=-1)


def sums_and_slopes(squares):
  """A critic's penalty needs of squared distances: a value, its gradients, and those of their norm."""

  def total(x, y):
    return jnp.exp(-squares(x, y)).sum()

  def norm(x, y):
    return (jax.grad(total)(x, y) ** 2).sum() + (jax.grad(total, 1)(x, y) ** 3).sum()

  return lambda *pair: (jax.grad(total, (0, 1))(*pair), jax.grad(norm, (0, 1))(*pair))


@pytest.mark.parametrize('count', [1, 5])
def test_squared_distances_have_derivatives_of_the_differences(count):
  for pair in ((points(0, 4), points(1, count)), 2 * (points(2, count),)):
    got = jax.jit(sums_and_slopes(mmd.squared_distances))(*pair)
    chex.assert_trees_all_close(got, sums_and_slopes(by_differences)(*pair), rtol=1e-10, atol=1e-12)
    changes = tuple(points(seed, len(of)) for seed, of in enumerate(pair, start=3))
    along = [jax.jvp(squares, pair, changes) for squares in (mmd.squared_distances, by_differences)]
    chex.assert_trees_all_close(*along, rtol=1e-10, atol=1e-12)


def test_gradients_far_from_the_origin_are_precise():
  # The points are 1 apart where numbers of float32 are 0.001 apart.
  x, y = (np.round(64 * points(seed, 9, shift=1e4)) / 64 for seed in (0, 1))
  low = jax.jit(sums_and_slopes(mmd.squared_distances))(np.float32(x), np.float32(y))
  chex.assert_trees_all_close(low, sums_and_slopes(by_differences)(x, y), rtol=1e-5, atol=5e-5)


def test_gradients_in_far_bfloat16_clusters_match_differences():
  x, y = (
    jnp.concatenate([points(seed, 20, size=2, shift=at) / 16 for at in (-64.0, 64.0)])
    for seed in (0, 1)
  )
  x, y = x.astype(jnp.bfloat16), y.astype(jnp.bfloat16)
  wide = lambda array: array.astype(jnp.float64)

  def kernel(squares):
    return lambda x, y: jnp.exp(-8 * wide(squares(x, y))).sum()

  low, exact = (
    jax.grad(kernel(mmd.squared_distances))(x, y),
    jax.grad(kernel(by_differences))(wide(x), y),
  )
  np.testing.assert_allclose(wide(low), exact, atol=0.02 * float(jnp.abs(exact).max()))


@pytest.mark.parametrize('function', [mmd.squared_distances, mmd.distances])
def test_points_of_unequal_size_or_without_rows_are_rejected(function):
  for x, y in (((4, 2), (4, 3)), ((4,), (4,)), ((4, 1), (4,))):
    with pytest.raises(AssertionError):
      function(jnp.zeros(x), jnp.zeros(y))


# One pair of points, at a squared distance of 1 + 1 = 2, or of 0.
X, Y = np.array([[1.0, 2.0]]), np.array([[0.0, 1.0], [1.0, 2.0]])


@pytest.mark.parametrize(
  ('kernel', 'values'),
  [
    # (1 + 2 / (2 * 1))^-1 = 1/2 and (1 + 2 / (2 * 0.5))^-0.5 = 1 / sqrt 3; at 0 one for each alpha.
    (mmd.rational_quadratic((1.0, 0.5)), [0.5 + 3**-0.5, 2]),
    # exp(-2 / 2) + exp(-2 / 8).
    (mmd.rbf_mixture((1.0, 2.0)), [np.exp(-1) + np.exp(-0.25), 2]),
    # x.y = 2 and 5, D = 2: (2 / 2 + 1)^3, (5 / 2 + 1)^3.
    (mmd.polynomial(), [8, 42.875]),
    # (3 * 2 - 1)^2, (3 * 5 - 1)^2.
    (mmd.polynomial(degree=2, scale=3.0, shift=-1.0), [25, 196]),
    # (sqrt 5 + 1 - sqrt 2) / 2, (sqrt 5 + sqrt 5 - 0) / 2.
    (mmd.distance_induced(), [(5**0.5 + 1 - 2**0.5) / 2, 5**0.5]),
  ],
)
def test_kernels_match_hand_computation(kernel, values):
  np.testing.assert_allclose(kernel(X, Y), [values], rtol=1e-12)
  np.testing.assert_allclose(jax.jit(kernel)(X, Y), [values], rtol=1e-12)


def test_default_kernels_are_the_published_mixtures():
  # At a squared distance of 2: sum of (1 + 1 / alpha)^-alpha, and of exp(-1 / sigma^2).
  alphas, sigmas = (0.2, 0.5, 1, 2, 5), (2, 5, 10, 20, 40, 80)
  by_hand = sum((1 + 1 / alpha) ** -alpha for alpha in alphas)
  np.testing.assert_allclose(mmd.rational_quadratic()(X, Y[:1]), [[by_hand]], rtol=1e-6)
  by_hand = sum(np.exp(-1 / sigma**2) for sigma in sigmas)
  np.testing.assert_allclose(mmd.rbf_mixture()(X, Y[:1]), [[by_hand]], rtol=1e-6)


@each
def test_kernels_are_symmetric_and_positive_definite(kernel):
  x = points(0, 20)
  # Two points that are equal, and one at the origin.
  x[1], x[2] = x[0], 0
  gram = np.asarray(jax.jit(kernel)(x, x))
  chex.assert_shape(gram, (20, 20))
  np.testing.assert_allclose(gram, gram.T, rtol=1e-12, atol=1e-12)
  eigenvalues = np.linalg.eigvalsh(gram)
  assert eigenvalues.min() >= -1e-12 * eigenvalues.max()


def looped(function, x, y, unbiased):
  """mean f(x, x') + mean f(y, y') - 2 mean f(x, y), each mean a sum over pairs by a loop."""

  def mean(a, b, within):
    pairs = itertools.product(range(len(a)), range(len(b)))
    kept = [(i, j) for i, j in pairs if not (within and unbiased and i == j)]
    return sum(function(a[i], b[j]) for i, j in kept) / len(kept)

  return mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)


def apart(a, b):
  return np.sqrt(((a - b) ** 2).sum())


SINGLE = {
  'rational_quadratic': lambda a, b: sum(
    (1 + apart(a, b) ** 2 / (2 * alpha)) ** -alpha for alpha in (0.2, 0.5, 1, 2, 5)
  ),
  'rbf_mixture': lambda a, b: sum(
    np.exp(-(apart(a, b) ** 2) / (2 * sigma**2)) for sigma in (0.5, 1, 4)
  ),
  'polynomial': lambda a, b: (a @ b / len(a) + 1) ** 3,
  'distance_induced': lambda a, b: (apart(a, 0) + apart(b, 0) - apart(a, b)) / 2,
}


@pytest.mark.parametrize('unbiased', [True, False])
@pytest.mark.parametrize('name', KERNELS)
def test_mmd2_is_the_mean_over_pairs(name, unbiased):
  x, y = points(1, 4), points(2, 7, shift=0.3)
  by_hand = looped(SINGLE[name], x, y, unbiased)
  got = jax.jit(lambda x, y: mmd.mmd2(KERNELS[name], x, y, unbiased))(x, y)
  chex.assert_shape(got, ())
  np.testing.assert_allclose(got, by_hand, rtol=1e-9)


def test_mmd2_of_two_points_matches_hand_computation():
  # Dot products: x 1, 2, 4 of (1, 1), (1, 2), (2, 2); y 9; x with y 3, 6.
  dot = mmd.polynomial(degree=1, scale=1.0, shift=0.0)
  x, y = jnp.array([[1.0], [2.0]]), jnp.array([[3.0], [3.0]])
  # Biased: (1 + 2 + 2 + 4) / 4 + 9 - 2 * (3 + 6) / 2 = 2.25, the means' difference 1.5^2.
  np.testing.assert_allclose(mmd.mmd2(dot, x, y, unbiased=False), 2.25, rtol=1e-6)
  # Unbiased, without the diagonal: 2 + 9 - 9.
  np.testing.assert_allclose(mmd.mmd2(dot, x, y), 2, rtol=1e-6)


@pytest.mark.parametrize(
  'distance', [mmd.energy_distance, lambda *a, **k: mmd.mmd2(KERNELS['rbf_mixture'], *a, **k)]
)
def test_mmd2_of_one_example_has_only_a_biased_estimate(distance):
  x, y = points(0, 1), points(1, 3)
  for pair in ((x, y), (y, x), (x, x)):
    with pytest.raises(ValueError, match='at least 2'):
      distance(*pair)
    assert np.isfinite(distance(*pair, unbiased=False))
  np.testing.assert_allclose(distance(x, x, unbiased=False), 0, atol=1e-6)
  assert distance(x, y, unbiased=False) > 0


@each
def test_mmd2_unbiased_estimate_has_mean_0_and_biased_more(kernel):
  def both(key):
    x, y = jnp.split(jax.random.normal(key, (10, 2)), [4])
    return mmd.mmd2(kernel, x, y), mmd.mmd2(kernel, x, y, unbiased=False)

  unbiased, biased = jax.jit(jax.vmap(both))(jax.random.split(jax.random.key(0), 5_000))
  error = lambda values: np.std(values) / np.sqrt(len(values))
  assert abs(np.mean(unbiased)) < 4 * error(unbiased)
  assert np.mean(biased) > 20 * error(biased)
  assert np.min(biased) > -1e-5
  assert np.min(unbiased) < 0


@each
def test_mmd2_of_distant_distributions_is_large(kernel):
  distance = jax.jit(lambda x, y: mmd.mmd2(kernel, x, y))
  x, near = points(0, 200), points(1, 200)
  assert distance(x, near + 1) > 5 * abs(distance(x, near))


@pytest.mark.parametrize('unbiased', [True, False])
def test_energy_distance_is_twice_the_mmd_of_its_kernel(unbiased):
  x, y = points(1, 4), points(2, 7, shift=0.3)
  got = mmd.energy_distance(x, y, unbiased)
  np.testing.assert_allclose(got, -looped(apart, x, y, unbiased), rtol=1e-9)
  half = mmd.mmd2(mmd.distance_induced(), x, y, unbiased)
  np.testing.assert_allclose(half, got / 2, rtol=1e-9)


def test_energy_distance_on_a_line_matches_the_cdf_formula():
  # By hand: x at 0 and 2, y at 1. F - G is 1/2 on [0, 1), -1/2 on [1, 2): 2 * (1/4 + 1/4) = 1.
  x, y = jnp.array([[0.0], [2.0]]), jnp.array([[1.0]])
  np.testing.assert_allclose(mmd.energy_distance(x, y, unbiased=False), 1, rtol=1e-6)
  x, y = points(0, 4, 1), points(1, 7, 1, shift=0.5)
  ends = np.sort(np.concatenate([x, y]).ravel())
  below = lambda sample: (sample.ravel()[None] <= ends[:-1, None]).mean(axis=1)
  area = ((below(x) - below(y)) ** 2 * np.diff(ends)).sum()
  np.testing.assert_allclose(mmd.energy_distance(x, y, unbiased=False), 2 * area, rtol=1e-9)


DISTANCES = {
  **{name: lambda x, y, k=kernel: mmd.mmd2(k, x, y) for name, kernel in KERNELS.items()},
  'energy_distance': mmd.energy_distance,
}


@pytest.mark.parametrize('distance', DISTANCES.values(), ids=DISTANCES)
def test_gradients_match_finite_differences_and_are_finite_at_equal_points(distance):
  # All points equal, some of them at the origin, and two pairs of equal ones among others.
  distance = jax.jit(distance)
  x, y, same = points(0, 4), points(1, 7), np.ones((7, 3))
  meeting = [(same[:4], same), (0 * same[:4], same), (x[[0, 0, 1, 2]], np.concatenate([x, x[:3]]))]
  slopes = jax.jit(jax.vmap(jax.grad(distance, (0, 1))))
  chex.assert_tree_all_finite(slopes(*map(np.stack, zip(*meeting, strict=True))))
  chex.assert_numerical_grads(distance, (x, y), order=1, atol=1e-7, rtol=1e-6, modes=['rev'])


@pytest.mark.parametrize('distance', DISTANCES.values(), ids=DISTANCES)
@pytest.mark.parametrize('dtype', [pytest.param(jnp.float32, marks=pytest.mark.slow), jnp.bfloat16])
def test_distances_of_extreme_features_have_finite_values_and_gradients(distance, dtype):
  x = jnp.array([[1e4, -1e4], [-1e4, -1e4], [1e4, 1e4]], dtype)
  found = jax.value_and_grad(distance, (0, 1))(x, -x[:2])
  assert all(leaf.dtype == dtype for leaf in jax.tree.leaves(found))
  chex.assert_tree_all_finite(found)


def test_gradient_of_the_distance_of_equal_points_is_zero():
  x = jnp.array([[1.0, 2.0]])
  slope = jax.grad(lambda x, y: mmd.distances(x, y).sum())
  np.testing.assert_array_equal(slope(x, x), [[0, 0]])
  # Elsewhere it is the unit vector: (3, 4) / 5.
  np.testing.assert_allclose(slope(x + jnp.array([3.0, 4.0]), x), [[0.6, 0.8]], rtol=1e-6)


def test_witness_matches_hand_computation():
  # At 2: mean of 2 * 1 and 2 * 3, less 2 * 5; at -1: (-1 - 3) / 2 + 5.
  dot = mmd.polynomial(degree=1, scale=1.0, shift=0.0)
  x, y = jnp.array([[1.0], [3.0]]), jnp.array([[5.0]])
  got = mmd.witness(dot, jnp.array([[2.0], [-1.0]]), x, y)
  np.testing.assert_allclose(got, [4 - 10, -2 + 5], rtol=1e-6)


@each
def test_witness_mean_difference_is_the_biased_mmd2(kernel):
  x, y = points(0, 4), points(1, 7, shift=2.0)
  at = jax.jit(lambda p: mmd.witness(kernel, p, x, y))(np.concatenate([x, y]))
  chex.assert_shape(at, (11,))
  at_x, at_y = np.split(at, [4])
  gap = jax.jit(lambda: mmd.mmd2(kernel, x, y, unbiased=False))()
  np.testing.assert_allclose(at_x.mean() - at_y.mean(), gap, rtol=1e-9)
  assert at_x.mean() > at_y.mean()


@pytest.mark.parametrize('make', [mmd.rational_quadratic, mmd.rbf_mixture])
def test_missing_or_nonpositive_widths_are_rejected(make):
  for widths in ((), (1.0, 0.0), (-1.0,), (float('nan'),)):
    with pytest.raises(ValueError, match='finite numbers above 0'):
      make(widths)


@pytest.mark.parametrize('name', ['rational_quadratic', 'rbf_mixture'])
def test_widths_known_only_in_the_program_give_the_same_kernel(name):
  make = getattr(mmd, name)
  x, y = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
  traced = jax.jit(lambda width: make((width, 2.0))(x, y))(0.5)
  np.testing.assert_allclose(traced, make((0.5, 2.0))(x, y), rtol=1e-6)
