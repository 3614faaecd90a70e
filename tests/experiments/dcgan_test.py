"""The first step of DCGAN in numbers: a change of any of them is a change of every result."""

import pytest

from helpers.experiments import ROOT, first_step

# Printed by: python tests/experiments/dcgan_test.py
GOLDEN = {
  'discriminator/accuracy': 0.25,
  'discriminator/fake_distance': 2.38459,
  'discriminator/fake_score': 0.0786244,
  'discriminator/gradient_norm': 15.3174,
  'discriminator/loss': 1.49943,
  'discriminator/real_distance': 19.8239,
  'discriminator/real_score': -0.111552,
  'generator/fake_score': -0.128816,
  'generator/gradient_norm': 8.81052,
  'generator/loss': 0.763425,
}


def test_the_first_step_is_what_it_was():
  assert first_step(ROOT / 'experiments' / 'dcgan.py') == pytest.approx(GOLDEN, rel=2e-4, abs=1e-6)


if __name__ == '__main__':
  print(first_step(ROOT / 'experiments' / 'dcgan.py'))
