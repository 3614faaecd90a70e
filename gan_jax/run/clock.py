"""The time that a run takes."""


class Clock:
  """Measures seconds of training and steps per second, from the end of the first call on.

  All times are from `time.perf_counter`.
  """

  def __init__(self, trained: float):
    """Prepares a clock for a run that was trained for `trained` seconds before."""
    self._trained = trained
    self._origin: float | None = None
    self._logged: tuple[int, float] | None = None

  @property
  def is_running(self) -> bool:
    """Whether the first call has ended."""
    return self._origin is not None

  def start(self, step: int, now: float) -> None:
    """Starts, at the end of the first call."""
    self._origin = now - self._trained
    self._logged = (step, now)

  def seconds(self, now: float) -> float:
    """Returns the seconds of training in all, to a thousandth; 0 before the first call has ended."""
    return 0.0 if self._origin is None else round(now - self._origin, 3)

  def steps_per_second(self, step: int, now: float) -> float | None:
    """Returns the speed since the last call of this method; None at the step at which it started."""
    assert self._logged, 'the clock has not been started'
    last_step, last_time = self._logged
    self._logged = (step, now)
    return (step - last_step) / (now - last_time) if step > last_step else None
