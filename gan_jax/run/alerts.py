"""Alerts of a run, each reported once."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gan_jax.common.types import MetricsLine
from gan_jax.run import failure_detection


class AlertLog:
  """Finds signs of failure in the lines of metrics, and warns of each kind once."""

  def __init__(self, history: Iterable[MetricsLine], warn: Callable[[str], None]):
    """Continues after the lines of a resumed run, and does not repeat their alerts."""
    self._warn = warn
    self._state = failure_detection.start()
    for line in history:
      self._state, _ = failure_detection.watch(self._state, line)

  def update(self, line: Mapping[str, Any]) -> list[MetricsLine]:
    """Returns the alerts that a line is the first to raise, in the form in which they are logged."""
    self._state, alerts = failure_detection.watch(self._state, line)
    for alert in alerts:
      self._warn(f'step {line["step"]}: {alert.text}')
    return [alert._asdict() for alert in alerts]
