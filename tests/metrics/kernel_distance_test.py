"""The kernel distance (KID) by hand, and its subsets."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.divergences import mmd
from gan_jax.metrics import kernel_distance


def points(count, dimensions=3, seed=0):
  return np.random.RandomState(seed).randn(count, dimensions)


def whole(real, fake):
  """Returns the distance over all examples of two sets of equal size."""
  found = kernel_distance.kernel_distance(real, fake, subsets=1)
  assert found.subset_size == len(real) == len(fake)
  return found.value


def test_kernel_distance_in_one_dimension_matches_hand_computation():
  # k(0, 1) = 1, k(0, 2) = 1; k(0, 0), k(0, 2), k(1, 0), k(1, 2) = 1, 1, 1, 27: 1 + 1 - 2 * 30 / 4.
  assert whole(np.array([[0.0], [1]]), np.array([[0.0], [2]])) == -13


def test_kernel_divides_the_product_by_the_dimensions():
  real, fake = np.array([[1.0, 1], [1, 3]]), np.array([[2.0, 0], [0, 0]])
  # Real (4 / 2 + 1)^3 = 27; fake 1; each real one with the fake ones (2 / 2 + 1)^3 = 8 and 1.
  assert whole(real, fake) == 27 + 1 - 2 * 4.5


def test_kernel_distance_matches_mmd2():
  real, fake = points(30), points(30, seed=1) + 0.5
  with jax.enable_x64(True):
    expected = float(mmd.mmd2(mmd.polynomial(), jnp.asarray(real), jnp.asarray(fake)))
  assert whole(real, fake) == pytest.approx(expected, rel=1e-12)
  assert whole(*(jnp.asarray(x) for x in (real, fake))) == pytest.approx(expected, rel=1e-5)


def test_kernel_distance_of_one_distribution_is_near_zero():
  values = [whole(points(20, seed=seed), points(20, seed=1000 + seed)) for seed in range(200)]
  assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(200)
  assert min(values) < 0
  # Equal sets: the pairs that are left out are in the cross term, so it is below 0.
  assert whole(points(20), points(20)) < 0


def test_value_and_error_are_those_of_the_subsets():
  real, fake = points(50), points(60, seed=1)
  random = np.random.RandomState(7)
  values = []
  for _ in range(5):
    chosen = [x[random.choice(len(x), 10, replace=False)] for x in (fake, real)]
    values.append(whole(*chosen))
  found = kernel_distance.kernel_distance(real, fake, seed=7, subsets=5, subset_size=10)
  assert found.value == pytest.approx(np.mean(values), rel=1e-12)
  assert found.std == pytest.approx(np.std(values), rel=1e-12)
  assert found.standard_error == pytest.approx(np.std(values) / np.sqrt(5), rel=1e-12)
  assert found[3:] == (5, 10)


def test_subsets_are_determined_by_the_seed():
  sets = points(50), points(60, seed=1)
  found = [
    kernel_distance.kernel_distance(*sets, seed=seed, subsets=3, subset_size=10) for seed in (0, 0, 1)
  ]
  assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(('real', 'fake', 'size'), [(30, 8, 8), (8, 30, 8), (30, 2, 2)])
def test_small_sets_use_smaller_subsets_and_report_them(real, fake, size):
  found = kernel_distance.kernel_distance(points(real), points(fake, seed=1), subsets=4)
  assert found.subset_size == size
  assert np.isfinite(found).all()
  assert found.standard_error > 0


def test_subsets_of_all_examples_have_no_error_bar():
  real, fake = points(9), points(9, seed=1)
  k = lambda x, y: (x @ y.T / 3 + 1) ** 3
  off_diagonal = lambda values: (values.sum() - np.trace(values)) / (9 * 8)
  wanted = off_diagonal(k(real, real)) + off_diagonal(k(fake, fake)) - 2 * k(real, fake).mean()
  found = kernel_distance.kernel_distance(real, fake)
  assert found.value == pytest.approx(wanted, rel=1e-12)
  assert found[1:] == (None, 0.0, 1, 9)


def test_single_subset_has_no_error_bar():
  found = kernel_distance.kernel_distance(points(30), points(30, seed=1), subsets=1, subset_size=10)
  assert found[1:] == (None, 0.0, 1, 10)


def test_invalid_inputs_are_rejected():
  good, bad = points(5), points(5)
  bad[2, 1] = np.nan
  for pair, message in [
    ((good[:1], good), 'real features: 1 examples are too few for this score .at least 2'),
    ((good, good[:0]), 'fake features: 0 examples are too few'),
    ((good, bad), 'fake features: 1 of 5 examples contain NaN or infinity'),
    ((good, points(5, 4)), 'real features have 3 dimensions and fake ones 4'),
    ((good[0], good), r'real features: wrong shape \[3\]'),
    ((np.zeros((5, 0)), good), r'real features: wrong shape \[5, 0\]'),
  ]:
    with pytest.raises(ValueError, match=message):
      kernel_distance.kernel_distance(*pair)
  for numbers in ({'subsets': 0}, {'subset_size': 1}):
    with pytest.raises(ValueError, match='too small .at least 1 subset of at least 2'):
      kernel_distance.kernel_distance(good, good, **numbers)


def exact(real, fake):
  """The unbiased MMD^2 in fractions."""
  real, fake = ([[Fraction(v) for v in row] for row in x.tolist()] for x in (real, fake))
  k = lambda a, b: (sum(u * v for u, v in zip(a, b, strict=True)) / len(a) + 1) ** 3
  within = [
    sum(k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j) / (len(x) * (len(x) - 1))
    for x in (real, fake)
  ]
  return float(sum(within) - 2 * sum(k(a, b) for a in real for b in fake) / (len(real) * len(fake)))


@pytest.mark.parametrize('mean', [0.0, 1.0, 1e3, 1e6])
def test_kernel_distance_far_from_the_origin_matches_exact_fractions(mean):
  real, fake = points(9) + mean, points(9, seed=1) + mean
  assert whole(real, fake) == pytest.approx(exact(real, fake), rel=1e-8)


def test_kernel_distance_with_a_large_diagonal_keeps_its_digits():
  real, fake = np.array([[1e7], [0.0]]), np.array([[0.0], [0.0]])
  # k(x, y) is 1 for all different pairs.
  assert whole(real, fake) == pytest.approx(0, abs=1e-6)
