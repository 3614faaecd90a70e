"""The changes of an image by ADA: their probabilities and strengths, and none at p = 0."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from gan_jax.augment import adaptive, warps

COUNT = 4000
KEYS = jax.random.split(jax.random.key(0), COUNT)


def assert_often(found, expected):
  """Whether something was seen as often as it comes, within 4 standard errors; 3 in 1,000 are small."""
  error = np.sqrt(expected * (1 - expected) / len(found))
  assert np.mean(found) == pytest.approx(expected, abs=4 * error + 3e-3)


@functools.cache
def maps(probability):
  draw = lambda key: adaptive.draw_warp(key, probability, 32, 16)
  return np.asarray(jax.jit(jax.vmap(draw))(KEYS), float)


@functools.cache
def recolored(probability, channels=3):
  draw = lambda key: adaptive.draw_color(key, probability, channels)
  return np.asarray(jax.jit(jax.vmap(draw))(KEYS), float)


def parts(probability):
  """The size, the stretch, the angle and the place of each map: its linear part is size * U diag V."""
  linear = np.linalg.inv(maps(probability)[:, :2, :2])
  size = np.sqrt(np.linalg.det(linear))
  larger, smaller = np.linalg.svd(linear)[1].T
  place = -np.einsum('bij,bj->bi', linear, maps(probability)[:, :2, 2])
  return size, np.sqrt(larger / smaller), linear, place


def assert_law(found, law):
  """Whether draws may be from a law, at a level of one in a thousand."""
  assert scipy.stats.kstest(found, law.cdf).pvalue > 1e-3


@pytest.mark.parametrize('probability', [0.25, 0.7, 1.0])
def test_geometric_changes_have_their_probabilities(probability):
  size, stretch, linear, place = parts(probability)
  assert_often(abs(size - 1) > 1e-4, probability)
  assert_often(stretch > 1.0003, probability)
  assert_often(abs(place).max(axis=1) > 1e-4, probability)
  # A turn in two parts; where nothing is stretched it is seen as one.
  plain = stretch < 1.0003
  if plain.any():
    assert_often(abs(linear[plain, 0, 1]) > 1e-4, probability)
  assert_often(abs(maps(probability) - np.eye(3)).max(axis=(1, 2)) < 1e-4, (1 - probability) ** 4)


def test_geometric_changes_have_the_published_strengths():
  size, stretch, linear, place = parts(1.0)
  assert_law(np.log2(size), scipy.stats.norm(0, 0.2))
  assert_law(np.log2(stretch), scipy.stats.halfnorm(0, 0.2))
  # The polar part of the linear one is the sum of both turns, uniform on the circle.
  left, _, right = np.linalg.svd(linear)
  turned = left @ right
  assert_law(np.arctan2(turned[:, 1, 0], turned[:, 0, 0]), scipy.stats.uniform(-np.pi, 2 * np.pi))


def test_translations_scale_with_the_image_size():
  # Where nothing else happened, the last column is minus the shift: N(0, 1 / 8) of 16 and of 32.
  found = maps(0.5)
  only = abs(found[:, :2, :2] - np.eye(2)).max(axis=(1, 2)) < 1e-6
  moved = found[only, :2, 2]
  moved = moved[abs(moved).max(axis=1) > 0]
  assert len(moved) > 150
  assert_law(moved[:, 0], scipy.stats.norm(0, 2))
  assert_law(moved[:, 1], scipy.stats.norm(0, 4))


def colors_of(probability):
  """Splits the map of three channels into its action along and across the luma axis."""
  matrix, gray = recolored(probability)[:, :3, :3], np.full((3, 3), 1 / 3)
  luma = np.trace(gray @ matrix, axis1=1, axis2=2)
  across = np.array([1, -1, 0]) / np.sqrt(2)
  beyond = np.array([1, 1, -2]) / np.sqrt(6)
  image = matrix @ across
  chroma = np.hypot(image @ across, image @ beyond)
  brightness = np.einsum('bij,bj->bi', np.linalg.inv(matrix), recolored(probability)[:, :3, 3]).mean(-1)
  return luma, chroma / abs(luma), np.arctan2(image @ beyond, image @ across), brightness


@pytest.mark.parametrize('probability', [0.25, 0.7, 1.0])
def test_color_changes_have_their_probabilities(probability):
  luma, saturation, hue, brightness = colors_of(probability)
  assert_often(luma < 0, probability / 2)
  assert_often(abs(abs(luma) - 1) > 1e-4, probability)
  assert_often(abs(saturation - 1) > 1e-4, probability)
  assert_often(abs(hue) > 1e-3, probability)
  assert_often(abs(brightness) > 1e-4, probability)


def test_color_changes_have_the_published_strengths():
  luma, saturation, hue, brightness = colors_of(1.0)
  assert_law(np.log2(abs(luma)), scipy.stats.norm(0, 0.5))
  assert_law(np.log2(saturation), scipy.stats.norm(0, 1))
  assert_law(hue, scipy.stats.uniform(-np.pi, 2 * np.pi))
  assert_law(brightness, scipy.stats.norm(0, 0.2))


def test_color_changes_of_one_channel_are_brightness_contrast_and_luma_flip():
  gray = recolored(0.7, channels=1)
  assert gray.shape == (COUNT, 2, 2)
  factor, added = gray[:, 0, 0], gray[:, 0, 1]
  assert_often(factor < 0, 0.35)
  assert_often(abs(abs(factor) - 1) > 1e-4, 0.7)
  assert_often(abs(added) > 1e-6, 0.7)
  assert_often((abs(factor - 1) < 1e-4) & (abs(added) < 1e-6), 0.3**2 * 0.65)
  np.testing.assert_array_equal(gray[:, 1], np.broadcast_to([0, 1], (COUNT, 2)))


SIDE = 8
PIXELS = jnp.arange(float(SIDE * SIDE)).reshape(SIDE, SIDE, 1)


def blits(probability):
  return jax.jit(jax.vmap(lambda key: adaptive.blit(key, PIXELS, probability)))(KEYS)


def every_blit():
  """{bytes of the image: (flipped, quarters, (down, right))} of all that there can be."""
  known = {}
  for flipped in (False, True):
    for quarters in range(4):
      turned = np.rot90(np.asarray(PIXELS)[:, ::-1] if flipped else PIXELS, quarters)
      padded = np.pad(turned, ((1, 1), (1, 1), (0, 0)), 'reflect')
      for down in (-1, 0, 1):
        for right in (-1, 0, 1):
          moved = padded[1 - down :, 1 - right :][:SIDE, :SIDE]
          known[moved.tobytes()] = (flipped, quarters, (down, right))
  return known


@pytest.mark.parametrize('probability', [0.4, 1.0])
def test_blits_are_exact_copies_with_their_probabilities(probability):
  known = every_blit()
  # 2 * 4 * 9, which can all be told apart.
  assert len(known) == 72
  found = [known[image.tobytes()] for image in np.asarray(blits(probability))]
  flipped, quarters, offset = (np.array(part) for part in zip(*found, strict=True))
  assert_often(flipped, probability / 2)
  for count in (1, 2, 3):
    assert_often(quarters == count, probability / 4)
  # round(8 U[-1/8, 1/8)) is 0 half of the time, and 1 and -1 a quarter of it.
  for axis in (0, 1):
    assert_often(offset[:, axis] == 1, probability / 4)
    assert_often(offset[:, axis] == -1, probability / 4)
  # One chance for both ways: 1 - 1 / 4 of the time that it comes.
  assert_often(abs(offset).max(axis=1) > 0, probability * 0.75)


def test_blits_without_a_shift_lose_no_pixel():
  # A shift by a line loses one and doubles another; a quarter are not shifted either way.
  assert_often([(np.sort(i, axis=None) == PIXELS.ravel()).all() for i in np.asarray(blits(1.0))], 0.25)


def test_ada_at_probability_0_is_the_identity():
  image = jax.random.normal(jax.random.key(1), (9, 9, 3))
  change = functools.partial(adaptive.transform, adaptive.GROUPS, 0.0)
  np.testing.assert_allclose(change(KEYS[4], image), image, atol=2e-6)
  np.testing.assert_array_equal(adaptive.blit(KEYS[0], image, 0.0), image)
  np.testing.assert_array_equal(adaptive.draw_warp(KEYS[0], 0.0, 9, 9), np.eye(3))
  np.testing.assert_allclose(adaptive.draw_color(KEYS[0], 0.0, 3), np.eye(4), atol=1e-7)


def test_group_draws_do_not_depend_on_other_groups():
  image, key = jax.random.normal(jax.random.key(1), (9, 9, 1)), KEYS[7]
  alone = lambda group, image: adaptive.transform((group,), 1.0, key, image)
  expected = image
  for group in adaptive.GROUPS:
    assert abs(alone(group, image) - image).max() > 0.01
    expected = alone(group, expected)
  np.testing.assert_allclose(adaptive.transform(adaptive.GROUPS, 1.0, key, image), expected, atol=1e-5)


def test_groups_apply_in_the_published_order():
  # Larger, turned, stretched, turned, moved: the inverse undoes the last first.
  key = KEYS[3]
  found = np.asarray(adaptive.draw_warp(key, 1.0, 10, 20))
  # The second half of each change's key draws its strength, the first half decides whether it applies.
  own = [jax.random.split(k)[1] for k in jax.random.split(key, 5)]
  angle = lambda k: jax.random.uniform(k, minval=-np.pi, maxval=np.pi)
  size, across = (2 ** (0.2 * jax.random.normal(own[k])) for k in (0, 2))
  x, y = jax.random.normal(own[4], (2,)) / 8
  forward = warps.translation(20 * x, 10 * y) @ warps.rotation(angle(own[3]))
  forward = forward @ warps.scaling(across, 1 / across) @ warps.rotation(angle(own[1]))
  forward = forward @ warps.scaling(size, size)
  np.testing.assert_allclose(found @ forward, np.eye(3), atol=1e-5)


@pytest.mark.parametrize(
  ('shape', 'groups', 'message'),
  [
    ((2, 4, 6, 3), ('blit',), 'images are 4 x 6 .* needs square ones.*remove the group blit'),
    ((2, 4, 4, 2), ('color',), 'images have 2 channels .1 or 3 for color.; remove the group color'),
  ],
)
def test_unsupported_images_are_rejected(shape, groups, message):
  with pytest.raises(ValueError, match=message):
    adaptive.check(shape, groups)
  others = tuple(set(adaptive.GROUPS) - set(groups))
  adaptive.check(shape, others)
  adaptive.transform(others, 0.5, KEYS[0], jnp.zeros(shape[1:]))
