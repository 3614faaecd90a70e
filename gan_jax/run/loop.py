"""The training loop: a program, of one run or of many, and actions at intervals.

While the devices work on a call, the host reads the metrics of the call before. Before an action, the
host also reads those of the last call, so that an action never precedes the check of its state.
"""

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from gan_jax.common.types import PyTree

Program = Callable[[PyTree, int], tuple[PyTree, PyTree]]
"""(state, steps done) -> (state, metrics) after one call; the given state is used up."""

ReadMetrics = Callable[[int, PyTree], None]
"""(steps done, metrics of the call that ended there): waits for the metrics, checks and logs them."""


class Hook(NamedTuple):
  """An action at intervals.

  Attributes:
    every: intervals in steps; the action is due at multiples of each, and at the last step. An interval
      of 0 is never due.
    action: (steps done, state), called between two calls.
    on_stop: whether the action is also due where training stops before the last step.
    before_metrics: called when the action is due, before the metrics of its step are read.
  """

  every: tuple[int, ...]
  action: Callable[[int, PyTree], None]
  on_stop: bool = False
  before_metrics: Callable[[], None] = lambda: None

  def is_due(self, step: int, last: int, stopping: bool) -> bool:
    """Returns whether the action is due after `step` of `last` steps."""
    if stopping and self.on_stop:
      return True
    return any(every > 0 and (step % every == 0 or step == last) for every in self.every)


class Steps(NamedTuple):
  """The steps of a training: from `first` to `last`, with `per_call` steps in each call."""

  first: int
  last: int
  per_call: int


def calls(
  program: Program,
  state: PyTree,
  steps: Steps,
  read: ReadMetrics,
  hooks: Sequence[Hook],
  should_stop: Callable[[int], bool],
) -> Generator[tuple[int, PyTree, PyTree]]:
  """Trains until the last step, or until it should stop, one call each time it is resumed.

  Args:
    program: one call.
    state: the state after `steps.first` steps; it is used up.
    steps: the steps to train.
    read: called with the metrics of every call, in order. It may raise to end the training.
    hooks: due ones are called in their order. One of them must be due where training ends.
    should_stop: called after every call with the steps done.

  Yields:
    After each call: the steps done, the state, and the metrics of the call, which may not be ready. The
    state is used up when the generator continues. If it is closed before the end, hooks with `on_stop`
    act on the state of the last call.
  """
  step, pending = steps.first, None
  while step < steps.last:
    state, metrics = program(state, step)
    step += steps.per_call
    # The devices are at work on this call while the host reads the metrics of the one before.
    if pending:
      read(*pending)
    pending = (step, metrics)
    stopping = should_stop(step)
    due = [hook for hook in hooks if hook.is_due(step, steps.last, stopping)]
    if due:
      _act(due, step, state, read, pending)
      pending = None
    try:
      yield step, state, metrics
    except GeneratorExit:
      late = [hook for hook in hooks if hook.on_stop and hook not in due]
      _act(late, step, state, read, pending)
      raise
    if stopping:
      return


def _act(
  due: Sequence[Hook],
  step: int,
  state: PyTree,
  read: ReadMetrics,
  pending: tuple[int, PyTree] | None,
) -> None:
  """Calls the actions that are due, after the metrics that are still to be read."""
  for hook in due:
    hook.before_metrics()
  if pending:
    read(*pending)
  for hook in due:
    hook.action(step, state)
