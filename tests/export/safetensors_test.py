"""Weights in a safetensors file, read with and without gan_jax."""

import json

import jax
import numpy as np
import pytest

from gan_jax import export
from gan_jax.common import rng
from gan_jax.common.errors import ConfigError
from gan_jax.export import safetensors
from gan_jax.storage import load_run
from helpers import models


@pytest.fixture(scope='module')
def file(finished_run, tmp_path_factory):
  path = tmp_path_factory.mktemp('exported') / 'g.safetensors'
  paths, model = export.write(finished_run, path, step=4, ema=False)
  assert paths == [path]
  assert (model.step, model.weights) == (4, 'raw')
  return path


def contents(file):
  """The header and the arrays, by the specification of the format."""
  content = file.read_bytes()
  size = int.from_bytes(content[:8], 'little')
  header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
  metadata = header.pop('__metadata__')
  arrays = {}
  for name, array in header.items():
    assert array['dtype'] == 'F32'
    begin, end = array['data_offsets']
    arrays[name] = np.frombuffer(data[begin:end], '<f4').reshape(array['shape'])
  return metadata, arrays


def test_file_holds_the_generator_and_its_origin(finished_run, file):
  metadata, arrays = contents(file)
  config = json.loads((finished_run / 'config.json').read_text())
  assert json.loads(metadata['config']) == config
  assert (metadata['step'], metadata['weights']) == ('4', 'raw')
  assert {name.split('/')[1] for name in arrays} == {'generator'}
  _, variables, _ = load_run.load(finished_run, 4, ema=False)
  kernel = variables.params['generator']['Dense_0']['kernel']
  np.testing.assert_array_equal(arrays['params/generator/Dense_0/kernel'], kernel)
  mean = variables.state['generator']['batch_stats']['BatchNorm_0']['mean']
  np.testing.assert_array_equal(arrays['state/generator/batch_stats/BatchNorm_0/mean'], mean)


def test_loaded_weights_give_the_samples_of_the_run(finished_run, file):
  keys = rng.sample_keys(0, 0, 3)
  game, variables, step = export.load(file)
  assert step == 4
  samples = jax.jit(game.sample)(variables, keys)
  game, variables, _ = load_run.load(finished_run, 4, ema=False)
  np.testing.assert_array_equal(samples, jax.jit(game.sample)(variables, keys))
  _, averages, _ = load_run.load(finished_run, 4)
  assert (samples != jax.jit(game.sample)(averages, keys)).any()


def test_network_without_state_is_loaded(tmp_path):
  model = models.of_experiment('gan', 'ring-test')
  safetensors.write(tmp_path / 'g.safetensors', model)
  game, variables, _ = export.load(tmp_path / 'g.safetensors')
  points = jax.jit(game.sample)(variables, rng.sample_keys(0, 0, 3))
  assert points.shape == (3, 2)


def test_config_of_local_images_does_not_name_their_folder():
  model = models.of_experiment('gan', 'ring-test')
  moved = {**model.config, 'data': {'name': 'folder:/home/someone/faces'}}
  assert export.model.without_location(moved)['data'] == {'name': 'folder:faces'}
  assert model.config['data']['name'] == 'ring'


@pytest.mark.parametrize('content', [b'', b'no weights at all', None], ids=['empty', 'text', 'missing'])
def test_other_file_is_rejected(tmp_path, content):
  path = tmp_path / 'g.safetensors'
  if content is not None:
    path.write_bytes(content)
  with pytest.raises(ConfigError, match='not weights that gan_jax exported'):
    export.load(path)


def test_weights_of_another_program_are_rejected(tmp_path):
  import safetensors.numpy as reference

  reference.save_file({'weight': np.zeros(3, np.float32)}, tmp_path / 'g.safetensors')
  with pytest.raises(ConfigError, match='not weights that gan_jax exported'):
    export.load(tmp_path / 'g.safetensors')


def test_weights_that_do_not_fit_their_config_are_rejected(tmp_path):
  model = models.of_experiment('gan', 'ring-test')
  networks = {**model.config['networks'], 'generator': {'name': 'mlp_2d.Generator', 'hidden': [3]}}
  safetensors.write(
    tmp_path / 'g.safetensors', model._replace(config={**model.config, 'networks': networks})
  )
  with pytest.raises(ConfigError, match='the checkpoint does not fit its config'):
    export.load(tmp_path / 'g.safetensors')
