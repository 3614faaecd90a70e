"""Kills at random instants; `make chaos` has more of them."""

import random

from helpers import chaos


def test_run_killed_ten_times_is_bit_identical(tmp_path):
  # Not seeded: each time other instants.
  last = chaos.ordeal(tmp_path / 'killed', 10, random.Random())
  assert last > 0
  assert chaos.differences(tmp_path / 'killed', tmp_path / 'whole', last) == []
