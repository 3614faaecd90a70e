"""Augmentations by hand, their derivatives, and how ADA finds its probability."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import augment
from gan_jax.common import lookup
from gan_jax.common.errors import ConfigError

COUNT = 2000
KEYS = jax.random.split(jax.random.key(0), COUNT)
IMAGES = jax.random.uniform(jax.random.key(1), (6, 8, 8, 3), minval=-1.0)

# {name: arguments} with which everything is done.
ALL = {
  'flip': {'probability': 1.0},
  'translation': {},
  'diffaugment': {},
  'ada': {'initial': 1.0},
}


def make(name, **arguments):
  return lookup.make(augment, {'name': name, **arguments})


def apply(augmentation, images=IMAGES, keys=None):
  memory = augmentation.init_memory({'real': images})
  return augmentation.apply(images, KEYS[: len(images)] if keys is None else keys, memory)


def many(augmentation, image):
  """Augments one image with many keys."""
  change = jax.jit(lambda images: apply(augmentation, images, KEYS))
  return np.asarray(change(jnp.broadcast_to(image, (COUNT, *image.shape))))


def test_every_augmentation_is_tested():
  assert set(ALL) == set(lookup.factories(augment))


def test_flip_matches_hand_computation():
  image = jnp.array([[1.0, 2, 3], [4, 5, 6]])[None, ..., None]
  assert apply(make('flip', probability=1.0), image)[0, ..., 0].tolist() == [[3, 2, 1], [6, 5, 4]]
  np.testing.assert_array_equal(apply(make('flip', probability=0.0), image), image)
  flipped = many(make('flip', probability=0.3), image[0])[:, 0, 0, 0] == 3
  # 4 standard errors of sqrt(0.3 * 0.7 / 2000).
  assert flipped.mean() == pytest.approx(0.3, abs=0.041)


def test_translation_is_uniform_and_fills_with_gray():
  # 16 / 8 = 2 down and 4 / 8 + 1 / 2 = 1 to the right, so 5 * 3 ways.
  image = np.arange(1.0, 65).reshape(16, 4, 1)
  padded = np.pad(image, ((2, 2), (1, 1), (0, 0)))
  known = {
    padded[2 - down :, 1 - right :][:16, :4].astype(np.float32).tobytes(): (down, right)
    for down in range(-2, 3)
    for right in (-1, 0, 1)
  }
  found = [known[i.tobytes()] for i in many(make('translation'), jnp.array(image, jnp.float32))]
  counts = np.unique(found, axis=0, return_counts=True)[1]
  # 2000 / 15 = 133 each, within 4.5 times the root of that.
  assert len(counts) == 15
  assert abs(counts - 2000 / 15).max() < 52
  np.testing.assert_array_equal(apply(make('translation', fraction=0.0)), IMAGES)


def test_translation_by_a_fraction_known_only_in_the_program_is_the_same():
  traced = jax.jit(lambda fraction: apply(make('translation', fraction=fraction)))
  for fraction in (0.0, 0.25, 1.0):
    np.testing.assert_array_equal(traced(fraction), apply(make('translation', fraction=fraction)))


def test_cutout_covers_half_of_each_side_at_random():
  # Half of 7, rounded, is 4 and may begin from -2 to 5; half of 6 is 3 and may begin from -1 to 4.
  found = many(make('diffaugment', policy=('cutout',)), jnp.ones((7, 6, 2)))
  known = set()
  for top in range(-2, 6):
    for left in range(-1, 5):
      hole = np.ones((7, 6, 2), np.float32)
      hole[max(top, 0) : top + 4, max(left, 0) : left + 3] = 0
      known.add(hole.tobytes())
  assert len(known) == 8 * 6
  assert {image.tobytes() for image in found} == known


def test_colors_match_hand_computation():
  # With one pixel, brightness b moves it, saturation s is around its mean, contrast around the same.
  color = np.array([0.5, -0.25, 0.8])
  found = many(make('diffaugment', policy=('color',)), jnp.array(color, jnp.float32)[None, None])
  found = found.reshape(-1, 3)
  brightness = found.mean(axis=1) - 0.35
  factors = (found - found.mean(axis=1, keepdims=True)) / (color - 0.35)
  np.testing.assert_allclose(factors, factors[:, :1].repeat(3, axis=1), rtol=1e-3, atol=1e-4)
  assert -0.5 <= brightness.min() < -0.49
  assert 0.49 < brightness.max() <= 0.5
  assert brightness.mean() == pytest.approx(0, abs=4 * np.sqrt(1 / 12 / COUNT))
  # s of U[0, 2) and c of U[1/2, 3/2): up to 3, on average 1, and their squares 4/3 and 13/12.
  assert factors.min() >= 0
  assert factors.max() <= 3
  assert factors[:, 0].mean() == pytest.approx(1, abs=4 * np.sqrt((13 / 9 - 1) / COUNT))
  assert (factors[:, 0] ** 2).mean() == pytest.approx(13 / 9, abs=0.15)


def test_contrast_scales_around_the_image_mean():
  image = jnp.array([[0.1, 0.3], [0.7, -0.9]])[..., None]
  found = many(make('diffaugment', policy=['color']), image)[..., 0]
  means = found.mean(axis=(1, 2))
  factors = (found - means[:, None, None]) / (image[..., 0] - image.mean())
  np.testing.assert_allclose(factors, factors[:, :1, :1].repeat(2, 1).repeat(2, 2), rtol=1e-3)
  # One channel has no saturation, only contrast c, U[1/2, 3/2).
  assert 0.5 - 1e-3 <= factors.min() < 0.51
  assert 1.49 < factors.max() <= 1.5 + 1e-3
  assert abs(means - image.mean()).max() <= 0.5 + 1e-6


def test_policy_applies_in_its_order():
  # A cut after the colors is gray, before them it is changed like the rest.
  image = jnp.full((8, 8, 1), 0.9)
  last = many(make('diffaugment', policy=('color', 'cutout')), image)
  first = many(make('diffaugment', policy=('cutout', 'color')), image)
  # At least 2 x 2 of the rectangle of 4 x 4 are inside.
  assert ((last == 0).sum(axis=(1, 2, 3)) >= 4).all()
  assert ((first == 0).sum(axis=(1, 2, 3)) == 0).all()


@pytest.mark.parametrize('name', ALL)
def test_augmentations_preserve_shape_and_dtype(name):
  augmentation = make(name, **ALL[name])
  for kind in (jnp.float32, jnp.bfloat16, jnp.float16):
    got = apply(augmentation, IMAGES.astype(kind))
    chex.assert_shape(got, IMAGES.shape)
    assert got.dtype == kind
    chex.assert_tree_all_finite(got)
  exact, rough = apply(augmentation), apply(augmentation, IMAGES.astype(jnp.bfloat16))
  # bfloat16 has 8 bits; sums of colors and taps make of that some more.
  np.testing.assert_allclose(rough.astype(jnp.float32), exact, atol=0.1)
  with pytest.raises(AssertionError):
    apply(augmentation, jnp.zeros((2, 8, 8, 3), jnp.uint8))


@pytest.mark.parametrize('name', ALL)
def test_augmented_image_depends_only_on_its_key(name):
  change = functools.partial(apply, make(name, **ALL[name]))
  whole = change(IMAGES, KEYS[:6])
  parts = [change(IMAGES[at : at + 2], KEYS[at : at + 2]) for at in (0, 2, 4)]
  np.testing.assert_allclose(jnp.concatenate(parts), whole, atol=1e-6)
  assert abs(change(IMAGES, KEYS[:6]) - IMAGES).max() > 0.1
  if name != 'flip':
    assert abs(change(IMAGES, KEYS[6:12]) - whole).max() > 0.1


@pytest.mark.parametrize('name', ALL)
def test_derivatives_match_finite_differences(name):
  augmentation, images = make(name, **ALL[name]), IMAGES[:2, :5, :5]
  memory = augmentation.init_memory({'real': images})
  cubes = jax.jit(lambda x: (augmentation.apply(x, KEYS[:2], memory) ** 3).sum() / 10)
  chex.assert_numerical_grads(cubes, (images,), order=2, rtol=0.05, atol=0.05, modes=['rev'])


@pytest.mark.parametrize('name', ['flip', 'translation', 'diffaugment'])
def test_only_ada_has_memory_and_metrics(name):
  augmentation = make(name)
  assert augmentation.init_memory({'real': IMAGES}) == {}
  assert augmentation.update_memory({}, {}) == {}
  assert augmentation.report({}, jnp.ones(3)) == {}


@pytest.mark.parametrize('name', ALL)
def test_points_are_rejected_before_the_first_step(name):
  points = jnp.zeros((4, 2))
  for refused in (
    lambda: make(name).init_memory({'real': points}),
    lambda: make(name).apply(points, KEYS[:4], {'probability': 0.0}),
  ):
    with pytest.raises(
      ValueError, match=r'the examples have shape \(4, 2\) \(only images .*remove augment'
    ):
      refused()


def test_images_unsupported_by_ada_are_rejected_before_the_first_step():
  with pytest.raises(ValueError, match='images are 4 x 6'):
    make('ada').init_memory({'real': jnp.zeros((2, 4, 6, 3))})
  make('ada', groups=['geometric', 'color']).init_memory({'real': jnp.zeros((2, 4, 6, 3))})


@pytest.mark.parametrize(
  ('name', 'arguments', 'message'),
  [
    ('flip', {'probability': 1.5}, 'probability=1.5: out of range (from 0 to 1)'),
    ('flip', {'probability': float('nan')}, 'probability=nan: of the wrong kind'),
    ('translation', {'fraction': -0.1}, 'fraction=-0.1: out of range (from 0 to 1)'),
    (
      'diffaugment',
      {'policy': ()},
      'policy=(): not usable (a list of one or more of: color, translation, c',
    ),
    ('diffaugment', {'policy': ('hue',)}, "policy=('hue',): not usable (a list of one or more of: "),
    ('diffaugment', {'policy': 'color,cutout'}, "policy='color,cutout': of the wrong kind"),
    ('ada', {'target': 1.1}, 'target=1.1: out of range (from -1 to 1)'),
    ('ada', {'images': 0}, 'images=0: out of range'),
    ('ada', {'interval': 0}, 'interval=0: out of range'),
    ('ada', {'interval': 1.5}, 'interval=1.5: of the wrong kind (a whole number)'),
    (
      'ada',
      {'groups': ['noise']},
      "groups=['noise']: not usable (a list of one or more of: blit, geometric, ",
    ),
    ('ada', {'initial': -0.5}, 'initial=-0.5: out of range (from 0 to 1)'),
  ],
)
def test_invalid_arguments_are_rejected(name, arguments, message):
  with pytest.raises((ConfigError, ValueError)) as refused:
    make(name, **arguments)
  assert str(refused.value).startswith(message)


def test_unknown_name_or_argument_is_rejected_with_the_accepted_ones():
  with pytest.raises(ConfigError, match="unknown name 'adda' .*did you mean 'ada'"):
    make('adda')
  with pytest.raises(ConfigError, match="unexpected argument 'speed'"):
    make('ada', speed=1)


def adapted(signs, batch=64, **arguments):
  """p after each of these mean signs of a step."""
  augmentation = make('ada', **arguments)
  memory = augmentation.init_memory({'real': jnp.zeros((batch, 4, 4, 1))})
  found = []
  for sign in signs:
    memory = augmentation.update_memory(memory, {'real_sign': jnp.float32(sign), 'loss': 9.0})
    found.append(float(memory['probability']))
  return found


def test_ada_probability_changes_by_the_images_of_an_interval():
  # 4 * 64 / 500,000 = 0.000512 every fourth step.
  expected = [0, 0, 0, 0.000512, 0.000512, 0.000512, 0.000512, 0.001024]
  assert adapted([1.0] * 8) == pytest.approx(expected, abs=1e-9)
  # 2 * 10 / 100 = 0.2 every second step, up to 1 and no further.
  rising = adapted([1.0] * 14, batch=10, images=100, interval=2)
  assert rising[1::2] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1, 1], abs=1e-6)
  falling = adapted([-1.0] * 6, batch=10, images=100, interval=2, initial=0.5)
  assert falling[1::2] == pytest.approx([0.3, 0.1, 0], abs=1e-6)


def test_ada_probability_goes_from_0_to_1_in_the_given_images():
  found = adapted([1.0] * 100, batch=50, images=4_000, interval=4)
  assert found[78] < 1
  assert found[79] == pytest.approx(1, abs=1e-5)
  assert found[-1] == 1


def test_ada_uses_the_mean_sign_over_the_interval():
  # Means of 0.6 - 0.05 and of 0.6 + 0.05 against 0.6, which single steps are on both sides of.
  low, high = [1.0, 0.1, 1.0, 0.1], [1.0, 0.3, 1.0, 0.3]
  step = 4 * 64 / 1000
  assert adapted(high + high, images=1000)[3::4] == pytest.approx([step, 2 * step])
  assert adapted(high + low + low, images=1000)[3::4] == pytest.approx([step, 0, 0])
  # Just on the target it stays.
  assert adapted([0.5] * 4, images=1000, target=0.5, initial=0.25)[3] == 0.25


def test_ada_reports_its_probability_and_the_mean_sign():
  augmentation = make('ada', initial=0.25)
  memory = augmentation.init_memory({'real': IMAGES})
  assert memory == {'probability': 0.25, 'signs': 0, 'steps': 0, 'batch': 6}
  # (1 + 1 - 1 + 0) / 4.
  got = augmentation.report(memory, jnp.array([3.0, 0.1, -7.0, 0.0]))
  assert got == {'augmentation': 0.25, 'real_sign': 0.25}
