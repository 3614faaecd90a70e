"""Kills at random instants; `make chaos` has more of them."""

import random

import pytest

from helpers import chaos


@pytest.mark.slow
def test_run_killed_five_times_is_bit_identical(tmp_path):
  # Not seeded: every session kills at other instants.
  last = chaos.ordeal(tmp_path / 'killed', 5, random.Random())
  assert last > 0
  assert chaos.differences(tmp_path / 'killed', tmp_path / 'whole', last) == []
