"""The first step of the first GAN in numbers: a change of any of them is a change of every result."""

import pytest

from helpers.experiments import ROOT, first_step

# Printed by: python tests/experiments/gan_test.py
GOLDEN = {
  'discriminator/accuracy': 0.875,
  'discriminator/fake_distance': 0.0643415,
  'discriminator/fake_score': 6.92432e-08,
  'discriminator/gradient_norm': 0.00644865,
  'discriminator/loss': 1.38628,
  'discriminator/real_distance': 19.8239,
  'discriminator/real_score': 2.87153e-05,
  'generator/fake_score': -0.000197634,
  'generator/gradient_norm': 5.92718e-06,
  'generator/loss': -0.693048,
}


def test_the_first_step_is_what_it_was():
  found = first_step(ROOT / 'experiments' / 'gan.py')
  assert found == pytest.approx(GOLDEN, rel=2e-4, abs=1e-6)
  # Of scores, the mean of what nearly cancels; the gradient is as small and is no difference.
  small = 'generator/gradient_norm'
  assert found[small] == pytest.approx(GOLDEN[small], rel=1e-3)


if __name__ == '__main__':
  print(first_step(ROOT / 'experiments' / 'gan.py'))
