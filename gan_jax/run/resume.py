"""The state from which a run goes on."""

from collections.abc import Callable

import jax

from gan_jax.common import console
from gan_jax.common.errors import ConfigError
from gan_jax.runtime import devices, processes
from gan_jax.storage import checkpoints
from gan_jax.training.state import TrainState


def newest_state(
  begin: Callable[[], TrainState],
  saved: checkpoints.Checkpoints,
  steps: int,
  changed: Callable[[TrainState], Callable[[TrainState], TrainState]] | None = None,
) -> tuple[TrainState, int]:
  """Returns the state of the newest checkpoint or the first state, on each device, and its step.

  All processes call it together. The devices hold no other copy of the state.

  Args:
    begin: makes the state before the first step.
    saved: checkpoints of the run; broken ones are set aside.
    steps: of the run in all.
    changed: (shapes of the state) -> the function that changes the first state. A changed first state
      is saved, so that a resumed run does not depend on what it was changed by.

  Raises:
    ConfigError: more steps are done, or the processes see different checkpoints.
  """
  like = jax.eval_shape(begin)
  warn = console.warn if processes.is_primary() else lambda text: None
  newest = processes.together(lambda: saved.newest(warn))
  processes.check_agreement(
    newest and newest[0],
    'the processes find checkpoints of different steps; --workdir must be a folder that all share',
  )
  if newest is None and changed:
    change = processes.together(lambda: changed(like))
    first = devices.replicate(change(begin()))
    saved.save(0, devices.local(first))
    saved.wait()
    return first, 0
  if newest is None:
    return devices.replicate(begin()), 0
  step, arrays = newest
  if step > steps:
    raise ConfigError(
      f'steps={steps}: fewer than the {step} steps that are done; set it to {step} or more, or choose '
      'another --workdir'
    )
  processes.on_primary(lambda: saved.set_aside(after=step))
  saved.reload()
  return devices.replicate(checkpoints.from_arrays(arrays, like)), step
