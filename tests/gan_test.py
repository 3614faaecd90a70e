"""The first step of the first GAN in numbers: a change of any of them is a change of every result."""

import pytest
from conftest import ROOT, first_step

# Printed by: python tests/gan_test.py
GOLDEN = {}


def test_the_first_step_is_what_it_was():
  assert first_step(ROOT / 'experiments' / 'gan.py') == pytest.approx(GOLDEN, rel=2e-4)


if __name__ == '__main__':
  print(first_step(ROOT / 'experiments' / 'gan.py'))
