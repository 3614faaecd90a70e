"""The first step of DCGAN in numbers: a change of any of them is a change of every result."""

import pytest
from conftest import ROOT, first_step

# Printed by: python tests/dcgan_test.py
GOLDEN = {
  'discriminator/fake_score': 0.082777,
  'discriminator/gradient_norm': 11.204377,
  'discriminator/loss': 1.32545,
  'discriminator/real_score': 0.255056,
  'generator/fake_score': 0.092393,
  'generator/gradient_norm': 1.584673,
  'generator/loss': 0.648606,
}


def test_the_first_step_is_what_it_was():
  assert first_step(ROOT / 'experiments' / 'dcgan.py') == pytest.approx(GOLDEN, rel=2e-4)


if __name__ == '__main__':
  print(first_step(ROOT / 'experiments' / 'dcgan.py'))
