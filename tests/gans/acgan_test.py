"""ACGAN: the losses of its players, and what the discriminator classifies."""

import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.gans import acgan
from helpers.toy_networks import FAKE, PRIOR, REAL, Matrix, Points, begin, gradient, loss, softplus

LABEL = (1, 0)
# Columns: the logit x1 / 2 - x2, and the logits x1 and x2 of two classes.
MATRIX = ((0.5, 1.0, 0.0), (-1.0, 0.0, 1.0))
REAL_SCORES, FAKE_SCORES = np.array([-1.5, 1.0]), np.array([1.5, -1.5])
# The cross entropy of label 1 with logits (a, b) is softplus(a - b), of label 0 softplus(b - a).
# Real: (1, 2) with label 1, (0, -1) with label 0. Fake: (3, 0) with label 1, (-1, 1) with label 0.
REAL_ENTROPY = softplus(np.array([1 - 2, -1 - 0])).mean()
FAKE_ENTROPY = softplus(np.array([3 - 0, 1 + 1])).mean()


def make(**more):
  networks = {'generator': Points(FAKE), 'discriminator': Matrix(MATRIX)}
  return acgan.make(networks, **{'prior': PRIOR, 'classes': 2, 'loss': {'name': 'minimax'}, **more})


@pytest.mark.parametrize('classify_fakes', [True, False])
def test_losses_match_hand_computation(classify_fakes):
  game = make(weight=2.0, classify_fakes=classify_fakes)
  value, metrics = loss(game, 'discriminator', REAL, LABEL)
  entropy = REAL_ENTROPY + (FAKE_ENTROPY if classify_fakes else 0)
  adversarial = (softplus(-REAL_SCORES) + softplus(FAKE_SCORES)).mean()
  assert value == pytest.approx(adversarial + 2 * entropy, rel=1e-6)
  assert metrics['real_class_loss'] == pytest.approx(REAL_ENTROPY, rel=1e-6)
  assert metrics['fake_class_loss'] == pytest.approx(FAKE_ENTROPY, rel=1e-6)
  assert metrics['real_label_accuracy'] == 1
  assert metrics['fake_label_accuracy'] == 0
  value, metrics = loss(game, 'generator', REAL, LABEL)
  assert value == pytest.approx(-softplus(FAKE_SCORES).mean() + 2 * FAKE_ENTROPY, rel=1e-6)
  assert metrics['class_loss'] == pytest.approx(FAKE_ENTROPY, rel=1e-6)


def test_generator_gradient_raises_the_logit_of_the_label():
  # The first sample has label 1 and logits 3 and 0, so its gradient is sigmoid(3) times (1, -1) / 2.
  plain, weighted = (
    gradient(make(weight=weight), 'generator', REAL, LABEL)['generator']['module']['points']
    for weight in (0.0, 1.0)
  )
  slope = 1 / (1 + np.exp(-3.0)) / 2
  np.testing.assert_allclose((weighted - plain)[0], [slope, -slope], rtol=1e-5)


def test_classify_and_critic_are_the_outputs_of_the_discriminator():
  game = make()
  variables = begin(game, REAL, LABEL)
  np.testing.assert_allclose(game.classify(variables, np.array(REAL)), REAL)
  np.testing.assert_allclose(game.critic(variables, np.array(REAL)), REAL_SCORES)


def test_discriminator_with_another_number_of_outputs_is_rejected():
  with pytest.raises(ConfigError, match=r'3 outputs \(4, the logit and the logits of the classes\)'):
    loss(make(classes=3), 'discriminator', REAL, LABEL)


def test_negative_weight_is_rejected():
  with pytest.raises(ConfigError, match='weight=-1.0: out of range'):
    make(weight=-1.0)
