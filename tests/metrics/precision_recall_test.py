"""Precision and recall, density and coverage: by hand, by brute force, and at ties."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.metrics import distances
from gan_jax.metrics.precision_recall import density_coverage, precision_recall

REAL = np.array([[0.0], [1], [3], [7]])
FAKE = np.array([[-0.5], [2], [20], [21]])


def points(count, dimensions=5, seed=0):
  return np.random.RandomState(seed).randn(count, dimensions)


def test_precision_and_recall_match_hand_computation():
  # Real radii 1, 1, 2, 4 hold -0.5 and, on the surface, 2. Fake radii 2.5, 2.5, 1, 1 hold 0, 1 and 3.
  assert precision_recall(REAL, FAKE, k=1) == (2 / 4, 3 / 4, 1)


def test_density_and_coverage_match_hand_computation():
  # The ball of 0 holds -0.5, that of 3 holds 2, which is on the surface of that of 1: 2 of 4 each.
  assert density_coverage(REAL, FAKE, k=1) == (2 / 4, 2 / 4, 1)
  # Radii of the second neighbors 3, 2, 3, 6: 2 fake ones, 2, 1, 1.
  assert density_coverage(REAL, FAKE, k=2) == (6 / (2 * 4), 1, 2)


def brute(real, fake, k):
  """All four by differences, with no ties."""

  def apart(x, y):
    return np.linalg.norm(x[:, None] - y[None], axis=2)

  radii_real, radii_fake = (np.sort(apart(x, x), axis=1)[:, k] for x in (real, fake))
  cross = apart(real, fake)
  inside = cross < radii_real[:, None]
  precision, recall = inside.any(axis=0).mean(), (cross < radii_fake).any(axis=1).mean()
  return precision, recall, inside.sum() / (k * len(fake)), inside.any(axis=1).mean()


@pytest.mark.parametrize('k', [1, 3, 5])
@pytest.mark.parametrize(('real', 'fake'), [(40, 40), (60, 20), (20, 60), (6, 6)])
def test_scores_match_their_definitions(k, real, fake):
  real, fake = points(real), 0.8 * points(fake, seed=1) + 0.4
  found = precision_recall(real, fake, k=k)[:2] + density_coverage(real, fake, k=k)[:2]
  assert found == pytest.approx(brute(real, fake, k), rel=1e-12)
  narrow = [jnp.asarray(x, jnp.float32) for x in (real, fake)]
  assert precision_recall(*narrow, k=k)[:2] + density_coverage(*narrow, k=k)[:2] == pytest.approx(found)


@pytest.mark.parametrize('block', [1, 7, 30, 1000])
def test_chunk_size_does_not_change_the_scores(monkeypatch, block):
  real, fake = points(33), points(21, seed=1)
  expected = precision_recall(real, fake), density_coverage(real, fake)
  monkeypatch.setattr(distances, 'TILE', block)
  assert (precision_recall(real, fake), density_coverage(real, fake)) == expected


def test_precision_of_swapped_sets_is_recall():
  real, fake = points(40), 2 * points(30, seed=1)
  assert precision_recall(real, fake)[:2] == precision_recall(fake, real)[1::-1]


def test_density_and_coverage_of_one_fake_example_are_defined():
  assert density_coverage(REAL, [[0.5]], k=1) == (2, 2 / 4, 1)


@pytest.mark.parametrize('offset', [0, 1e3])
@pytest.mark.parametrize(('count', 'block'), [(50, 2048), (50, 13), (7, 2048)])
def test_scores_of_equal_sets_are_one(monkeypatch, offset, count, block):
  monkeypatch.setattr(distances, 'TILE', block)
  real = (offset + points(count, 64)).astype(np.float32)
  fake = real[np.random.RandomState(1).permutation(count)]
  assert precision_recall(real, fake) == (1, 1, 3)
  assert density_coverage(real, fake) == (1, 1, 5)


def test_ties_on_a_lattice_count_as_inside():
  # Each point has two to four neighbors at a distance of 1/8: with k = 2 all are on the surface.
  lattice = 3 + np.stack(np.meshgrid(np.arange(6), np.arange(6)), axis=-1).reshape(-1, 2) / 8
  assert density_coverage(lattice, lattice, k=2) == (1 / 2, 1, 2)
  moved = lattice + [1 / 8, 0]
  # The column that only one of them has is on the surface of balls of the other.
  assert precision_recall(lattice, moved, k=2) == (1, 1, 2)
  # All but the 6 of the first column are among the moved.
  assert density_coverage(lattice, moved, k=2) == (30 / (2 * 36), 30 / 36, 2)


def test_copies_have_neighborhoods_of_radius_zero():
  copies = np.repeat(points(4, 64), 6, axis=0) + 100
  assert precision_recall(copies, copies) == (1, 1, 3)
  assert density_coverage(copies, copies) == (0, 0, 5)
  assert precision_recall(copies, copies + 1e-3) == (0, 0, 3)


def test_scores_of_distant_sets_are_zero():
  real = points(20)
  assert precision_recall(real, real + 100) == (0, 0, 3)
  assert density_coverage(real, real + 100) == (0, 0, 5)


def test_outlier_does_not_change_other_examples():
  fake = np.concatenate([FAKE, [[1e7]], [[-1e7]]])
  # Their balls reach to the nearest fake one, and hold no real one.
  assert precision_recall(REAL, fake, k=1) == (2 / 6, 3 / 4, 1)
  assert density_coverage(REAL, fake, k=1) == (2 / 6, 2 / 4, 1)


def test_scores_far_from_the_origin_are_unchanged():
  real, fake = points(40), points(30, seed=1)
  moved = real + 1e7, fake + 1e7
  assert precision_recall(*moved) == precision_recall(real, fake)
  assert density_coverage(*moved) == density_coverage(real, fake)


def test_collapsed_generator_has_precision_and_no_recall():
  real = points(100)
  fake = real[:1] + 1e-3 * points(100, seed=1)
  assert precision_recall(real, fake)[:2] == pytest.approx((1, 0.01))
  assert density_coverage(real, fake).coverage < 0.15


def test_scores_of_one_distribution_are_as_expected():
  # The k nearest of 2 N - 1 are all real with a probability of about 2^-k.
  real, fake = points(600), points(600, seed=1)
  assert density_coverage(real, fake, k=5)[:2] == pytest.approx((1, 1 - 2**-5), abs=0.05)
  assert density_coverage(real, fake, k=1).coverage == pytest.approx(1 / 2, abs=0.08)


@pytest.mark.parametrize('score', [precision_recall, density_coverage])
def test_invalid_inputs_are_rejected(score):
  good, bad = points(8), points(8)
  bad[2, 1] = np.inf
  for pair, k, message in [
    ((good, good), 8, 'k=8: out of range .1 to 7, one less than the 8 real examples'),
    ((good[:1], good), 1, 'k=1: out of range .1 to 0, one less than the 1 real'),
    ((good, good), 0, 'k=0'),
    ((good, bad), 3, 'fake features: 1 of 8 examples contain NaN or infinity'),
    ((good, good[:, :4]), 3, 'real features have 5 dimensions and fake ones 4'),
    ((good, good[:0]), 3, 'fake features: 0 examples are too few'),
  ]:
    with pytest.raises(ValueError, match=message):
      score(*pair, k=k)


def test_precision_and_recall_need_more_than_k_fake_examples():
  with pytest.raises(ValueError, match='k=3: out of range .1 to 2, one less than the 3 fake'):
    precision_recall(points(8), points(3))


def test_scores_of_far_clusters_match_each_cluster_alone():
  near = np.array([[0.0], [1], [3], [7]])
  real = np.concatenate([near, near + 1e9])
  fake = np.concatenate([FAKE, FAKE + 1e9])
  assert precision_recall(real, fake, k=1) == precision_recall(REAL, FAKE, k=1)
  assert density_coverage(real, fake, k=2) == density_coverage(REAL, FAKE, k=2)


@pytest.mark.parametrize('spread', [1e-5, 1e-10])
def test_scores_of_small_clusters_match_differences(spread):
  ends = np.repeat([[-1.0], [1.0]], 20, axis=0)
  real, fake = ends + spread * points(40), ends + spread * points(40, seed=1)
  found = precision_recall(real, fake, k=3)[:2] + density_coverage(real, fake, k=3)[:2]
  assert found == pytest.approx(brute(real, fake, 3), rel=1e-12)


def test_density_of_equal_sets_with_ties_is_below_1():
  line = np.array([[0.0], [1.0], [2.0]])
  # Radii 2, 1, 2: open balls hold 2, 1 and 2, of k = 2 each.
  assert density_coverage(line, line, k=2) == (5 / 6, 1, 2)
