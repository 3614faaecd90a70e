"""Compilation of a step in a thread."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.runtime import devices

OPTIONS = {'cpu': {'xla_cpu_experimental_ynn_fusion_type': ''}}

COMPILED = []


def noted(event, seconds, **about):
  if event.endswith('backend_compile_duration'):
    COMPILED.append(about)


jax.monitoring.register_event_duration_secs_listener(noted)


def placed():
  return devices.replicate(jnp.arange(3.0)), devices.shard_batch({}, 8)


@pytest.mark.parametrize('options', [{}, OPTIONS])
def test_program_compiled_ahead_is_compiled_once_and_run(options):
  def doubled(state, feed):
    return state * 2, {'rows': devices.mean(feed['rows'].astype(jnp.float32).sum())}

  program, (state, feed) = devices.Program(doubled, options=options), placed()
  COMPILED.clear()
  program.start_compiling(devices.shape_structs(state), devices.shape_structs(feed))
  state, metrics = program(state, feed)
  state, _ = program(state, feed)
  # JAX 0.7 does not keep the program of the thread, and compiles it again for the call.
  assert len(COMPILED) == (1 if jax.__version_info__ >= (0, 8) else 2)
  np.testing.assert_array_equal(devices.local(state), 4 * np.arange(3.0))
  assert float(metrics['rows']) == 28 / jax.device_count()


def test_program_with_a_failing_compilation_raises_at_the_call():
  def broken(state, feed):
    raise ValueError('this step')

  program, (state, feed) = devices.Program(broken), placed()
  program.start_compiling(devices.shape_structs(state), devices.shape_structs(feed))
  with pytest.raises(ValueError, match='this step'):
    program(state, feed)
