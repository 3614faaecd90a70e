"""A game whose discriminator is shown augmented images: what is augmented, and what is not."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from gan_jax import augment
from gan_jax.common.errors import ConfigError
from gan_jax.config.run_config import parse
from gan_jax.run import setup
from helpers.experiments import ROOT, experiment
from helpers.toy_networks import Linear, begin, inputs, make, train

SIDE = 4
REAL = np.random.default_rng(0).uniform(-1, 1, (8, SIDE, SIDE, 1)).astype(np.float32)
SLOPE = tuple(float(x) for x in np.random.default_rng(1).normal(size=SIDE * SIDE))
ADA = {'name': 'ada', 'initial': 1.0, 'images': 1_000, 'interval': 2}


class Images(nn.Module):
  """Images whose pixels are the tanh of the first latent times parameters."""

  @nn.compact
  def __call__(self, latents, *, train, key=None):
    kernel = self.param('kernel', lambda key: jnp.linspace(-1, 2, SIDE * SIDE).reshape(SIDE, SIDE, 1))
    return jnp.tanh(latents[:, :1, None, None] * kernel)


def game(augment, discriminator=None, **more):
  return make(discriminator or Linear(SLOPE), Images(), augment=augment, **more)


def given(built, real=REAL):
  """The inputs of a first step."""
  kept = built.init_memory(jax.random.key(0), {'real': jnp.asarray(real)})
  return inputs(real, memory=kept)


def loss(built, player, real=REAL):
  """The loss and the metrics of a player, with the networks as they start."""
  [turn] = [p for p in built.players if p.name == player]
  value, aux = turn.loss(begin(built, real), given(built, real))
  return float(value), {name: float(metric) for name, metric in aux.metrics.items()}


def seen(augment, player, real=REAL, **more):
  """Returns the real and fake examples that the discriminator sees in a player's update."""
  shown = []
  built = game(augment, Linear(SLOPE, note=shown.append), **more)
  variables = begin(built, real)
  shown.clear()
  [turn] = [p for p in built.players if p.name == player]
  turn.loss(variables, given(built, real))
  return [np.asarray(x) for x in shown[:2]]


@pytest.mark.parametrize('player', ['discriminator', 'generator'])
def test_real_and_fake_are_augmented_independently(player):
  # Cut out are rectangles of 2 x 2, of which at least one pixel is inside.
  augment = {'name': 'diffaugment', 'policy': ('cutout',)}
  ones = np.ones_like(REAL)
  real, fake = (x == 0 for x in seen(augment, player, ones))
  for holes in (real, fake):
    assert (holes.sum(axis=(1, 2, 3)) >= 1).all()
    assert len({hole.tobytes() for hole in holes}) > 3
  assert (real != fake).any(axis=(1, 2, 3)).sum() > 3


def test_identity_augmentation_changes_no_other_draw():
  more = {'penalties': {'dragan': {'weight': 1.0}}, 'noise': {'scale': 0.5, 'steps': 10}}
  plain, augmented = game({}, **more), game({'name': 'flip', 'probability': 0.0}, **more)
  for player in ('discriminator', 'generator'):
    assert loss(plain, player) == loss(augmented, player)


def test_game_without_augmentation_has_unchanged_memory():
  built = make(penalties={'r1': {'weight': 1.0}})
  kept = built.init_memory(jax.random.key(0), {})
  assert kept == {'regularizers': {'r1': {}}, 'last': {'r1': 0}}
  new = built.update_memory(kept, None, {'discriminator/r1': 2.0}, {})
  assert new == {'regularizers': {'r1': {}}, 'last': {'r1': 2}}


def test_noise_is_added_after_augmentation():
  # Translations by one of 4 pixels, and noise, also where the translation filled with gray.
  augment, noise = {'name': 'translation', 'fraction': 0.25}, {'scale': 0.5, 'steps': 10}
  without, with_noise = (
    seen(augment, 'discriminator')[0],
    seen(augment, 'discriminator', noise=noise)[0],
  )
  gray = without == 0
  assert gray.sum() > 8
  assert (with_noise[gray] != 0).all()
  assert (with_noise - without).std() == pytest.approx(0.5, rel=0.3)
  # The same noise as on what is not augmented.
  plain = seen({}, 'discriminator', noise=noise)[0] - REAL
  np.testing.assert_allclose(with_noise - without, plain, atol=1e-6)


def test_distances_use_original_and_outputs_use_augmented_images():
  built, plain = game(ADA), game({})
  metrics, bare = (loss(either, 'discriminator')[1] for either in (built, plain))
  for name in ('real_distance', 'fake_distance'):
    assert metrics[name] == bare[name]
  real, fake = seen(ADA, 'discriminator')
  scores = [x.reshape(8, -1) @ np.array(SLOPE) for x in (real, fake)]
  assert metrics['real_score'] == pytest.approx(scores[0].mean(), rel=1e-4)
  assert metrics['fake_score'] == pytest.approx(scores[1].mean(), rel=1e-4)
  assert metrics['real_sign'] == pytest.approx(np.sign(scores[0]).mean())
  assert metrics['augmentation'] == 1
  assert set(metrics) - set(bare) == {'real_sign', 'augmentation'}


@pytest.mark.parametrize('penalty', ['r1', 'r2'])
def test_gradient_penalty_through_a_cutout_ignores_the_pixels_that_are_cut_out(penalty):
  # The score is the sum of the pixels. At the augmented image all 16 derivatives are 1. With respect
  # to the image before, those of the 1 to 4 pixels that are cut out are 0.
  policy, sum_of_pixels = {'name': 'diffaugment', 'policy': ('cutout',)}, Linear((1.0,) * SIDE**2)
  plain, augmented = (
    loss(game(augment, sum_of_pixels, penalties={penalty: {'weight': 1.0}}), 'discriminator')[1]
    for augment in ({}, policy)
  )
  assert plain[penalty] == 16
  assert 12 <= augmented[penalty] <= 15
  assert augmented[penalty] * 8 == round(augmented[penalty] * 8)


def test_gradient_penalty_between_examples_is_taken_through_the_noise():
  # The score |x|^2 / 2 of x + noise has the gradient x + noise: on average |x|^2 + 16 * 0.5^2.
  class Bowl(nn.Module):
    @nn.compact
    def __call__(self, x, *, train, key=None):
      return 0.5 * self.param('scale', lambda key: jnp.ones(())) * (x**2).sum(axis=(1, 2, 3))

  real = np.tile(REAL, (32, 1, 1, 1))
  built = game({}, Bowl(), penalties={'r1': {'weight': 1.0}}, noise={'scale': 0.5, 'steps': 10})
  expected = (real**2).sum(axis=(1, 2, 3)).mean() + 16 * 0.25
  assert loss(built, 'discriminator', real)[1]['r1'] == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize('augment', [{'name': 'diffaugment'}, ADA], ids=lambda spec: spec['name'])
def test_generator_gradient_goes_through_the_augmentation(augment):
  built = game(augment, loss='wasserstein')
  variables, first = begin(built, REAL), given(built)

  @jax.jit
  def value(kernel):
    params = {**variables.params, 'generator': {'kernel': kernel}}
    return built.players[1].loss(variables.replace(params=params), first)[0]

  kernel = variables.params['generator']['kernel']
  slope = jax.grad(value)(kernel)
  # All pixels of all images count, but for those that are cut out of some.
  assert (abs(slope) > 1e-4).all()
  chex.assert_numerical_grads(value, (kernel,), order=1, rtol=0.02, atol=0.02, modes=['rev'])


def test_ada_on_eight_devices_matches_one_and_uses_the_global_batch():
  optimizers = dict.fromkeys(('discriminator', 'generator'), optax.sgd(1e-2))
  built = game({**ADA, 'initial': 0.5, 'target': 1.0, 'groups': ('geometric',)})
  one, metrics = train(built, optimizers, REAL, steps=4)
  eight, others = train(built, optimizers, REAL, steps=4, devices=8)
  chex.assert_trees_all_close(one.variables.params, eight.variables.params, atol=1e-5)
  for name, value in metrics.items():
    np.testing.assert_allclose(others[name], value, rtol=1e-4, atol=1e-5, err_msg=name)
  for state in (one, eight):
    kept = jax.device_get(state.memory['augment'])
    # Down by 2 * 8 / 1000 twice.
    assert kept == {'probability': pytest.approx(0.468), 'signs': 0, 'steps': 0, 'batch': 8}
  expected = [0.5, 0.5, 0.484, 0.484]
  np.testing.assert_allclose(metrics['discriminator/augmentation'], expected, rtol=1e-6)


def test_invalid_augmentations_are_rejected():
  with pytest.raises(ConfigError, match="unknown name 'adda' .*did you mean 'ada'"):
    game({'name': 'adda'})
  with pytest.raises(ConfigError, match='is not a name with arguments'):
    game({'target': 0.6})
  with pytest.raises(ConfigError, match='augment.target=3: out of range'):
    game({'name': 'ada', 'target': 3})


def test_augmentation_of_points_is_rejected_before_training():
  path = ROOT / 'experiments' / 'r1.py'
  plain = experiment(path, 'ring-test')
  plain['gan']['augment'] = {'name': 'flip'}
  with pytest.raises(
    ConfigError, match='the examples have shape .16, 2. .only images .*remove augment'
  ):
    setup.assemble_run(parse(plain))


@pytest.mark.parametrize('name', ['ada', 'diffaugment'])
def test_experiments_augment_only_images(name):
  path = ROOT / 'experiments' / f'{name}.py'
  for preset in ('', 'test'):
    gan = experiment(path, preset)['gan']
    assert gan['augment']['name'] == name
    known = augment.ada if name == 'ada' else augment.diffaugment
    known(**{key: value for key, value in gan['augment'].items() if key != 'name'})
  plain = experiment(path, 'ring')
  assert plain == experiment(ROOT / 'experiments' / 'r1.py', 'ring')
