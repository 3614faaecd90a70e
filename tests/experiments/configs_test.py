"""The settings of variants that are only an experiment, without a separate game."""

import pytest

from gan_jax.training import optimizers
from helpers.experiments import ROOT, experiment

CROSS_ENTROPY = {'name': 'non_saturating', 'real_label': 1.0}

# Published losses, penalties and orders of play, at preset 'ring' and a word.
CONFIGS = {
  'lsgan': {'gan.loss': {'name': 'least_squares', 'fake': 0.0, 'real': 1.0, 'target': 1.0}},
  'lad': {'gan.loss': {'name': 'least_absolute', 'fake': 0.0, 'real': 1.0, 'target': 1.0}},
  'kl': {'gan.loss': {'name': 'kl', 'real_label': 1.0}},
  'fgan': {'gan.loss': {'name': 'f_divergence', 'divergence': 'pearson', 'saturating': False}},
  'fgan:hellinger': {
    'gan.loss': {'name': 'f_divergence', 'divergence': 'hellinger', 'saturating': False}
  },
  'hinge': {'gan.loss': {'name': 'hinge'}, 'networks.discriminator.norm': 'spectral'},
  'hinge:orthogonal': {
    'players.generator.gradient_transforms': {'add_orthogonal_gradient': {'weight': 1e-4}}
  },
  'dragan': {
    'gan.loss': CROSS_ENTROPY,
    'gan.penalties': {'dragan': {'weight': 10.0, 'target': 1.0, 'scale': 0.5}},
  },
  'r1': {'gan.loss': CROSS_ENTROPY, 'gan.penalties': {'r1': {'weight': 0.05, 'every': 4}}},
  'ada': {'gan.loss': CROSS_ENTROPY, 'gan.penalties': {'r1': {'weight': 0.05, 'every': 4}}},
  'diffaugment': {'gan.loss': CROSS_ENTROPY, 'gan.penalties': {'r1': {'weight': 0.05, 'every': 4}}},
  'r3gan': {
    'gan.loss': {'name': 'relativistic_paired', 'base': {'name': 'non_saturating'}},
    'gan.penalties': {'r1': {'weight': 0.05, 'every': 4}, 'r2': {'weight': 0.05, 'every': 4}},
  },
  'ragan': {'gan.loss': {'name': 'relativistic_average', 'base': {'name': 'non_saturating'}}},
  'lecam': {'gan.loss': CROSS_ENTROPY, 'gan.penalties': {'lecam': {'weight': 0.1, 'decay': 0.99}}},
  'instance_noise': {'gan.loss': CROSS_ENTROPY, 'gan.noise': {'scale': 0.5, 'steps': 7_500}},
  'optimistic': {
    'update_rule': 'simultaneous',
    'gan.name': 'wgan_gp',
    'gan.weight': 0.1,
    'players.generator.optimizer': 'optimistic_adam_v2',
    'players.generator.nesterov': False,
    'players.discriminator.optimizer': 'optimistic_adam_v2',
    'players.discriminator.nesterov': False,
  },
  'extragradient': {
    'update_rule': 'extragradient',
    'gan.name': 'wgan_gp',
    'gan.weight': 0.1,
    'players.generator.optimizer': 'adam',
    'players.discriminator.optimizer': 'adam',
  },
  'gan': {'gan.loss': {'name': 'minimax', 'real_label': 1.0}},
  'gan:non_saturating': {'gan.loss': CROSS_ENTROPY},
  'mmd_gan': {
    'gan.kernel': {'name': 'rational_quadratic', 'alphas': [0.2, 0.5, 1.0, 2.0, 5.0]},
    'gan.penalty': 1.0,
    'gan.scaling': 0.0,
    'networks.discriminator.outputs': 16,
  },
  'mmd_gan:scaled': {
    'gan.kernel': {'name': 'rbf_mixture', 'sigmas': [1.0]},
    'gan.penalty': 0.0,
    'gan.scaling': 10.0,
    'networks.discriminator.outputs': 1,
  },
}


def split(case):
  """The file and the word of the preset of 'file' or 'file:word'."""
  name, _, word = case.partition(':')
  return ROOT / 'experiments' / f'{name}.py', word


@pytest.mark.parametrize('case', CONFIGS)
def test_config_has_the_published_settings(case):
  path, word = split(case)
  config = experiment(path, '-'.join(filter(None, ('ring', word))))
  wanted = {'update_rule': 'alternating', **CONFIGS[case]}
  for name, value in wanted.items():
    found = config
    for key in name.split('.'):
      found = found[key]
    assert found == value, name


WITHOUT_NORM = ('ada', 'diffaugment', 'dragan', 'r1', 'r3gan', 'optimistic', 'extragradient')


@pytest.mark.parametrize('name', WITHOUT_NORM)
def test_gradient_penalized_discriminators_have_no_batch_norm(name):
  assert (
    experiment(ROOT / 'experiments' / f'{name}.py', '')['networks']['discriminator']['norm'] == 'none'
  )


def test_r1_and_r2_weights_on_digits_are_larger():
  for name in ('ada', 'diffaugment', 'r1', 'r3gan'):
    penalties = experiment(ROOT / 'experiments' / f'{name}.py', '')['gan']['penalties']
    assert {term['weight'] for term in penalties.values()} == {0.5}


@pytest.mark.parametrize(('name', 'ratio'), [('optimistic', 5), ('extragradient', 5)])
def test_critic_with_one_update_on_digits_has_a_higher_rate(name, ratio):
  players = experiment(ROOT / 'experiments' / f'{name}.py', '')['players']
  rates = [players[player]['learning_rate'] for player in ('discriminator', 'generator')]
  assert rates[0] == pytest.approx(ratio * rates[1])


def test_r1_and_r3gan_on_digits_have_no_momentum():
  for name in ('ada', 'diffaugment', 'r1', 'r3gan'):
    players = experiment(ROOT / 'experiments' / f'{name}.py', '')['players']
    assert [player['b1'] for player in players.values()] == [0.0, 0.0]


def test_instance_noise_ends_after_three_quarters_of_any_run():
  for preset in ('', 'ring'):
    config = experiment(ROOT / 'experiments' / 'instance_noise.py', preset, steps=400)
    assert config['gan']['noise']['steps'] == 300


def test_optimistic_adam_matches_algorithm_1():
  # Daskalakis et al. 2018, algorithm 1: twice this step of Adam less the last one; the first is Adam's.
  config = experiment(ROOT / 'experiments' / 'optimistic.py', 'ring')
  spec = config['players']['generator']
  rate, b1, b2, eps = spec['learning_rate'], spec['b1'], 0.999, 1e-8
  transform, _ = optimizers.make_optimizer({**spec, 'update_transforms': {}})
  state, first, second, last = transform.init(0.0), 0.0, 0.0, None
  for count, gradient in enumerate([1.0, -0.5, 2.0, 0.3], start=1):
    change, state = transform.update(gradient, state, 0.0)
    first, second = b1 * first + (1 - b1) * gradient, b2 * second + (1 - b2) * gradient**2
    step = first / (1 - b1**count) / ((second / (1 - b2**count)) ** 0.5 + eps)
    expected = -rate * (step if last is None else 2 * step - last)
    assert float(change) == pytest.approx(expected, rel=1e-4), count
    last = step
