"""Batches of pairs, of two unpaired datasets, and of a few labels: orders, fields, and placement."""

import functools

import jax
import numpy as np
import pytest

from gan_jax.common import hashing, rng
from gan_jax.common.errors import ConfigError
from gan_jax.data import combinators, ring
from gan_jax.data import source as sources
from gan_jax.data.pipeline.held_out import place_parts
from gan_jax.data.pipeline.placement import ImageSet, place
from gan_jax.data.source import HELD_OUT, Source
from gan_jax.run import feeds
from helpers.batches import BATCH, IMAGES, LABELS, ROWS, batch

RANDOM = np.random.default_rng(1)


def maker(images=IMAGES, labels=LABELS, placement='resident', flip=False, held_out=None):
  """Returns a function seed -> source of images."""
  is_held_out = np.zeros(len(images), bool) if held_out is None else held_out
  return lambda seed: place_parts(
    ImageSet(images, labels), is_held_out, 'none is held out', seed, BATCH, placement, flip
  )


def as_bytes(images):
  return np.rint((images + 1) * 127.5).astype(np.uint8)


def indices_of(images, dataset=IMAGES):
  """Returns the index of each image in a dataset."""
  numbers = {image.tobytes(): index for index, image in enumerate(dataset)}
  return [numbers[image.tobytes()] for image in as_bytes(images)]


def paired(seed=3, flip=False, placements=('resident', 'resident'), held_out=None):
  real, source = (
    maker(images, placement=placement, flip=flip, held_out=held_out)
    for images, placement in zip((IMAGES, 255 - IMAGES), placements, strict=True)
  )
  return combinators.paired(seed, real, source)


FEW = RANDOM.integers(0, 256, (25, 6, 6, 1), np.uint8)


def unpaired(seed=3, flip=False, placements=('resident', 'resident'), held_out=None):
  few = None if held_out is None else np.arange(25) < 9
  real = maker(placement=placements[0], flip=flip, held_out=held_out)
  source = maker(FEW, None, placements[1], flip, few)
  return combinators.unpaired(seed, real, source)


def labeled(seed=3, flip=False, placements=('resident', ''), held_out=None, per_class=2, **settings):
  real = maker(placement=placements[0], flip=flip, held_out=held_out)
  return combinators.labeled_subset(seed, real, per_class, **settings)


ALL = pytest.mark.parametrize('combined', [paired, unpaired, labeled])


@ALL
@pytest.mark.parametrize('flip', [False, True])
def test_batches_are_equal_in_every_placement(combined, flip):
  both = ('resident', 'stream')
  made = [combined(flip=flip, placements=(one, other)) for one in both for other in both]
  assert made[0].read_batches is None
  assert made[3].read_batches
  # An epoch has 5 batches.
  for index in (0, 4, 5, 13):
    one, *others = (batch(source, index, ROWS) for source in made)
    for other in others:
      assert one.keys() == other.keys()
      for key, array in one.items():
        np.testing.assert_array_equal(array, other[key])


@ALL
def test_row_depends_only_on_seed_batch_index_and_position(combined):
  source = combined(flip=True)
  whole = batch(source, 7, ROWS)
  few = batch(source, 7, ROWS[[6, 1, 2]])
  for key, array in whole.items():
    np.testing.assert_array_equal(few[key], array[[6, 1, 2]])
  again, later, other = batch(combined(flip=True), 7, ROWS), batch(source, 8, ROWS), combined(seed=4)
  for key, array in whole.items():
    np.testing.assert_array_equal(again[key], array)
    assert (later[key] != array).any()
    assert (batch(other, 7, ROWS)[key] != array).any()


@ALL
@pytest.mark.parametrize('placements', [('stream', 'resident'), ('resident', 'stream')])
@pytest.mark.parametrize('count', [1, 8])
def test_every_device_receives_its_rows(combined, placements, count, monkeypatch):
  local = jax.devices()[:count]
  monkeypatch.setattr(feeds.devices.jax, 'local_devices', lambda: local)
  source = combined(flip=True, placements=placements)
  step = jax.pmap(
    lambda feed, index: source.batch(feed['arrays'], index, feed['rows']),
    in_axes=(0, None),
    devices=local,
  )
  with feeds.opened(source, BATCH, 4, 2) as opened:
    for index in (4, 6):
      feed = next(opened)
      for each in (index, index + 1):
        sharded, expected = step(feed, each), batch(source, each, ROWS)
        assert sharded.keys() == expected.keys()
        for key, array in expected.items():
          np.testing.assert_array_equal(sharded[key].reshape(array.shape), array)


@pytest.mark.parametrize('flip', [False, True])
def test_pairs_stay_together_when_they_are_shuffled_and_mirrored(flip):
  source = paired(flip=flip)
  for index in range(6):
    examples = batch(source, index, ROWS)
    assert examples.keys() == {'real', 'source', 'label', 'source_label'}
    # The inverse of an image x in [-1, 1] is -x.
    np.testing.assert_allclose(examples['source'], -examples['real'], atol=1e-6)
    np.testing.assert_array_equal(examples['source_label'], examples['label'])
  if flip:
    with pytest.raises(KeyError):
      indices_of(examples['real'])


def test_epoch_has_every_pair_once():
  source = paired()
  epoch = [batch(source, index, ROWS) for index in range(5)]
  for field, dataset in (('real', IMAGES), ('source', 255 - IMAGES)):
    found = [index for examples in epoch for index in indices_of(examples[field], dataset)]
    assert sorted(found) == list(range(40))


def test_real_of_a_combination_is_that_of_its_dataset_alone():
  alone = maker(flip=True)(3)
  for combined in (paired, unpaired, labeled):
    source = combined(flip=True)
    for index in (0, 6):
      examples = batch(source, index, ROWS)
      for key, array in batch(alone, index, ROWS).items():
        np.testing.assert_array_equal(examples[key], array)
    assert (source.split, source.classes, source.modes) == ('train', (), None)
    np.testing.assert_array_equal(source.images[...], IMAGES)
    np.testing.assert_array_equal(source.labels, LABELS)


def test_unpaired_orders_are_independent_and_complete():
  same = combinators.unpaired(3, maker(), maker())
  epoch = [batch(same, index, ROWS) for index in range(5)]
  real, source = (
    [index for examples in epoch for index in indices_of(examples[field])]
    for field in ('real', 'source')
  )
  assert sorted(real) == sorted(source) == list(range(40))
  # Two random orders of 40 agree at one position on average, with a standard deviation of 1.
  assert np.sum(np.equal(real, source)) < 6
  # An epoch of the 25 images has 3 batches.
  few = unpaired()
  found = [index for n in range(3) for index in indices_of(batch(few, n, ROWS)['source'], FEW)]
  assert len(set(found)) == 24
  assert batch(few, 0, ROWS).keys() == {'real', 'label', 'source'}


def test_unpaired_source_has_the_order_of_a_derived_seed():
  alone = maker(FEW, None)(rng.seed_for(3, 'source'))
  np.testing.assert_array_equal(batch(unpaired(), 2, ROWS)['source'], batch(alone, 2, ROWS)['real'])


def test_derived_seeds_are_whole_numbers_that_differ():
  seeds = {rng.seed_for(seed, purpose) for seed in (0, 1, 2**32 - 1) for purpose in ('a', 'b')}
  assert len(seeds) == 6
  assert all(isinstance(seed, int) and 0 <= seed < 2**32 for seed in seeds)


def labeled_epoch(source, epoch=0):
  """Returns the indices of the labeled images of an epoch, in order."""
  found = []
  for index in range(5 * epoch, 5 * epoch + 5):
    examples = batch(source, index, ROWS)
    numbers = indices_of(examples['labeled'])
    np.testing.assert_array_equal(examples['labeled_label'], LABELS[numbers])
    found += numbers
  return found


def test_labeled_images_are_repeated_in_new_permutations_to_the_full_length():
  source = labeled()
  assert batch(source, 0, ROWS).keys() == {'real', 'label', 'labeled', 'labeled_label'}
  first, second = labeled_epoch(source), labeled_epoch(source, 1)
  # 6 repetitions of 6 images, and 4 of the seventh, fill the 40 positions of an epoch.
  repetitions = [first[start : start + 6] for start in range(0, 40, 6)]
  subset = set(first)
  assert all(sorted(each) == sorted(subset) for each in repetitions[:6])
  assert len(set(repetitions[6])) == 4
  assert len({tuple(each) for each in repetitions[:6]}) > 3
  assert set(second) == subset
  assert first != second
  np.testing.assert_array_equal(np.bincount(LABELS[sorted(subset)]), [2, 2, 2])


def test_subset_depends_on_its_seed_alone():
  subset = set(labeled_epoch(labeled()))
  assert set(labeled_epoch(labeled(seed=9))) == subset
  assert set(labeled_epoch(labeled(subset_seed=1))) != subset
  assert subset < set(labeled_epoch(labeled(per_class=4)))
  assert set(labeled_epoch(labeled(per_class=0, total=6))) == subset


def test_single_labeled_image_fills_every_batch():
  source = combinators.labeled_subset(0, maker(labels=np.zeros(40, np.int32)), per_class=1)
  found = [index for n in range(6) for index in indices_of(batch(source, n, ROWS)['labeled'])]
  assert len(found) == 6 * BATCH
  assert len(set(found)) == 1


def test_labeled_images_are_mirrored_independently():
  # A dataset of one image: a row shows whether it was mirrored.
  ramp = np.broadcast_to(np.arange(6, dtype=np.uint8)[None, None, :, None], (40, 6, 6, 1)).copy()
  source = combinators.labeled_subset(0, maker(ramp, flip=True), per_class=2)
  is_mirrored = {'real': [], 'labeled': []}
  for index in range(50):
    examples = batch(source, index, ROWS)
    for field, found in is_mirrored.items():
      found += list(examples[field][:, 0, 0, 0] > examples[field][:, 0, 5, 0])
  counts = np.bincount(2 * np.array(is_mirrored['real']) + np.array(is_mirrored['labeled']))
  # Each of the four cases has 100 of the 400 rows, with a standard deviation of 8.7.
  assert abs(counts - 100).max() < 5 * 8.7


HELD = np.arange(40) % 4 == 1


@ALL
def test_held_out_examples_of_a_combination_are_disjoint_from_training(combined):
  source = combined(held_out=HELD, flip=True)
  held_out = source.held_out()
  assert (held_out.split, held_out.order.flip) == (HELD_OUT, False)
  np.testing.assert_array_equal(source.images[...], IMAGES[~HELD])
  np.testing.assert_array_equal(held_out.images[...], IMAGES[HELD])
  # One batch of 8 of the 10 images.
  examples = batch(held_out, 0, ROWS)
  assert set(indices_of(examples['real'])) <= set(np.flatnonzero(HELD))
  others = {paired: {'source', 'source_label'}, unpaired: {'source'}, labeled: set()}
  assert examples.keys() == {'real', 'label', *others[combined]}
  with pytest.raises(ConfigError, match='none is held out'):
    combined().held_out()


def test_held_out_pairs_stay_together():
  examples = batch(paired(held_out=HELD).held_out(), 0, ROWS)
  np.testing.assert_allclose(examples['source'], -examples['real'], atol=1e-6)


def test_held_out_unpaired_examples_are_those_of_each_dataset():
  examples = batch(unpaired(held_out=HELD).held_out(), 0, ROWS)
  assert set(indices_of(examples['source'], FEW)) <= set(range(9))


def test_labeled_images_are_none_of_the_held_out_ones():
  source = labeled(held_out=HELD, per_class=9)
  # The 30 training images are 11, 9 and 10 of the classes 0, 1 and 2. An epoch has 3 batches.
  found = {index for n in range(12) for index in indices_of(batch(source, n, ROWS)['labeled'])}
  assert len(found) == 27
  assert not found & set(np.flatnonzero(HELD))


def test_points_have_unpaired_and_held_out_points():
  source = combinators.unpaired(
    0, functools.partial(ring.load, batch_size=BATCH), functools.partial(ring.load, batch_size=BATCH)
  )
  drawn = [batch(each, 0, ROWS) for each in (source, source.held_out())]
  points = [points for examples in drawn for points in (examples['real'], examples['source'])]
  assert len({tuple(point) for each in points for point in each.tolist()}) == 4 * BATCH
  assert source.held_out().split == HELD_OUT
  assert source.modes is not None
  assert sources.digest(source) == ''


def test_digest_of_a_combination_covers_both_datasets():
  others = [255 - IMAGES, IMAGES]
  digests = {sources.digest(combinators.paired(0, maker(), maker(other))) for other in others}
  assert len(digests | {sources.digest(maker()(0))}) == 3
  # Scores name the images that they compare with.
  assert paired(held_out=HELD).digest == hashing.of_array(IMAGES[~HELD])


def other_class(seed):
  """A dataset whose classes 0 and 1 have a single image each."""
  return place(ImageSet(IMAGES, np.minimum(np.arange(40), 2)[::-1].astype(np.int32)), seed, BATCH)


@pytest.mark.parametrize(
  ('make', 'message'),
  [
    (lambda: combinators.paired(0, maker(), maker(FEW)), 'total is 40 in real and 25 in source'),
    (lambda: combinators.paired(0, maker(), maker(flip=True)), 'flip is False in real and True in'),
    (lambda: combinators.paired(0, maker(), lambda _: maker()(1)), 'seed is 0 in real and 1'),
    (
      lambda: combinators.paired(0, maker(held_out=HELD), maker(held_out=np.roll(HELD, 1))),
      'selection is .*; hold out, and skip as corrupt, the same images of both',
    ),
    (
      lambda: combinators.paired(0, maker(), functools.partial(ring.load, batch_size=8)),
      'source: the examples are sampled for every batch .pairs need a dataset.',
    ),
    (lambda: labeled(per_class=0), r'per_class=0: not the only number, since total=0 \(one of them'),
    (lambda: labeled(total=3), 'per_class=2: not the only number, since total=3'),
    (lambda: labeled(per_class=-1), 'per_class=-1: out of range'),
    (lambda: labeled(per_class=0, total=7), 'total=7: not divisible by the 3 classes'),
    (
      lambda: labeled(per_class=14),
      r'per_class=14: more than class 1 has \(at most 13\)',
    ),
    (
      lambda: labeled(per_class=0, total=42),
      r'total=42: more than class 1 has \(at most 39\)',
    ),
    (
      lambda: combinators.labeled_subset(0, other_class, 2),
      r'per_class=2: more than class 0 has \(at most 1\)',
    ),
    (
      lambda: combinators.labeled_subset(0, maker(labels=None), 2),
      'real: the dataset has no labels .classes are needed.; choose another',
    ),
    (
      lambda: combinators.labeled_subset(0, functools.partial(ring.load, batch_size=8), 2),
      'real: the examples are sampled for every batch .a labeled subset need a dataset.',
    ),
    (
      lambda: combinators.unpaired(0, lambda _: paired(), maker()),
      "real: has the field 'source' already, which source adds",
    ),
    (
      lambda: combinators.unpaired(
        0, lambda _: Source({}, lambda arrays, index, rows: {'real': rows}), maker()
      ).held_out(),
      'real: this data has no held-out examples',
    ),
  ],
)
def test_invalid_combinations_are_rejected_at_once(make, message):
  with pytest.raises(ConfigError, match=message):
    make()


def test_combination_of_a_combination_has_all_fields():
  both = combinators.labeled_subset(3, lambda seed: paired(seed, placements=('resident', 'stream')), 2)
  examples = batch(both, 1, ROWS)
  assert examples.keys() == {
    'real',
    'label',
    'source',
    'source_label',
    'labeled',
    'labeled_label',
  }
  np.testing.assert_allclose(examples['source'], -examples['real'], atol=1e-6)
  np.testing.assert_array_equal(examples['labeled'], batch(labeled(), 1, ROWS)['labeled'])
