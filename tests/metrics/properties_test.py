"""Properties of the scores on the host for any input: bounds, symmetries, float64 references."""

import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies
from hypothesis.extra import numpy as arrays

from gan_jax.metrics import (
  birthday_paradox,
  distances,
  frechet,
  inception_score,
  kernel_distance,
  memorization,
  mode_coverage,
  ms_ssim,
  precision_recall,
  sliced_wasserstein,
  stacked_mnist,
)
from gan_jax.study import statistics

checked = hypothesis.settings(
  max_examples=60, deadline=None, derandomize=True, database=None, print_blob=False
)

# Whole numbers make many ties; eighths of them stay exact when they are moved by a whole number.
steps = strategies.integers(-40, 40).map(lambda step: step / 8)
wide = strategies.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False)
moves = strategies.integers(-(2**30), 2**30).map(float)
seeds = strategies.integers(0, 2**31)


@strategies.composite
def pairs_of_sets(draw, elements=steps, least=3, most=12):
  """Two sets [M, D] and [N, D]."""
  dimensions = draw(strategies.integers(1, 4))
  one = lambda: draw(
    arrays.arrays(np.float64, (draw(strategies.integers(least, most)), dimensions), elements=elements)
  )
  return one(), one()


def shuffled(x, seed):
  return x[np.random.default_rng(seed).permutation(len(x))]


def differences(x, y):
  return np.linalg.norm(x[:, None] - y[None], axis=2)


def all_scores(real, fake):
  """Every score of two sets, by one name each."""
  found = precision_recall.precision_recall(real, fake, k=2)._asdict()
  found |= precision_recall.density_coverage(real, fake, k=2)._asdict()
  found['frechet'] = frechet.distance(frechet.moments(real), frechet.moments(fake))
  found['sliced'] = sliced_wasserstein.sliced_wasserstein(real, fake, directions=8)
  found['nearest'] = distances.nearest(fake, real)[1].sum()
  found['collisions'] = birthday_paradox.collisions(fake, 1.0)
  found['closest'] = birthday_paradox.closest_pairs(fake)[1].sum()
  return found


@checked
@hypothesis.given(pairs_of_sets(), moves)
def test_scores_are_translation_invariant(sets, move):
  real, fake = sets
  moved = all_scores(real + move, fake + move)
  # The mean of many numbers is rounded where they are large.
  assert moved == pytest.approx(all_scores(real, fake), rel=1e-6, abs=1e-6)


@checked
@hypothesis.given(pairs_of_sets(), seeds)
def test_scores_do_not_depend_on_the_order(sets, seed):
  real, fake = sets
  other = all_scores(shuffled(real, seed), shuffled(fake, seed + 1))
  assert other == pytest.approx(all_scores(real, fake), rel=1e-9, abs=1e-9)


@checked
@hypothesis.given(pairs_of_sets(strategies.one_of(steps, wide)))
def test_neighbor_scores_are_in_their_bounds(sets):
  real, fake = sets
  found = precision_recall.precision_recall(real, fake, k=2)
  assert 0 <= found.precision <= 1
  assert 0 <= found.recall <= 1
  assert found[:2] == precision_recall.precision_recall(fake, real, k=2)[1::-1]
  density, coverage, _ = precision_recall.density_coverage(real, fake, k=2)
  assert 0 <= density <= len(real) / 2
  assert 0 <= coverage <= 1
  assert precision_recall.precision_recall(real, real, k=2) == (1, 1, 2)
  same = precision_recall.density_coverage(real, real, k=2)
  assert same.density <= 1


@checked
@hypothesis.given(pairs_of_sets())
def test_neighbor_scores_match_their_definitions(sets):
  real, fake = sets
  radii_real, radii_fake = (np.sort(differences(x, x), axis=1)[:, 2] for x in sets)
  cross = differences(real, fake)
  slack = 1e-12
  found = precision_recall.precision_recall(real, fake, k=2)
  assert found.precision == (cross <= radii_real[:, None] * (1 + slack)).any(axis=0).mean()
  assert found.recall == (cross <= radii_fake * (1 + slack)).any(axis=1).mean()
  inside = cross < radii_real[:, None] * (1 - slack)
  found = precision_recall.density_coverage(real, fake, k=2)
  assert found.density == pytest.approx(inside.sum() / (2 * len(fake)))
  assert found.coverage == inside.any(axis=1).mean()


@checked
@hypothesis.given(
  pairs_of_sets(strategies.one_of(steps, wide)),
  strategies.integers(1, 3),
  strategies.sampled_from([2, 5]),
)
def test_nearest_matches_differences(sets, k, tile):
  queries, bank = sets
  full = differences(queries, bank)
  order = full.argsort(axis=1, kind='stable')[:, :k]
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(distances, 'TILE', tile)
    places, dists = distances.nearest(queries, bank, k)
  np.testing.assert_array_equal(dists, np.take_along_axis(full, order, axis=1))
  np.testing.assert_array_equal(places, order)


@checked
@hypothesis.given(pairs_of_sets(strategies.one_of(steps, wide)), strategies.integers(1, 9))
def test_closest_pairs_match_differences(sets, count):
  samples, _ = sets
  full = differences(samples, samples)
  rows, columns = np.triu_indices(len(samples), 1)
  order = np.lexsort((columns, rows, full[rows, columns]))[:count]
  pairs, dists = birthday_paradox.closest_pairs(samples, count)
  np.testing.assert_array_equal(dists, full[rows, columns][order])
  np.testing.assert_array_equal(pairs, np.stack([rows, columns], axis=1)[order])
  for threshold in {1.0, *dists[dists > 0]}:
    assert birthday_paradox.collisions(samples, threshold) == (full[rows, columns] < threshold).sum()


@checked
@hypothesis.given(pairs_of_sets(strategies.floats(-1e6, 1e6)))
def test_frechet_and_sliced_distances_are_symmetric_and_zero_for_equal_sets(sets):
  real, fake = sets
  of = lambda a, b: frechet.distance(frechet.moments(a), frechet.moments(b))
  size = 1 + max(np.square(x).sum() for x in sets)
  assert of(real, fake) >= 0
  assert of(real, fake) == pytest.approx(of(fake, real), rel=1e-6, abs=1e-6 * size)
  assert of(real, real) <= 1e-6 * size
  for order in (1, 2, 50):
    of = lambda a, b, order=order: sliced_wasserstein.sliced_wasserstein(
      a, b, directions=8, order=order
    )
    assert of(real, fake) == pytest.approx(of(fake, real), rel=1e-9, abs=1e-9)
    assert of(real, real) == 0
    # Along no direction is anything farther than in space.
    assert of(real, fake) <= differences(real, fake).max() * (1 + 1e-9) + 1e-150


@checked
@hypothesis.given(pairs_of_sets(strategies.floats(-10, 10)))
def test_kernel_distance_is_symmetric_and_matches_its_formula(sets):
  real, fake = (x[: min(map(len, sets))] for x in sets)
  k = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3
  within = lambda x: k(x, x)[~np.eye(len(x), dtype=bool)].mean()
  wanted = within(real) + within(fake) - 2 * k(real, fake).mean()
  largest = max(abs(k(a, b)).max() for a in (real, fake) for b in (real, fake))
  for a, b in ((real, fake), (fake, real)):
    found = kernel_distance.kernel_distance(a, b, subsets=1).value
    assert found == pytest.approx(wanted, rel=1e-9, abs=1e-12 * largest)


@checked
@hypothesis.given(pairs_of_sets(steps, least=6), strategies.sampled_from([0.3, 0.5]))
def test_memorization_is_in_its_bounds(sets, fraction):
  fake, train = sets
  hypothesis.assume(len(np.unique(train, axis=0)) == len(train))
  found = memorization.memorization(fake, train, fraction=fraction)
  for value in (found.copied, found.expected, found.nearer):
    assert 0 <= value <= 1
  assert found.median_ratio >= 0
  assert np.isfinite(found).all()
  copier = memorization.memorization(train, train, fraction=fraction)
  assert copier.copied == copier.nearer == 1
  assert copier.z < 0


points = arrays.arrays(
  np.float32,
  (9, 2),
  elements=strategies.one_of(
    steps, strategies.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False)
  ),
)


@checked
@hypothesis.given(points, strategies.floats(0.125, 4, width=32))
def test_mode_scores_are_in_their_bounds_and_match_float64(samples, std):
  centers = np.float32([[0, 0], [4, 0], [0, 4]])
  found = {name: float(value) for name, value in mode_coverage.scores(samples, centers, std).items()}
  dists = differences(samples.astype(float), centers.astype(float))
  # At an edge float32 may decide otherwise.
  fractions = [(dists.min(axis=1) < 3 * std * edge).mean() for edge in (1 - 1e-5, 1 + 1e-5)]
  assert fractions[0] - 1e-6 <= found['high_quality'] <= fractions[1] + 1e-6
  assert 0 <= found['captured'] <= 3
  assert 0 <= found['reverse_kl'] <= math.log(3) + 1e-6


@checked
@hypothesis.given(
  arrays.arrays(
    np.int64,
    strategies.tuples(strategies.integers(1, 30), strategies.just(3)),
    elements=strategies.integers(0, 9),
  ),
  seeds,
)
def test_stacked_digit_scores_are_in_their_bounds_in_any_order(labels, seed):
  found = stacked_mnist.scores(labels)
  assert 1 <= found['captured'] <= min(len(labels), stacked_mnist.MODES)
  assert 0 <= found['reverse_kl'] <= math.log(stacked_mnist.MODES) + 1e-12
  assert stacked_mnist.scores(shuffled(labels, seed)) == found


@checked
@hypothesis.given(
  arrays.arrays(np.uint8, (2, 3, 12, 13, 1), elements=strategies.integers(0, 255)), seeds
)
def test_ms_ssim_is_symmetric_bounded_and_1_for_equal_images(pictures, seed):
  a, b = pictures
  noise = np.random.default_rng(seed).integers(0, 256, a.shape, dtype=np.uint8)
  for x, y in ((a, b), (a, noise), (255 - a, a)):
    found = np.asarray(ms_ssim.ms_ssim(x, y))
    assert (found >= 0).all()
    assert (found <= 1).all()
    np.testing.assert_allclose(ms_ssim.ms_ssim(y, x), found, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ms_ssim.ms_ssim(x, x), 1, rtol=1e-6)


@checked
@hypothesis.given(
  arrays.arrays(
    np.float64,
    strategies.tuples(strategies.integers(2, 9), strategies.integers(1, 5)),
    elements=strategies.floats(-1e4, 1e4),
  )
)
def test_inception_score_is_between_1_and_the_number_of_classes(logits):
  found = inception_score.inception_score(logits, splits=2)
  assert 1 <= found.mean <= logits.shape[1] * (1 + 1e-12)
  assert found.std >= 0
  moved = inception_score.inception_score(logits + 7.0, splits=2)
  assert moved.mean == pytest.approx(found.mean, rel=1e-6)


@checked
@hypothesis.given(strategies.floats(1, 1e300), strategies.integers(1, 200))
def test_collision_probability_matches_fractions_and_increases(size, draws):
  found = birthday_paradox.probability(size, draws)
  assert 0 <= found <= 1
  assert found <= birthday_paradox.probability(size, draws + 1)
  pairs = draws * (draws - 1) / 2
  assert found <= pairs / size * (1 + 1e-12)


some = strategies.floats(-1e6, 1e6)


@checked
@hypothesis.given(strategies.lists(some, min_size=2, max_size=12), some, seeds)
def test_summary_depends_on_values_and_not_on_their_order(values, move, seed):
  found = statistics.summary(values)
  size = max(1, abs(move), *map(abs, values))
  assert found.low <= found.mean + 1e-9 * size
  assert found.mean <= found.high + 1e-9 * size
  assert found.least - 1e-9 * size <= found.mean <= found.greatest + 1e-9 * size
  assert found.error >= 0
  other = statistics.summary(list(shuffled(np.array(values), seed)))
  assert other == pytest.approx(found, rel=1e-6, abs=1e-7 * size)
  moved = statistics.summary([value + move for value in values])
  assert moved.mean == pytest.approx(found.mean + move, abs=1e-9 * size)
  assert moved.error == pytest.approx(found.error, abs=1e-7 * size)


@checked
@hypothesis.given(strategies.lists(strategies.tuples(steps, steps), min_size=2, max_size=11))
def test_difference_of_swapped_settings_changes_sign(both):
  a, b = map(list, zip(*both, strict=True))
  one, other = statistics.paired(a, b), statistics.paired(b, a)
  assert one.difference == pytest.approx(-other.difference, abs=1e-12)
  assert one.p == other.p
  assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-12)
  assert 0 < one.p <= 1
  assert one.low - 1e-12 <= one.difference <= one.high + 1e-12
  assert (one.p < 0.05) == (not one.low <= 0 <= one.high)


@checked
@hypothesis.given(strategies.lists(strategies.floats(0, 1), max_size=8), seeds)
def test_corrected_p_values_are_at_least_raw_and_keep_their_order(p, seed):
  found = np.array(statistics.holm(p))
  assert (found >= np.array(p)).all()
  assert (found <= 1).all()
  order = np.argsort(p)
  assert (np.diff(found[order]) >= 0).all()


@pytest.mark.parametrize(
  'score', [precision_recall.precision_recall, sliced_wasserstein.sliced_wasserstein]
)
def test_features_whose_squares_overflow_are_rejected(score):
  real = np.arange(10.0)[:, None]
  with pytest.raises(ValueError, match=r'fake features=9e\+160: out of range \(at most 1e\+150\)'):
    score(real, 1e160 * real)
