"""Variants that are an experiment and no game of their own: what their configs say, and first steps."""

import pytest
from conftest import ROOT, experiment, first_step

# Printed by: python tests/experiments_test.py
GOLDENS = {
  'lsgan': {
    'discriminator/fake_score': 0.00673444,
    'discriminator/gradient_norm': 4.86636,
    'discriminator/loss': 1.51678,
    'discriminator/real_score': -0.636738,
    'generator/fake_score': -0.0139992,
    'generator/gradient_norm': 1.47785,
    'generator/loss': 0.557561,
  },
  'lad': {
    'discriminator/fake_score': 0.00673444,
    'discriminator/gradient_norm': 4.64197,
    'discriminator/loss': 1.93416,
    'discriminator/real_score': -0.636738,
    'generator/fake_score': -0.0193913,
    'generator/gradient_norm': 1.60421,
    'generator/loss': 1.01939,
  },
  'kl': {
    'discriminator/fake_score': 0.00673444,
    'discriminator/gradient_norm': 2.75819,
    'discriminator/loss': 1.79902,
    'discriminator/real_score': -0.636738,
    'generator/fake_score': -0.0777538,
    'generator/gradient_norm': 2.01749,
    'generator/loss': 0.0777538,
  },
  'fgan': {
    'discriminator/fake_score': 0.00673444,
    'discriminator/gradient_norm': 5.44203,
    'discriminator/loss': 0.674647,
    'discriminator/real_score': -0.636738,
    'generator/fake_score': -0.0822939,
    'generator/gradient_norm': 2.01975,
    'generator/loss': 0.0822939,
  },
  'fgan:hellinger': {
    'discriminator/fake_score': 0.00673444,
    'discriminator/gradient_norm': 7.20954,
    'discriminator/loss': 1.18783,
    'discriminator/real_score': -0.636738,
    'generator/fake_score': -0.0730117,
    'generator/gradient_norm': 1.98636,
    'generator/loss': 0.119842,
  },
  'hinge': {
    'discriminator/fake_score': 0.000487035,
    'discriminator/gradient_norm': 0.794586,
    'discriminator/loss': 2.06686,
    'discriminator/real_score': -0.0663711,
    'generator/fake_score': -0.00716285,
    'generator/gradient_norm': 0.12426,
    'generator/loss': 0.00716285,
  },
  'dragan': {
    'discriminator/dragan': 0.117808,
    'discriminator/fake_score': 0.00673444,
    'discriminator/gradient_norm': 9.99053,
    'discriminator/loss': 2.97709,
    'discriminator/real_score': -0.636738,
    'generator/fake_score': -0.0505097,
    'generator/gradient_norm': 0.922548,
    'generator/loss': 0.729764,
  },
  'r1': {
    'discriminator/fake_score': 0.00673444,
    'discriminator/gradient_norm': 3.44955,
    'discriminator/loss': 2.05732,
    'discriminator/r1': 1.29152,
    'discriminator/real_score': -0.636738,
    'generator/fake_score': -0.0767374,
    'generator/gradient_norm': 0.96543,
    'generator/loss': 0.742821,
  },
  'r3gan': {
    'discriminator/fake_score': 0.00673444,
    'discriminator/gradient_norm': 3.70012,
    'discriminator/loss': 1.17501,
    'discriminator/r1': 1.29152,
    'discriminator/r2': 0.280418,
    'discriminator/real_score': -0.636738,
    'generator/fake_score': -0.0810603,
    'generator/gradient_norm': 0.650984,
    'generator/loss': 0.495958,
  },
  'ragan': {
    'discriminator/fake_score': 0.00673444,
    'discriminator/gradient_norm': 7.13041,
    'discriminator/loss': 2.17095,
    'discriminator/real_score': -0.636738,
    'generator/fake_score': -0.0799388,
    'generator/gradient_norm': 1.42611,
    'generator/loss': 0.94241,
  },
  'lecam': {
    'discriminator/fake_score': 0.00673444,
    'discriminator/gradient_norm': 2.90672,
    'discriminator/lecam': 0.760082,
    'discriminator/loss': 1.87503,
    'discriminator/real_score': -0.636738,
    'generator/fake_score': -0.0761097,
    'generator/gradient_norm': 0.965307,
    'generator/loss': 0.742483,
  },
  'instance_noise': {
    'discriminator/fake_score': -0.0748704,
    'discriminator/gradient_norm': 2.08054,
    'discriminator/loss': 1.82491,
    'discriminator/real_score': -0.697314,
    'generator/fake_score': -0.36074,
    'generator/gradient_norm': 1.17738,
    'generator/loss': 0.919946,
  },
  'optimistic': {
    'discriminator/fake_score': 0.00673444,
    'discriminator/gradient_norm': 5.49727,
    'discriminator/gradient_penalty': 0.353329,
    'discriminator/loss': 0.678805,
    'discriminator/real_score': -0.636738,
    'generator/fake_score': -0.0473093,
    'generator/gradient_norm': 1.95636,
    'generator/loss': 0.0473093,
  },
  'extragradient': {
    'discriminator/fake_score': -0.105756,
    'discriminator/gradient_norm': 3.10248,
    'discriminator/gradient_penalty': 0.213395,
    'discriminator/loss': 0.540738,
    'discriminator/real_score': -0.625155,
    'generator/fake_score': -0.197259,
    'generator/gradient_norm': 1.96034,
    'generator/loss': 0.197259,
  },
  'gan:non_saturating': {
    'discriminator/fake_score': 0.00673444,
    'discriminator/gradient_norm': 2.75819,
    'discriminator/loss': 1.79902,
    'discriminator/real_score': -0.636738,
    'generator/fake_score': -0.0777538,
    'generator/gradient_norm': 0.971187,
    'generator/loss': 0.743436,
  },
  'mmd_gan:scaled': {
    'discriminator/gradient_norm': 0.191328,
    'discriminator/loss': -0.0185576,
    'discriminator/mmd2': 0.0185576,
    'generator/gradient_norm': 0.062194,
    'generator/loss': 0.0207001,
    'generator/mmd2': 0.0207001,
  },
}

CROSS_ENTROPY = {'name': 'non_saturating', 'real_label': 1.0}

# What the papers say of the loss, the penalties and the order of play, at 'ring' and a word.
CONFIGS = {
  'lsgan': {'gan.loss': {'name': 'least_squares', 'fake': 0.0, 'real': 1.0, 'target': 1.0}},
  'lad': {'gan.loss': {'name': 'least_absolute', 'fake': 0.0, 'real': 1.0, 'target': 1.0}},
  'kl': {'gan.loss': {'name': 'kl', 'real_label': 1.0}},
  'fgan': {'gan.loss': {'name': 'f_divergence', 'divergence': 'pearson', 'saturating': False}},
  'fgan:hellinger': {
    'gan.loss': {'name': 'f_divergence', 'divergence': 'hellinger', 'saturating': False}
  },
  'hinge': {'gan.loss': {'name': 'hinge'}, 'networks.discriminator.norm': 'spectral'},
  'hinge:orthogonal': {'players.generator.before': {'add_orthogonal_gradient': {'weight': 1e-4}}},
  'dragan': {
    'gan.loss': CROSS_ENTROPY,
    'gan.penalties': {'dragan': {'weight': 10.0, 'target': 1.0, 'scale': 0.5}},
  },
  'r1': {'gan.loss': CROSS_ENTROPY, 'gan.penalties': {'r1': {'weight': 0.05, 'every': 4}}},
  'r3gan': {
    'gan.loss': {'name': 'relativistic_paired', 'base': {'name': 'non_saturating'}},
    'gan.penalties': {'r1': {'weight': 0.05, 'every': 1}, 'r2': {'weight': 0.05, 'every': 1}},
  },
  'ragan': {'gan.loss': {'name': 'relativistic_average', 'base': {'name': 'non_saturating'}}},
  'lecam': {'gan.loss': CROSS_ENTROPY, 'gan.penalties': {'lecam': {'weight': 0.1, 'decay': 0.99}}},
  'instance_noise': {'gan.loss': CROSS_ENTROPY, 'gan.noise': {'scale': 0.5, 'steps': 7_500}},
  'optimistic': {
    'update': 'simultaneous',
    'gan.name': 'wgan_gp',
    'gan.weight': 0.1,
    'players.generator.optimizer': 'optimistic_adam_v2',
    'players.discriminator.optimizer': 'optimistic_adam_v2',
  },
  'extragradient': {
    'update': 'extragradient',
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


def first(case):
  path, word = split(case)
  return first_step(path, '-'.join(filter(None, ('ring', word, 'test'))))


@pytest.mark.parametrize('case', GOLDENS)
def test_the_first_step_is_what_it_was(case):
  assert first(case) == pytest.approx(GOLDENS[case], rel=2e-4, abs=1e-6)


@pytest.mark.parametrize('case', CONFIGS)
def test_the_config_is_what_the_paper_says(case):
  path, word = split(case)
  config = experiment(path, '-'.join(filter(None, ('ring', word))))
  wanted = {'update': 'alternating', **CONFIGS[case]}
  for name, value in wanted.items():
    found = config
    for key in name.split('.'):
      found = found[key]
    assert found == value, name


@pytest.mark.parametrize('name', ['dragan', 'r1', 'r3gan', 'optimistic', 'extragradient'])
def test_there_is_no_batch_norm_where_gradients_in_an_example_are_penalised(name):
  assert (
    experiment(ROOT / 'experiments' / f'{name}.py', '')['networks']['discriminator']['norm'] == 'none'
  )


def test_every_penalty_of_the_gradient_is_heavier_on_digits():
  for name in ('r1', 'r3gan'):
    penalties = experiment(ROOT / 'experiments' / f'{name}.py', '')['gan']['penalties']
    assert {term['weight'] for term in penalties.values()} == {0.5}


def test_noise_fades_out_over_three_quarters_of_the_run_however_long():
  for preset in ('', 'ring'):
    config = experiment(ROOT / 'experiments' / 'instance_noise.py', preset, steps=400)
    assert config['gan']['noise']['steps'] == 300


if __name__ == '__main__':
  for case in GOLDENS:
    print(f'{case!r}: {first(case)},')
