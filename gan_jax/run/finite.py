"""The check that the metrics of every step are finite."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class NotFinite(NamedTuple):
  """A metric that is NaN or infinite, and the first step at which it is."""

  step: int
  name: str
  value: float


def not_finite(step: int, values: Mapping[str, np.ndarray]) -> list[NotFinite]:
  """Returns the metrics of a call that are not finite.

  Args:
    step: steps done at the end of the call.
    values: {metric: its value after each step of the call, [steps]}.
  """
  return [
    NotFinite(step - len(value) + 1 + int(offsets[0]), name, value[offsets[0]])
    for name, value in values.items()
    if len(offsets := np.flatnonzero(~np.isfinite(value)))
  ]
