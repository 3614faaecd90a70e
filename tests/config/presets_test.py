"""Presets: their words, words that exclude each other, and the protocols of papers."""

import pytest

import gan_jax
from gan_jax.common.errors import ConfigError
from gan_jax.config import presets, schema
from helpers.experiments import ROOT, experiment


def load(name, preset, **changes):
  return experiment(ROOT / 'experiments' / f'{name}.py', preset, **changes)


def decay(config, player):
  return config['players'][player]['update_transforms']['linear_decay']


@pytest.mark.parametrize(
  ('preset', 'extra', 'chosen'),
  [
    ('', (), set()),
    ('test', (), {'test'}),
    ('ring-test', (), {'ring', 'test'}),
    ('test-ring', (), {'ring', 'test'}),
    ('grid-veegan-scaled', ('scaled',), {'grid', 'veegan', 'scaled'}),
    ('mnist-test', (), {'mnist', 'test'}),
  ],
)
def test_preset_words_are_parsed(preset, extra, chosen):
  assert presets.words(preset, *extra) == chosen


@pytest.mark.parametrize(
  ('preset', 'message'),
  [
    ('rnig', "'rnig'.*; did you mean 'ring'"),
    ('ring-scaled', "'scaled'"),
    ('ring_test', "'ring_test'"),
    ('ring-grid', 'preset=ring-grid: ring and grid exclude each other; choose one'),
    ('mnist-ring', 'mnist and ring exclude each other'),
    ('ring-pacgan-veegan', 'pacgan and veegan exclude each other; choose one'),
    ('pacgan', r'pacgan, veegan need 2-D points \(ring, grid, swiss_roll\); add one'),
    ('mnist-veegan', 'pacgan, veegan need 2-D points'),
    ('mixture_1200-veegan', 'pacgan, veegan need 2-D points'),
  ],
)
def test_invalid_presets_are_rejected(preset, message):
  with pytest.raises(ConfigError, match=message):
    presets.words(preset)


def test_preset_words_of_another_experiment_are_rejected():
  assert load('fgan', 'ring-hellinger')['gan']['loss']['divergence'] == 'hellinger'
  with pytest.raises(ConfigError, match="'hellinger'"):
    load('lsgan', 'ring-hellinger')


@pytest.mark.parametrize('word', [word for word in presets.IMAGES if word != 'mnist'])
def test_image_presets_match_data_size_and_network_size(word):
  changes = {'data.flip': True, 'data.crop': 20, 'data.filter': 'box'}
  config, data = load('lsgan', word, **changes), presets.IMAGES[word]
  assert config['data']['name'] == data.name
  generator = config['networks']['generator']
  assert (generator['size'], generator['channels']) == (data.size, data.channels)
  assert (config['data']['size'], config['data']['channels']) == (data.size, data.channels)
  assert (config['steps'], config['data']['flip'], config['data']['crop']) == (data.steps, True, 20)
  of_folders = {'background', 'max_corrupt_fraction', 'held_out'}
  others = {'split'} if data.name.startswith('tfds:') else of_folders
  assert config['data'].keys() == {'name', 'size', 'channels', 'crop', 'filter', 'flip', *others}
  assert load('gan', word)['networks']['generator']['size'] == data.size


@pytest.mark.parametrize('preset', ['', 'mnist', 'test'])
def test_preset_without_data_uses_digits(preset):
  config = load('lsgan', preset)
  assert config['data'] == {'name': 'mnist5k', 'size': 28, 'channels': 1, 'held_out': 0}
  assert config['networks']['discriminator']['name'] == 'dcgan.Discriminator'
  assert not presets.on_points(presets.words(preset))


def test_digits_presets_set_the_size_of_both_networks():
  config = load('lsgan', '', **{'data.size': 64, 'data.channels': 3})
  assert (config['networks']['generator']['size'], config['networks']['generator']['channels']) == (
    64,
    3,
  )


@pytest.mark.parametrize(
  ('name', 'size'), [('ring', 2), ('grid', 2), ('swiss_roll', 2), ('mixture_1200', 1200)]
)
def test_point_presets_set_the_dimension(name, size):
  config = load('lsgan', name)
  assert config['data'] == {'name': name}
  assert config['networks']['generator']['size'] == size
  assert config['networks']['discriminator']['name'] == 'mlp_2d.Discriminator'
  assert (config['steps'], config['batch_size'], config['update_rule']) == (10_000, 128, 'alternating')


def test_point_test_presets_are_short():
  config = load('lsgan', 'ring-test')
  assert (config['steps'], config['batch_size']) == (8, 16)
  assert config['networks']['generator']['hidden'] == [16, 16]
  schema.check(config, devices=1)


@pytest.mark.parametrize('data', ['ring', 'grid'])
@pytest.mark.parametrize('name', ['gan', 'pacgan', 'lsgan'])
def test_pacgan_protocol_has_published_settings(name, data):
  config = load(name, f'{data}-pacgan')
  # 100,000 points in batches of 100, 400 times.
  assert config['steps'] == 100_000 // 100 * 400
  assert config['update_rule'] == 'simultaneous'
  assert config['gan']['prior'] == {'name': 'normal', 'size': 2}
  assert config['networks'] == {
    'generator': {
      'name': 'mlp_2d.Generator',
      'size': 2,
      'hidden': [400, 400, 400, 400],
      'batch_norm': True,
      'weights': 0.02,
    },
    'discriminator': {'name': 'mlp_2d.Maxout', 'hidden': [200, 200, 200], 'pieces': 5},
  }
  adam = {'optimizer': 'adam', 'learning_rate': 1e-4, 'b1': 0.8, 'updates_per_step': 1}
  assert config['players'] == {'generator': adam, 'discriminator': adam}
  assert config['ema'] == {}
  assert config['data'] == {'name': data}
  schema.check(config, devices=1)


def test_pacgan_protocol_without_packs_has_batch_size_100():
  assert load('gan', 'ring-pacgan')['batch_size'] == 100


def test_veegan_protocol_has_published_settings():
  config = load('gan', 'ring-veegan')
  assert (config['batch_size'], config['steps'], config['update_rule']) == (500, 25_000, 'alternating')
  assert config['gan']['prior'] == {'name': 'normal', 'size': 254}
  assert config['networks']['generator']['hidden'] == [128, 128]
  assert config['networks']['discriminator']['hidden'] == [128]
  adam = {'optimizer': 'adam', 'learning_rate': 1e-3, 'b1': 0.5, 'updates_per_step': 1}
  assert config['players'] == {'generator': adam, 'discriminator': adam}
  assert config['ema'] == {}


@pytest.mark.parametrize('protocol', presets.PROTOCOLS)
def test_protocol_with_test_is_shortened(protocol):
  config = load('gan', f'ring-{protocol}-test')
  assert (config['steps'], config['batch_size']) == (8, 16)
  schema.check(config, devices=1)


@pytest.mark.parametrize('protocol', presets.PROTOCOLS)
@pytest.mark.parametrize('name', ['ebgan', 'began', 'cramer', 'mmd_gan', 'hinge'])
def test_protocol_incompatible_with_the_discriminator_is_rejected(name, protocol):
  with pytest.raises(ConfigError, match=f'preset={protocol}: this protocol sets the discriminator'):
    load(name, f'ring-{protocol}')


def test_point_presets_decay_rates_in_the_second_half_of_any_run():
  for changes, steps in (({}, 10_000), ({'steps': 500}, 500)):
    config = load('lsgan', 'ring', **changes)
    for player in ('generator', 'discriminator'):
      assert decay(config, player) == {'begin': steps // 2, 'end': steps}
  assert 'update_transforms' not in load('lsgan', '')['players']['generator']


@pytest.mark.parametrize('name', ['wgan', 'wgan_gp'])
def test_decay_counts_every_critic_update(name):
  config = load(name, 'ring', steps=500)
  assert config['players']['discriminator']['updates_per_step'] == 5
  assert decay(config, 'generator') == {'begin': 250, 'end': 500}
  assert decay(config, 'discriminator') == {'begin': 1250, 'end': 2500}
  digits = load(name, '')
  assert digits['players']['discriminator']['updates_per_step'] == 5
  assert digits['steps'] == 1_500
  assert 'update_transforms' not in digits['players']['discriminator']


def test_decay_counts_both_extragradient_updates():
  config = load('extragradient', 'ring', steps=500)
  for player in ('generator', 'discriminator'):
    assert decay(config, player) == {'begin': 500, 'end': 1000}


@pytest.mark.parametrize(
  ('name', 'path', 'value'),
  [
    ('conditional', 'gan.classes', 5),
    ('acgan', 'networks.discriminator.outputs', 6),
    ('projection', 'networks.generator.classes', 5),
    ('sagan', 'networks.discriminator.classes', 5),
    ('biggan', 'networks.generator.classes', 5),
  ],
)
def test_number_of_labels_of_a_folder_is_set_in_one_place(name, path, value):
  config = gan_jax.load_config(f'{name}:folder', **{'gan.classes': 5})
  for key in path.split('.'):
    config = config[key]
  assert config == value
