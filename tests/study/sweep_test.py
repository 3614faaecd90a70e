"""Settings of a study, and which of them share a program."""

import functools
import json

import hypothesis
import hypothesis.strategies as st
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.study import sweep
from helpers.experiments import ROOT

POINTS = 'experiments/wgan_gp.py:ring-test'
RATE = 'players.discriminator.learning_rate'


def test_sweep_produces_every_combination():
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


def test_sweep_updates_derived_values():
  (found,) = sweep.settings([POINTS], {'steps': [400]})
  after = found.config['players']['generator']['update_transforms']['linear_decay']
  assert after == {'begin': 200, 'end': 400}


def test_labels_name_the_player_when_ambiguous():
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
def test_swept_numbers_share_a_program(experiment, sweeps, shared):
  groups = sweep.grouped(sweep.settings([experiment], sweeps))
  assert sorted(len(group.settings) for group in groups) == shared
  for group in groups:
    assert bool(group.paths) == (len(group.settings) > 1)


@pytest.mark.parametrize(
  'experiments, sweeps, said',
  (
    (['experiments/nope.py'], [], 'experiments/nope.py: neither a file nor'),
    (['experiments/gan.py:rng'], [], "did you mean 'ring'"),
    ([POINTS], ['players.nobody.b1=0.1'], 'keys: discriminator, generator'),
    ([POINTS], ['steps=a'], "steps='a': of the wrong kind .like 8.; change it"),
    ([POINTS], ['networks.generator.hidden=true'], r'write several values in brackets'),
    ([POINTS], ['networks.generator.hidden=a'], r'write several values in brackets'),
    ([POINTS], ['remat={"a":1}'], r'write several values in brackets'),
    ([POINTS], ['steps=-2'], 'steps=-2: out of range'),
    ([POINTS], [f'{RATE}=1e-4,1e-4'], 'a value is repeated'),
    ([POINTS], [f'{RATE}'], 'write KEY=VALUE'),
    ([POINTS], [f'{RATE}=1e-4', f'{RATE}=1e-3'], 'is swept twice'),
    ([POINTS], ['seed=1,2'], 'set their number with --seeds'),
    ([POINTS, POINTS], [], 'two settings share the folder name'),
    ([POINTS], ['networks.generator.hidden=[16],16'], "the folder name 'wgan_gp_ring-test_hidden=16'"),
  ),
)
def test_invalid_sweeps_are_rejected(experiments, sweeps, said):
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
def test_list_keys_accept_lists_and_a_single_value(text, found):
  settings = sweep.settings([POINTS], sweep.parse([text]))
  path = text.partition('=')[0].split('.')
  assert [functools.reduce(dict.__getitem__, path, s.config) for s in settings] == found


def test_invalid_swept_number_is_rejected():
  found = sweep.settings([POINTS], {RATE: [1e-4, -1.0]})
  with pytest.raises(ConfigError, match='wgan_gp_ring-test_learning_rate=-1: .*at least 0'):
    sweep.grouped(found)


@pytest.mark.parametrize(
  'path',
  [
    'players.generator.learning_rate.decay_rate',
    'players.generator.momentum.decay_rate',
    'ema.generator.decay_rate',
    'gan.loss.real_label.decay_rate',
  ],
)
def test_swept_argument_of_a_schedule_is_another_program(tmp_path, path):
  file = tmp_path / 'decay.py'
  file.write_text(
    'import runpy\n'
    'def get_config(preset=None):\n'
    f'  config = runpy.run_path({str(ROOT / "experiments/gan.py")!r})["get_config"]("ring-test")\n'
    '  rate = {"schedule": "exponential_decay", "init_value": 0.5, "transition_steps": 4}\n'
    '  rate |= {"decay_rate": 0.5, "end_value": 0.25}\n'
    '  config.players.generator = {"optimizer": "sgd", "learning_rate": rate, "momentum": rate}\n'
    '  config.ema = {"generator": rate}\n'
    '  label = {**rate, "init_value": 1.0, "end_value": 0.5}\n'
    '  config.gan.loss = {"name": "minimax", "real_label": label}\n'
    '  return config\n'
  )
  groups = sweep.grouped(sweep.settings([str(file)], {path: [0.5, 0.25]}))
  assert [group.paths for group in groups] == [(), ()]


PAIRED = '{"name":"relativistic_paired","base":{"name":"hinge"}}'


@pytest.mark.parametrize(
  ('text', 'values'),
  [
    (
      f'{PAIRED},{{"name":"hinge"}}',
      [{'name': 'relativistic_paired', 'base': {'name': 'hinge'}}, {'name': 'hinge'}],
    ),
    ("{'name': 'hinge', 'base': None},3", [{'name': 'hinge', 'base': None}, 3]),
    ('[[1,2],[3]],[4]', [[[1, 2], [3]], [4]]),
    ('(1,(2,3)),()', [[1, [2, 3]], []]),
    ('"a,b",c', ['a,b', 'c']),
    ("'a,]',\"it's\"", ['a,]', "it's"]),
    (r'"a\",b","\\",c', ['a",b', '\\', 'c']),
    ("it's,that's", ["it's", "that's"]),
    ('.5,1.,1e-4,-3', [0.5, 1.0, 1e-4, -3]),
    ('True,false,None', [True, False, None]),
    ('ring, grid', ['ring', 'grid']),
    ('2024-01-01,b"x",1j', ['2024-01-01', 'b"x"', '1j']),
  ],
)
def test_sweep_values_parse_as_json_literals_or_text(text, values):
  found = sweep.parse([f'some.key={text}'])['some.key']
  assert found == values
  assert list(map(type, found)) == list(map(type, values))


@pytest.mark.parametrize(
  ('text', 'said'),
  [
    ('[1,2', r"--sweep x: \[1,2: '\[' is not closed"),
    ('{"a":[1}', r"--sweep x: .*'}' does not close a bracket"),
    ('1]', r"'\]' does not close a bracket"),
    ('"a', 'is not closed'),
    (
      '{"name": hinge}',
      r'\{"name": hinge\}: neither JSON nor a Python literal; put names in it in quotes',
    ),
    ('(generator,discriminator)', 'put names in it in quotes'),
    ('{1, 2}', 'neither JSON nor a Python literal'),
  ],
)
def test_malformed_sweep_values_are_rejected(text, said):
  with pytest.raises(ConfigError, match=said):
    sweep.parse([f'x={text}'])


JSON = st.recursive(
  st.none()
  | st.booleans()
  | st.integers()
  | st.floats(allow_nan=False, allow_infinity=False)
  | st.text(),
  lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
  max_leaves=8,
)


@hypothesis.settings(derandomize=True, deadline=None, max_examples=80, database=None)
@hypothesis.given(
  st.lists(JSON, min_size=1, max_size=4, unique_by=repr), st.sampled_from([json.dumps, repr])
)
def test_sweep_values_round_trip_through_json_and_literals(values, write):
  assert sweep.parse(['x=' + ','.join(map(write, values))]) == {'x': values}


def test_names_of_rates_equal_in_six_digits_have_more_digits():
  rates = [1e-4, 1.000001e-4, 2e-4]
  found = sweep.settings([POINTS], {RATE: rates, 'players.discriminator.b1': [0.0, 0.5]})
  names = [s.label.removeprefix('wgan_gp_ring-test_') for s in found]
  assert names[::2] == [f'learning_rate={rate}_b1=0' for rate in ('0.0001', '0.0001000001', '0.0002')]
  # Each is what it is called without the other.
  for rate in rates[:1] + rates[2:]:
    (alone, _) = sweep.settings([POINTS], {RATE: [rate, 0.5]})
    assert f'{alone.label}_b1=0' in [s.label for s in found]


def test_names_of_distinct_settings_keep_six_digits():
  found = sweep.settings([POINTS], {RATE: [1.0000001e-4, 1 / 3]})
  assert [s.label.rpartition('=')[2] for s in found] == ['0.0001', '0.333333']


def test_duplicate_sweep_numbers_are_rejected():
  with pytest.raises(ConfigError, match='two settings share the folder name'):
    sweep.settings([POINTS], {RATE: [1, 1.0]})
