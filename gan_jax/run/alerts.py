"""Alerts of a run, each reported once."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gan_jax.common.types import MetricsLine
from gan_jax.run import failure_detection


class AlertLog:
  """Looks at the lines of metrics for signs of failure, and tells of each kind once."""

  def __init__(self, history: Iterable[MetricsLine], tell: Callable[[str], None]):
    """Begins where the lines of a resumed run left off, of which it does not tell again."""
    self._state, self._tell = failure_detection.start(), tell
    for line in history:
      self._state, _ = failure_detection.watch(self._state, line)

  def update(self, line: Mapping[str, Any]) -> list[MetricsLine]:
    """The failures that a line is the first to show, as they are logged."""
    self._state, alerts = failure_detection.watch(self._state, line)
    for alert in alerts:
      self._tell(f'step {line["step"]}: {alert.text}')
    return [alert._asdict() for alert in alerts]
