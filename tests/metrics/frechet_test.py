"""The Frechet distance: closed forms, moments in parts, and what it refuses."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.metrics import frechet


def gaussian(mean, covariance, count=11):
  """Moments of examples with this mean and unbiased covariance."""
  return frechet.Moments(np.float64(count), np.array(mean), (count - 1) * np.array(covariance))


def features(count, dimensions=6, seed=0, dtype=np.float64):
  """Skewed and correlated."""
  random = np.random.RandomState(seed)
  mixing = random.randn(dimensions, dimensions)
  return np.maximum(random.randn(count, dimensions) @ mixing + 1 + 0.1 * seed, 0).astype(dtype)


def distance(real, fake):
  return frechet.distance(frechet.moments(real), frechet.moments(fake))


def by_singular_values(real, fake):
  """tr (S T)^1/2 as the nuclear norm of X Y^T: no covariance, so no small eigenvalues."""
  means = [x.mean(axis=0) for x in (real, fake)]
  x, y = (
    (rows - mean) / np.sqrt(len(rows) - 1) for rows, mean in zip((real, fake), means, strict=True)
  )
  overlap = np.linalg.svd(x @ y.T, compute_uv=False).sum()
  return ((means[0] - means[1]) ** 2).sum() + (x**2).sum() + (y**2).sum() - 2 * overlap


@pytest.mark.parametrize(('count', 'singular'), [(2, True), (6, True), (7, False), (50, False)])
def test_covariance_of_too_few_examples_is_flagged_singular(count, singular):
  found = frechet.moments(features(count))
  assert (np.linalg.matrix_rank(found.scatter) < 6) == singular
  assert frechet.is_singular(found) == singular
  assert frechet.is_singular(frechet.moments(jnp.asarray(features(count)))) == singular


def test_distance_in_one_dimension_matches_hand_computation():
  # Means 1 and 3, variances 2 and 8: (1 - 3)^2 + (2^1/2 - 8^1/2)^2 = 4 + 2.
  assert distance(np.array([[0.0], [2.0]]), np.array([[1.0], [5.0]])) == pytest.approx(6, rel=1e-12)


def test_distance_of_diagonal_covariances_is_a_sum_over_dimensions():
  real, fake = gaussian([0, 0, 0], np.diag([4.0, 9, 0])), gaussian([1, 2, 0], np.diag([1.0, 25, 16]))
  # 1 + 4 + (2 - 1)^2 + (3 - 5)^2 + (0 - 4)^2.
  assert frechet.distance(real, fake) == pytest.approx(26, rel=1e-12)


def test_distance_of_noncommuting_covariances_matches_closed_form():
  real, fake = gaussian([0, 0], [[2.0, 1], [1, 2]]), gaussian([0, 0], [[1.0, 0], [0, 4]])
  # In two dimensions tr M^1/2 = (tr M + 2 det M^1/2)^1/2; tr S T = 2 + 8, det S T = 3 * 4.
  expected = 4 + 5 - 2 * np.sqrt(10 + 2 * np.sqrt(12))
  assert frechet.distance(real, fake) == pytest.approx(expected, rel=1e-12)
  assert frechet.distance(fake, real) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(('real', 'fake'), [(60, 50), (5, 50), (50, 5), (5, 4), (2, 2)])
def test_distance_with_fewer_examples_than_dimensions_is_finite(real, fake):
  real, fake = features(real, 12), features(fake, 12, seed=1)
  assert distance(real, fake) == pytest.approx(by_singular_values(real, fake), rel=1e-9)


@pytest.mark.parametrize(('real', 'fake'), [(60, 50), (5, 4)])
def test_float32_features_are_precise_enough(real, fake):
  real, fake = features(real, 12), features(fake, 12, seed=1)
  found = frechet.distance(*(jax.jit(frechet.moments)(rows) for rows in (real, fake)))
  assert found == pytest.approx(by_singular_values(real, fake), rel=1e-4)


@pytest.mark.parametrize('count', [2, 5, 12, 300])
@pytest.mark.parametrize('place', [np.asarray, jnp.asarray])
def test_distance_of_equal_sets_is_zero(count, place):
  same = features(count, 12)
  same[:, 3] = 0
  same[:, 5] = same[:, 4]
  found = distance(place(same), place(same))
  assert type(found) is float
  assert 0 <= found < 1e-5 * same.var(axis=0).sum()


def test_distance_of_a_constant_set_is_finite():
  # Means 1 and 0, variances 0 and 2 in each of two dimensions.
  assert distance(np.ones((3, 2)), np.array([[1.0, 1], [-1, -1]])) == pytest.approx(2 + 4, rel=1e-12)


def test_distance_to_prepared_moments_is_the_same():
  real, fake = (frechet.moments(features(20, seed=seed)) for seed in (0, 1))
  prepared = frechet.prepare(real)
  assert frechet.distance(prepared, fake) == frechet.distance(real, fake)
  # F F^T is the covariance.
  assert prepared.factor @ prepared.factor.T == pytest.approx(np.cov(features(20).T), rel=1e-9)


def test_moments_match_numpy():
  rows = features(30)
  count, mean, scatter = frechet.moments(rows)
  assert count == 30
  assert mean == pytest.approx(rows.mean(axis=0), rel=1e-12)
  assert scatter / 29 == pytest.approx(np.cov(rows.T), rel=1e-12)


@pytest.mark.parametrize('cuts', [(10, 20), (0, 1, 29), (1,), (30,)])
def test_merged_moments_match_the_whole(cuts):
  rows = features(30)
  merged = functools.reduce(frechet.merge, map(frechet.moments, np.split(rows, cuts)))
  jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-12), merged, frechet.moments(rows))


@pytest.mark.parametrize('scale', [1, 1e30])
@pytest.mark.parametrize('place', [np.asarray, jnp.asarray])
def test_merging_with_empty_moments_changes_nothing(place, scale):
  some = frechet.moments(place(features(7, dtype=np.float32)))
  some = some._replace(mean=some.mean * scale)
  none = frechet.empty(6)
  for merged in (frechet.merge(some, none), frechet.merge(none, some), frechet.merge(some, none)):
    jax.tree.map(np.testing.assert_array_equal, merged, some)
  jax.tree.map(np.testing.assert_array_equal, frechet.merge(none, none), none)


@pytest.mark.parametrize('place', [np.asarray, jnp.asarray])
@pytest.mark.parametrize('padding', [np.nan, np.inf, 1e30])
def test_padding_has_no_influence(place, padding):
  rows = features(9, dtype=np.float32)
  weights = np.array([1, 1, 0, 1, 0, 1, 1, 1, 0])
  padded = np.where(weights[:, None] == 1, rows, np.float32(padding))
  masked = frechet.moments(place(padded), place(weights))
  jax.tree.map(
    functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5),
    masked,
    frechet.moments(place(rows[weights == 1])),
  )
  nothing = frechet.moments(place(padded), place(0 * weights))
  jax.tree.map(np.testing.assert_array_equal, nothing, frechet.empty(6))


def test_moments_of_no_rows_are_empty():
  jax.tree.map(np.testing.assert_array_equal, frechet.moments(np.zeros((0, 6))), frechet.empty(6))


def streamed(rows):
  """In 8 compiled parts of which the last is padded, with a scan."""
  parts = np.full((8, 40, rows.shape[1]), np.nan, np.float32)
  parts.reshape(-1, rows.shape[1])[: len(rows)] = rows
  weights = (np.arange(320) < len(rows)).reshape(8, 40)

  def body(total, part):
    return frechet.merge(total, frechet.moments(*part)), None

  scan = jax.jit(lambda xs: jax.lax.scan(body, frechet.empty(rows.shape[1]), xs)[0])
  return scan((parts, weights))


def test_jitted_stream_of_moments_matches_the_whole():
  real, fake = features(310), features(290, seed=1)
  found = [streamed(rows) for rows in (real, fake)]
  assert {part.dtype for part in jax.tree.leaves(found)} == {np.dtype(np.float32)}
  assert [int(moments.count) for moments in found] == [310, 290]
  assert frechet.distance(*found) == pytest.approx(distance(real, fake), rel=1e-4)


def test_moments_over_devices_match_one_device():
  rows = features(64, dtype=np.float32)
  stacked = jax.pmap(frechet.moments)(rows.reshape(8, 8, 6))
  parts = [jax.tree.map(lambda part, i=i: np.asarray(part[i]), stacked) for i in range(8)]
  merged = functools.reduce(frechet.merge, parts)
  jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5), merged, frechet.moments(rows))


def test_moments_far_from_the_origin_are_precise_in_float32():
  # The mean is 10,000 standard deviations away: a difference of squares would lose 8 of 7 digits.
  rows, others = (1e4 + features(200, seed=seed) for seed in (0, 1))
  assert distance(*map(jnp.asarray, (rows, others))) == pytest.approx(distance(rows, others), rel=1e-3)


def test_moments_are_float64_for_numpy_and_at_least_float32_for_jax():
  kinds = {
    np.float64: [np.zeros((3, 2), np.float32), np.zeros((3, 2), np.int32)],
    np.float32: [jnp.zeros((3, 2), kind) for kind in (jnp.float32, jnp.bfloat16, jnp.uint8)],
  }
  with jax.enable_x64(True):
    kinds[np.float64].append(jnp.zeros((3, 2)))
    for kind, arrays in kinds.items():
      for array in arrays:
        assert {part.dtype for part in frechet.moments(array)} == {np.dtype(kind)}


def test_matrix_products_use_the_highest_precision():
  assert 'HIGHEST' in str(jax.make_jaxpr(frechet.moments)(jnp.zeros((3, 2))))


@pytest.mark.parametrize('bad', [np.nan, np.inf])
@pytest.mark.parametrize('place', [np.asarray, jnp.asarray])
@pytest.mark.filterwarnings('ignore:invalid value')
def test_nonfinite_features_are_rejected(bad, place):
  good, rows = features(8), features(8)
  rows[3, 2] = bad
  for pair, name in [((rows, good), 'real'), ((good, rows), 'fake')]:
    with pytest.raises(ValueError, match=f'{name} moments contain NaN or infinity'):
      distance(*map(place, pair))


def test_too_few_examples_are_rejected():
  good = features(8)
  for few in (good[:1], good[:0]):
    with pytest.raises(ValueError, match=f'fake moments: {len(few)} examples are too few'):
      distance(good, few)
    with pytest.raises(ValueError, match=f'real moments: {len(few)} examples are too few'):
      distance(few, good)


def test_features_of_other_shapes_are_rejected():
  good = frechet.moments(features(8))
  with pytest.raises(ValueError, match='6 dimensions and the fake ones 5'):
    frechet.distance(good, frechet.moments(features(8, 5)))
  with pytest.raises(ValueError, match=r'real moments: wrong shapes \(\), \(5,\) and \(6, 6\)'):
    frechet.distance(good._replace(mean=good.mean[:5]), good)
  with pytest.raises(AssertionError):
    frechet.merge(good, frechet.empty(5))
  with pytest.raises(AssertionError):
    frechet.moments(np.zeros(4))
  with pytest.raises(AssertionError):
    frechet.moments(np.zeros((4, 2)), np.ones(3))


@pytest.mark.parametrize('offset', [1e4, 1e8])
def test_distance_far_from_the_origin_is_unchanged(offset):
  random = np.random.default_rng(0)
  real, fake = random.normal(size=(500, 4)), 1.2 * random.normal(size=(500, 4)) + 0.3
  of = lambda shift: frechet.distance(*(frechet.moments(x + shift) for x in (real, fake)))
  assert of(offset) == pytest.approx(of(0), rel=1e-6)


@pytest.mark.parametrize('count', [2, 3, 7, 11, 12, 13, 50])
def test_prepared_examples_give_the_distance_of_their_moments(count):
  real, fake = features(count, 12), frechet.moments(features(30, 12, seed=1))
  prepared = frechet.prepare_examples(real)
  assert prepared.factor.shape == (12, min(count - 1, 12))
  moments = frechet.moments(real)
  covariance = moments.scatter / (count - 1)
  np.testing.assert_allclose(prepared.factor @ prepared.factor.T, covariance, rtol=0, atol=1e-12)
  assert prepared.trace == pytest.approx(np.trace(covariance), rel=1e-12)
  assert frechet.distance(prepared, fake) == pytest.approx(frechet.distance(moments, fake), rel=1e-9)


def test_prepared_examples_that_are_equal_have_no_covariance():
  prepared = frechet.prepare_examples(np.ones((4, 6)))
  assert prepared.trace == 0
  # The distance of the means, 6, and the variance of the fake examples, 6 times 2.
  fake = frechet.moments(np.array([np.full(6, -1.0), np.full(6, 1.0)]))
  assert frechet.distance(prepared, fake) == pytest.approx(6 + 12, rel=1e-12)


def test_one_example_cannot_be_prepared():
  with pytest.raises(ValueError, match='1 examples are too few for a covariance'):
    frechet.prepare_examples(np.ones((1, 6)))
