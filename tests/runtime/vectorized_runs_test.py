"""Devices for many runs in one program."""

import jax

from gan_jax.runtime import vectorized_runs


def test_devices_stay_in_a_process_that_uses_jax_already(monkeypatch):
  monkeypatch.delenv('XLA_FLAGS', raising=False)
  before = jax.devices()
  vectorized_runs.use_one_device_per_core(len(before) + 1)
  assert jax.devices() == before
