"""Settings of a study, and which of them share a program."""

import functools

import pytest

from gan_jax import sweep
from gan_jax.errors import ConfigError

POINTS = 'experiments/wgan_gp.py:ring-test'
RATE = 'players.discriminator.learning_rate'


def test_every_combination_is_a_setting():
  found = sweep.settings([POINTS], sweep.parse([f'{RATE}=1e-4,2e-4', 'gan.weight=1.0,10.0', 'steps=4']))
  assert [s.label for s in found] == [
    f'wgan_gp_ring-test_learning_rate={rate}_weight={weight}'
    for rate in ('0.0001', '0.0002')
    for weight in ('1', '10')
  ]
  assert [s.config['players']['discriminator']['learning_rate'] for s in found] == [1e-4] * 2 + [
    2e-4
  ] * 2
  assert {s.config['steps'] for s in found} == {4}


def test_what_is_derived_from_a_value_follows_it():
  (found,) = sweep.settings([POINTS], {'steps': [400]})
  after = found.config['players']['generator']['after']['linear_decay']
  assert after == {'begin': 200, 'end': 400}


def test_labels_say_whose_rate_it_is_where_there_are_two():
  sweeps = {f'players.{p}.learning_rate': [1e-4, 1e-3] for p in ('generator', 'discriminator')}
  found = sweep.settings([POINTS], sweeps)
  assert found[0].label.endswith(
    '_players.generator.learning_rate=0.0001_players.discriminator.learning_rate=0.0001'
  )
  assert len({s.label for s in found}) == 4


@pytest.mark.parametrize(
  'experiment, sweeps, shared',
  (
    (POINTS, {RATE: [1e-4, 2e-4], 'gan.weight': [1.0, 10.0]}, [4]),
    (POINTS, {'players.generator.b1': [0.0, 0.5]}, [2]),
    ('experiments/gan.py:ring-test', {'ema.generator': [0.9, 0.99]}, [2]),
    # Whole numbers, widths and names decide what the program is.
    (POINTS, {'batch_size': [8, 16]}, [1, 1]),
    (POINTS, {'networks.generator.hidden': [(8, 8), (4, 4)]}, [1, 1]),
    (POINTS, {'batch_size': [8, 16], RATE: [1e-4, 2e-4]}, [2, 2]),
    # A weight of 0 leaves a term out of MMD GAN, so its weights cannot be inputs.
    ('experiments/mmd_gan.py:ring-test', {'gan.penalty': [0.1, 1.0]}, [1, 1]),
  ),
)
def test_numbers_share_a_program(experiment, sweeps, shared):
  groups = sweep.grouped(sweep.settings([experiment], sweeps))
  assert sorted(len(group.settings) for group in groups) == shared
  for group in groups:
    assert bool(group.paths) == (len(group.settings) > 1)


@pytest.mark.parametrize(
  'experiments, sweeps, said',
  (
    (['experiments/nope.py'], [], 'no file experiments/nope.py'),
    (['experiments/gan.py:rng'], [], "did you mean 'ring'"),
    ([POINTS], ['players.nobody.b1=0.1'], 'keys: discriminator, generator'),
    ([POINTS], ['steps=a'], "'a' is of another type than 8$"),
    ([POINTS], ['networks.generator.hidden=true'], r'several go in brackets'),
    ([POINTS], ['networks.generator.hidden=a'], r'several go in brackets'),
    ([POINTS], ['remat={"a":1}'], r'several go in brackets'),
    ([POINTS], ['steps=-2'], 'it must be a whole number'),
    ([POINTS], [f'{RATE}=1e-4,1e-4'], 'a value is there twice'),
    ([POINTS], [f'{RATE}'], 'write it as KEY=VALUE'),
    ([POINTS], [f'{RATE}=1e-4', f'{RATE}=1e-3'], 'is given twice'),
    ([POINTS], ['seed=1,2'], 'say how many with --seeds'),
    ([POINTS, POINTS], [], 'two settings have the folder'),
    ([POINTS], ['networks.generator.hidden=[16],16'], "the folder 'wgan_gp_ring-test_hidden=16'"),
  ),
)
def test_what_cannot_be_is_refused(experiments, sweeps, said):
  with pytest.raises(ConfigError, match=said):
    sweep.settings(experiments, sweep.parse(sweeps))


@pytest.mark.parametrize(
  'text, found',
  (
    ('networks.generator.hidden=[16],[8,4]', [[16], [8, 4]]),
    ('remat=generator', [['generator']]),
    ('remat=("generator","discriminator")', [['generator', 'discriminator']]),
  ),
)
def test_keys_of_several_values_take_lists_and_one_alone(text, found):
  settings = sweep.settings([POINTS], sweep.parse([text]))
  path = text.partition('=')[0].split('.')
  assert [functools.reduce(dict.__getitem__, path, s.config) for s in settings] == found


def test_a_bad_number_is_refused_though_it_would_be_an_input():
  found = sweep.settings([POINTS], {RATE: [1e-4, -1.0]})
  with pytest.raises(ConfigError, match='wgan_gp_ring-test_learning_rate=-1: .*at least 0'):
    sweep.grouped(found)
