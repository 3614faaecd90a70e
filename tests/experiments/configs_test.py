"""Variants that are an experiment and no game of their own: what their configs say, and first steps."""

import pytest

from gan_jax.training import optimizers
from helpers.experiments import ROOT, experiment, first_step

# Printed by: python tests/experiments/configs_test.py
GOLDENS = {
  'lsgan': {
    'discriminator/accuracy': 0.0625,
    'discriminator/fake_distance': 1.39483,
    'discriminator/fake_score': 0.906385,
    'discriminator/gradient_norm': 9.70154,
    'discriminator/loss': 2.40989,
    'discriminator/real_distance': 1.4203,
    'discriminator/real_score': -0.667132,
    'generator/fake_score': 0.631114,
    'generator/gradient_norm': 1.53559,
    'generator/loss': 0.298148,
  },
  'lad': {
    'discriminator/accuracy': 0.0625,
    'discriminator/fake_distance': 1.39483,
    'discriminator/fake_score': 0.906385,
    'discriminator/gradient_norm': 6.15425,
    'discriminator/loss': 2.58508,
    'discriminator/real_distance': 1.4203,
    'discriminator/real_score': -0.667132,
    'generator/fake_score': 0.628488,
    'generator/gradient_norm': 1.66753,
    'generator/loss': 0.667012,
  },
  'kl': {
    'discriminator/accuracy': 0.0625,
    'discriminator/fake_distance': 1.39483,
    'discriminator/fake_score': 0.906385,
    'discriminator/gradient_norm': 5.23077,
    'discriminator/loss': 2.453,
    'discriminator/real_distance': 1.4203,
    'discriminator/real_score': -0.667132,
    'generator/fake_score': 0.624522,
    'generator/gradient_norm': 3.54385,
    'generator/loss': -0.624522,
  },
  'fgan': {
    'discriminator/accuracy': 0.0625,
    'discriminator/fake_distance': 1.39483,
    'discriminator/fake_score': 0.906385,
    'discriminator/gradient_norm': 10.5559,
    'discriminator/loss': 1.8867,
    'discriminator/real_distance': 1.4203,
    'discriminator/real_score': -0.667132,
    'generator/fake_score': 0.623895,
    'generator/gradient_norm': 3.54428,
    'generator/loss': -0.623895,
  },
  'fgan:hellinger': {
    'discriminator/accuracy': 0.0625,
    'discriminator/fake_distance': 1.39483,
    'discriminator/fake_score': 0.906385,
    'discriminator/gradient_norm': 33.9959,
    'discriminator/loss': 3.96566,
    'discriminator/real_distance': 1.4203,
    'discriminator/real_score': -0.667132,
    'generator/fake_score': 0.623748,
    'generator/gradient_norm': 2.19811,
    'generator/loss': -0.333448,
  },
  'hinge': {
    'discriminator/accuracy': 0.0625,
    'discriminator/fake_distance': 1.39483,
    'discriminator/fake_score': 0.0655497,
    'discriminator/gradient_norm': 0.819394,
    'discriminator/loss': 2.13509,
    'discriminator/real_distance': 1.4203,
    'discriminator/real_score': -0.0695393,
    'generator/fake_score': 0.0357139,
    'generator/gradient_norm': 0.208904,
    'generator/loss': -0.0357139,
  },
  'dragan': {
    'discriminator/accuracy': 0.0625,
    'discriminator/dragan': 0.628655,
    'discriminator/fake_distance': 1.39483,
    'discriminator/fake_score': 0.906385,
    'discriminator/gradient_norm': 55.7705,
    'discriminator/loss': 8.73955,
    'discriminator/real_distance': 1.4203,
    'discriminator/real_score': -0.667132,
    'generator/fake_score': 0.627259,
    'generator/gradient_norm': 1.14049,
    'generator/loss': 0.478131,
  },
  'r1': {
    'discriminator/accuracy': 0.0625,
    'discriminator/fake_distance': 1.39483,
    'discriminator/fake_score': 0.906385,
    'discriminator/gradient_norm': 6.99519,
    'discriminator/loss': 2.93454,
    'discriminator/r1': 2.40769,
    'discriminator/real_distance': 1.4203,
    'discriminator/real_score': -0.667132,
    'generator/fake_score': 0.624921,
    'generator/gradient_norm': 1.14043,
    'generator/loss': 0.478759,
  },
  'r3gan': {
    'discriminator/accuracy': 0.0625,
    'discriminator/fake_distance': 1.39483,
    'discriminator/fake_score': 0.906386,
    'discriminator/gradient_norm': 9.70963,
    'discriminator/loss': 2.62964,
    'discriminator/r1': 2.40769,
    'discriminator/r2': 1.54436,
    'discriminator/real_distance': 1.4203,
    'discriminator/real_score': -0.667132,
    'generator/fake_score': 0.149404,
    'generator/gradient_norm': 0.567664,
    'generator/loss': 0.423039,
  },
  'ragan': {
    'discriminator/accuracy': 0.0625,
    'discriminator/fake_distance': 1.39483,
    'discriminator/fake_score': 0.906386,
    'discriminator/gradient_norm': 10.5301,
    'discriminator/loss': 3.61037,
    'discriminator/real_distance': 1.4203,
    'discriminator/real_score': -0.667132,
    'generator/fake_score': 0.0787134,
    'generator/gradient_norm': 1.01123,
    'generator/loss': 0.774278,
  },
  'lecam': {
    'discriminator/accuracy': 0.0625,
    'discriminator/fake_distance': 1.39483,
    'discriminator/fake_score': 0.906385,
    'discriminator/gradient_norm': 7.31058,
    'discriminator/lecam': 2.48552,
    'discriminator/loss': 2.70155,
    'discriminator/real_distance': 1.4203,
    'discriminator/real_score': -0.667132,
    'generator/fake_score': 0.62437,
    'generator/gradient_norm': 1.1409,
    'generator/loss': 0.478923,
  },
  'instance_noise': {
    'discriminator/accuracy': 0.125,
    'discriminator/fake_distance': 1.39483,
    'discriminator/fake_score': 0.708983,
    'discriminator/gradient_norm': 4.53318,
    'discriminator/loss': 2.40754,
    'discriminator/real_distance': 1.4203,
    'discriminator/real_score': -0.681701,
    'generator/fake_score': 0.209088,
    'generator/gradient_norm': 1.51736,
    'generator/loss': 0.712184,
  },
  'optimistic': {
    'discriminator/accuracy': 0.0625,
    'discriminator/fake_distance': 1.39483,
    'discriminator/fake_score': 0.906385,
    'discriminator/gradient_norm': 6.58302,
    'discriminator/gradient_penalty': 0.903689,
    'discriminator/loss': 1.66389,
    'discriminator/real_distance': 1.4203,
    'discriminator/real_score': -0.667132,
    'generator/fake_score': 0.674159,
    'generator/gradient_norm': 3.75755,
    'generator/loss': -0.674159,
  },
  'extragradient': {
    'discriminator/accuracy': 0.1875,
    'discriminator/fake_distance': 0.976027,
    'discriminator/fake_score': 0.626276,
    'discriminator/gradient_norm': 4.01635,
    'discriminator/gradient_penalty': 0.676879,
    'discriminator/loss': 1.15694,
    'discriminator/real_distance': 1.46246,
    'discriminator/real_score': -0.462973,
    'generator/fake_score': 0.484028,
    'generator/gradient_norm': 3.73114,
    'generator/loss': -0.484028,
  },
  'gan:non_saturating': {
    'discriminator/accuracy': 0.0625,
    'discriminator/fake_distance': 1.39483,
    'discriminator/fake_score': 0.906385,
    'discriminator/gradient_norm': 5.23077,
    'discriminator/loss': 2.453,
    'discriminator/real_distance': 1.4203,
    'discriminator/real_score': -0.667132,
    'generator/fake_score': 0.624522,
    'generator/gradient_norm': 1.14059,
    'generator/loss': 0.478884,
  },
  'mmd_gan:scaled': {
    'discriminator/fake_distance': 1.21548,
    'discriminator/gradient_norm': 0.0949772,
    'discriminator/loss': -0.0184152,
    'discriminator/mmd2': 0.0184152,
    'discriminator/real_distance': 1.42698,
    'generator/gradient_norm': 0.0596886,
    'generator/loss': 0.0172926,
    'generator/mmd2': 0.0172926,
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


# Where only differences of scores count, or the hinges of real and fake pull alike, the gradient of
# the last bias is 0 but for rounding, of which Adam would make a whole step.
SGD = {'players.discriminator': {'optimizer': 'sgd', 'learning_rate': 1e-2, 'updates_per_step': 1}}
BY_SGD = ('ragan', 'r3gan', 'hinge')


def first(case):
  path, word = split(case)
  preset = '-'.join(filter(None, ('ring', word, 'test')))
  return first_step(path, preset, **(SGD if case in BY_SGD else {}))


@pytest.mark.parametrize('case', GOLDENS)
def test_the_first_step_is_what_it_was(case):
  assert first(case) == pytest.approx(GOLDENS[case], rel=2e-4, abs=1e-6)


@pytest.mark.parametrize('case', CONFIGS)
def test_the_config_has_the_settings_of_the_variant(case):
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
def test_there_is_no_batch_norm_where_gradients_in_an_example_are_penalised(name):
  assert (
    experiment(ROOT / 'experiments' / f'{name}.py', '')['networks']['discriminator']['norm'] == 'none'
  )


def test_r1_and_r2_are_heavier_on_digits():
  for name in ('ada', 'diffaugment', 'r1', 'r3gan'):
    penalties = experiment(ROOT / 'experiments' / f'{name}.py', '')['gan']['penalties']
    assert {term['weight'] for term in penalties.values()} == {0.5}


@pytest.mark.parametrize(('name', 'ratio'), [('optimistic', 5), ('extragradient', 5)])
def test_a_critic_of_one_update_is_faster_on_digits(name, ratio):
  players = experiment(ROOT / 'experiments' / f'{name}.py', '')['players']
  rates = [players[player]['learning_rate'] for player in ('discriminator', 'generator')]
  assert rates[0] == pytest.approx(ratio * rates[1])


def test_r1_and_r3gan_have_no_momentum_on_digits():
  for name in ('ada', 'diffaugment', 'r1', 'r3gan'):
    players = experiment(ROOT / 'experiments' / f'{name}.py', '')['players']
    assert [player['b1'] for player in players.values()] == [0.0, 0.0]


def test_noise_fades_out_over_three_quarters_of_the_run_however_long():
  for preset in ('', 'ring'):
    config = experiment(ROOT / 'experiments' / 'instance_noise.py', preset, steps=400)
    assert config['gan']['noise']['steps'] == 300


def test_optimistic_adam_looks_one_step_back():
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


if __name__ == '__main__':
  for case in GOLDENS:
    print(f'{case!r}: {first(case)},')
