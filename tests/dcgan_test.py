"""The first step of DCGAN in numbers: a change of any of them is a change of every result."""

import pytest
from conftest import ROOT, first_step

# Printed by: python tests/dcgan_test.py
GOLDEN = {
  'discriminator/fake_score': -0.0648496,
  'discriminator/gradient_norm': 13.3377,
  'discriminator/loss': 1.43082,
  'discriminator/real_score': -0.111552,
  'generator/fake_score': -0.0871137,
  'generator/gradient_norm': 7.29249,
  'generator/loss': 0.742171,
}


def test_the_first_step_is_what_it_was():
  assert first_step(ROOT / 'experiments' / 'dcgan.py') == pytest.approx(GOLDEN, rel=2e-4, abs=1e-6)


if __name__ == '__main__':
  print(first_step(ROOT / 'experiments' / 'dcgan.py'))
