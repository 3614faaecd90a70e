"""Examples that a user asks samples of, and what a game refuses."""

import dataclasses

import jax
import numpy as np
import pytest
from PIL import Image

from gan_jax.common.errors import ConfigError
from gan_jax.config import build
from gan_jax.config.run_config import DataConfig
from gan_jax.data import source as sources
from gan_jax.game import condition_fields, conditions_in_turn
from gan_jax.storage import sample_sources
from gan_jax.storage.sample_sources import RunData
from helpers.toy_games import dirac

DIGITS = {'name': 'mnist5k', 'size': 8, 'held_out': 2}
PAIRS = {'name': 'paired', 'real': DIGITS, 'source': DIGITS}
RINGS = {'name': 'unpaired', 'real': {'name': 'ring'}, 'source': {'name': 'grid'}}


def data_of(spec):
  config = DataConfig(spec, seed=3, batch_size=16, placement='auto')
  return RunData(config, lambda: sources.example(build.make_source(config)))


def game(condition=lambda batch: batch['source']):
  return dirac()._replace(condition=condition)


def test_held_out_examples_are_each_drawn_once_before_they_are_repeated():
  data = data_of(PAIRS)
  examples = sample_sources.find(data, game(), 'held-out')
  assert examples.num == 20
  held_out = build.make_held_out_source(dataclasses.replace(data.config, batch_size=1))
  fields = examples.batch(0, 20)
  stored = np.rint((np.asarray(fields['source']) + 1) * 127.5).astype(np.uint8)
  assert {x.tobytes() for x in stored} == {x.tobytes() for x in np.asarray(held_out.images)}
  np.testing.assert_array_equal(examples.batch(7, 30)['source'][:13], fields['source'][7:])
  np.testing.assert_array_equal(examples.targets(20), stored)
  given = examples.conditions(game())
  np.testing.assert_array_equal(given(4, 3), fields['source'][4:7])


def test_held_out_examples_do_not_depend_on_the_seed_of_the_run():
  data = data_of(PAIRS)
  other = RunData(dataclasses.replace(data.config, seed=4), data.batch)
  one, two = (sample_sources.find(each, game(), 'held-out').batch(0, 5) for each in (data, other))
  np.testing.assert_array_equal(one['source'], two['source'])


def test_examples_that_are_not_pairs_have_no_targets():
  data = data_of({**PAIRS, 'name': 'unpaired'})
  assert sample_sources.find(data, game(), 'held-out').targets(3) is None
  points = sample_sources.find(data_of(RINGS), game(), 'held-out')
  assert (points.num, points.targets(3)) == (None, None)
  assert points.batch(0, 5)['source'].shape == (5, 2)


def test_condition_made_of_real_examples_has_them_as_targets():
  small = game(lambda batch: {'small': batch['real'][:, ::2, ::2]})
  data = data_of(DIGITS)
  held_out = sample_sources.find(data, small, 'held-out')
  real = held_out.batch(0, 2)['real']
  np.testing.assert_array_equal(held_out.conditions(small)(0, 2)['small'], real[:, ::2, ::2])
  assert held_out.targets(2).shape == (2, 8, 8, 1)
  given = sample_sources.find(data, small, np.full((1, 8, 8, 1), 255, np.uint8))
  np.testing.assert_array_equal(given.conditions(small)(0, 3)['small'], np.ones((3, 4, 4, 1)))
  assert given.targets(1).min() == 255


def test_images_are_cropped_as_those_of_the_dataset_of_their_field(tmp_path):
  source = {'name': 'arrays:none', 'crop': 4, 'filter': 'nearest'}
  config = DataConfig({**PAIRS, 'source': source}, 0, 16, 'auto')
  like = jax.ShapeDtypeStruct((1, 2, 2, 1), np.float32)
  data = RunData(config, lambda: {'real': like, 'source': like})
  image = np.zeros((8, 8), np.uint8)
  image[2:6, 2:6] = np.kron([[10, 20], [30, 40]], np.ones((2, 2)))
  Image.fromarray(image).save(tmp_path / 'image.png')
  fields = sample_sources.find(data, game(), tmp_path).batch(0, 1)
  wanted = np.array([[10, 20], [30, 40]])
  np.testing.assert_allclose(fields['source'][0, ..., 0], wanted / 127.5 - 1, atol=1e-6)


def test_points_are_given_as_an_array():
  given = sample_sources.find(data_of(RINGS), game(), np.array([[1.0, 2.0], [3.0, 4.0]]))
  np.testing.assert_array_equal(given.conditions(game())(1, 2), [[3, 4], [1, 2]])
  with pytest.raises(ConfigError, match=r'^source=.*shape \(2,\) \(images .*held-out, or an array'):
    sample_sources.find(data_of(RINGS), game(), '.')


@pytest.mark.parametrize(
  ('source', 'message'),
  [
    (None, r'^source: missing \(a folder .* or held-out; .* field source of its data\); give source$'),
    (
      np.zeros((3, 8, 4, 1)),
      r'^source=float64 \(3, 8, 4, 1\): .*field source of the run has \(8, 8, 1\)',
    ),
    (np.zeros((0, 8, 8, 1)), r'^source=float64 \(0, 8, 8, 1\): not usable \(uint8 or float'),
    (np.full((2, 8, 8, 1), 3.0), r'^source=.*values from 3 to 3 are out of range'),
    (np.zeros((2, 8, 8, 4)), r'^source=.*: not usable'),
    ('no/where', r'^source=no/where: no such folder or file \(.*\); check the path$'),
  ],
)
def test_sources_that_do_not_fit_are_refused(source, message):
  with pytest.raises(ConfigError, match=message):
    sample_sources.find(data_of(PAIRS), game(), source)


def test_source_is_refused_by_games_of_labels_and_without_conditions():
  for other, fault in (
    (dirac(), 'has no conditions'),
    (dirac()._replace(condition=lambda batch: batch['label'], classes=3), 'is conditioned on labels'),
  ):
    assert sample_sources.find(data_of(PAIRS), other, None) is None
    with pytest.raises(ConfigError, match=f'^--source=x: this game {fault}.*; leave out --source$'):
      sample_sources.find(data_of(PAIRS), other, 'x', '--source')


def test_images_are_refused_by_a_game_of_several_fields():
  both = game(lambda batch: {'a': batch['source'], 'b': batch['label']})
  data = data_of(PAIRS)
  assert condition_fields(both, data.batch()) == ('label', 'source')
  with pytest.raises(
    ConfigError, match=r'on several fields of its data \(label, source\), .*held-out$'
  ):
    sample_sources.find(data, both, np.zeros((1, 8, 8, 1)))
  assert set(sample_sources.find(data, both, 'held-out').conditions(both)(0, 2)) == {'a', 'b'}


def test_data_that_holds_out_nothing_is_refused_with_the_flag():
  spec = {key: {'name': 'mnist5k', 'size': 8} for key in ('real', 'source')}
  with pytest.raises(ConfigError, match=r'^--source=held-out: data\.real\.held_out=0: .*; raise '):
    sample_sources.find(data_of({'name': 'paired', **spec}), game(), 'held-out', '--source')


def test_conditions_in_turn_repeat_those_of_the_batch():
  batch = {'real': np.zeros((3, 2)), 'source': np.arange(3)}
  np.testing.assert_array_equal(conditions_in_turn(game(), batch, 7), [0, 1, 2, 0, 1, 2, 0])
  assert conditions_in_turn(dirac(), batch, 7) is None
  assert conditions_in_turn(game()._replace(classes=3), batch, 7) is None
