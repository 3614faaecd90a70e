"""Combined datasets in configs: nested specs, their errors, and pairs of folders."""

import functools
import json

import numpy as np
import pytest
from PIL import Image

import gan_jax
from gan_jax.common import rng
from gan_jax.common.errors import ConfigError
from gan_jax.config import build, run_config, schema
from gan_jax.config.run_config import DataConfig
from gan_jax.data import arrays, combinators, mnist5k, stacked5k
from gan_jax.data import source as sources
from helpers.batches import BATCH, IMAGES, LABELS, ROWS, batch


def data_config(spec, placement='auto', seed=0):
  return DataConfig(spec, seed, BATCH, placement)


def test_config_with_nested_specs_survives_json():
  data = {
    'name': 'paired',
    'real': {**arrays.from_arrays(IMAGES, LABELS), 'flip': True},
    'source': {**arrays.from_arrays(255 - IMAGES), 'flip': True},
  }
  config = schema.plain(gan_jax.load_config('gan:test', data=data, batch_size=BATCH, seed=5))
  assert config['data'] == data
  schema.check(config, devices=1)
  again = json.loads(json.dumps(config))
  one, other = (build.make_source(run_config.parse(each).data) for each in (config, again))
  examples = batch(one, 3, ROWS)
  for key, array in batch(other, 3, ROWS).items():
    np.testing.assert_array_equal(array, examples[key])
  np.testing.assert_allclose(examples['source'], -examples['real'], atol=1e-6)
  assert sources.digest(one) == sources.digest(other) != ''


def test_config_passes_seed_batch_size_and_placement_to_nested_specs():
  data = {'name': 'unpaired', 'real': {'name': 'mnist5k'}, 'source': {'name': 'mnist5k'}}
  source = build.make_source(data_config(data, 'stream', seed=7))
  assert source.read_batches
  orders = [source.parts[field].order for field in ('real', 'source')]
  assert [order.seed for order in orders] == [7, rng.seed_for(7, 'source')]
  assert {order.batch_size for order in orders} == {BATCH}


@pytest.mark.parametrize(('key', 'value'), [('per_class', 10), ('total', 100)])
def test_config_of_a_labeled_subset_has_ten_labels_of_each_digit(key, value):
  data = {'name': 'labeled_subset', 'real': {'name': 'mnist5k', 'held_out': 1}, key: value}
  source = build.make_source(data_config(data))
  np.testing.assert_array_equal(source.arrays['labeled.label'], np.repeat(np.arange(10), 10))
  assert len(build.make_held_out_source(data_config(data)).images) == 10
  assert 'labeled: 100 labeled images' in source.about


@pytest.mark.parametrize(
  ('data', 'message'),
  [
    ({'real': {'name': 'mnist5k'}}, "data: missing argument 'source'"),
    (
      {'real': {'name': 'mnist5k', 'size': 0}, 'source': {'name': 'mnist5k'}},
      r'data.real.size=0: out of range .*; change data.real.size$',
    ),
    (
      {'real': {'name': 'ring'}, 'source': {'name': 'ring', 'modes': 1}},
      'data.source.modes=1: out of range',
    ),
    (
      {'real': {'name': 'mnist5k'}, 'source': {'name': 'nmist5k'}},
      "data.source: unknown name 'nmist5k'",
    ),
    ({'real': {'name': 'mnist5k'}, 'source': 'mnist5k'}, "data.source: 'mnist5k' is not a name with"),
    (
      {'real': {'name': 'mnist5k', 'crop': 1}, 'source': {'name': 'ring'}},
      "data.real: unexpected argument 'crop'",
    ),
    (
      {'real': {'name': 'mnist5k', 'size': '28'}, 'source': {'name': 'ring'}},
      "data.real.size='28': of the wrong kind",
    ),
    (
      {
        'real': {'name': 'ring'},
        'source': {'name': 'unpaired', 'real': {'name': 'ring'}, 'source': {'name': 'grid', 'side': 1}},
      },
      r'^data.source.source.side=1: out of range',
    ),
  ],
)
def test_error_of_a_nested_spec_names_its_key(data, message):
  with pytest.raises(ConfigError, match=message):
    build.make_source(data_config({'name': 'unpaired', **data}))


def test_missing_held_out_examples_name_the_key_of_the_nested_spec():
  data = {
    'name': 'paired',
    'real': {'name': 'mnist5k', 'held_out': 2},
    'source': {'name': 'mnist5k', 'held_out': 2, 'channels': 3},
  }
  assert len(build.make_held_out_source(data_config(data)).images) == 20
  data = {'name': 'unpaired', 'real': {'name': 'mnist5k', 'held_out': 2}, 'source': {'name': 'mnist5k'}}
  with pytest.raises(ConfigError, match=r'^data.source.held_out=0: .*; raise data.source.held_out$'):
    build.make_held_out_source(data_config(data))
  data = {'name': 'paired', 'real': {'name': 'mnist5k', 'held_out': 2}, 'source': {'name': 'mnist5k'}}
  with pytest.raises(
    ConfigError, match='data: real and source: not pairs, since total is 4980 in real'
  ):
    build.make_source(data_config(data))


def test_stacks_and_digits_are_unpaired_datasets():
  source = combinators.unpaired(
    0,
    functools.partial(stacked5k.load, batch_size=BATCH),
    functools.partial(mnist5k.load, batch_size=BATCH, channels=3),
  )
  examples = batch(source, 0, ROWS)
  assert examples['real'].shape == examples['source'].shape == (BATCH, 28, 28, 3)
  assert source.images is None
  assert sources.digest(source) != ''


def test_pairs_of_folders_are_files_of_equal_paths(tmp_path, monkeypatch):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
  for index, image in enumerate(np.repeat(IMAGES, 3, axis=-1)):
    for kind, pixels in (('photo.png', image), ('label.webp', 255 - image)):
      name, ending = kind.split('.')
      path = tmp_path / name / f'{index:02}.{ending}'
      path.parent.mkdir(exist_ok=True)
      Image.fromarray(pixels).save(path, **({'lossless': True} if ending == 'webp' else {}))
  data = {
    'name': 'paired',
    'real': {'name': f'folder:{tmp_path}/photo', 'flip': True, 'held_out': 0.4},
    'source': {'name': f'folder:{tmp_path}/label', 'flip': True, 'held_out': 0.4},
  }
  source = build.make_source(data_config(data))
  for each in (source, build.make_held_out_source(data_config(data))):
    examples = batch(each, 0, ROWS)
    np.testing.assert_allclose(examples['source'], -examples['real'], atol=1e-6)
  (tmp_path / 'label' / '07.webp').write_bytes(b'corrupt')
  (tmp_path / 'photo' / '08.png').write_bytes(b'corrupt')
  for spec in (data['real'], data['source']):
    del spec['held_out']
  with pytest.raises(ConfigError, match=r'since selection is \w{12} in real and \w{12} in source'):
    build.make_source(data_config(data))
