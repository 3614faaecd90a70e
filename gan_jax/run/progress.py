"""The progress of a run: a bar on a terminal or in a notebook, plain lines elsewhere."""

import datetime
import sys
from collections.abc import Mapping

from tqdm.auto import tqdm

from gan_jax.common import notebook


class Progress:
  """Shows the step, the speed, the losses, and the remaining time."""

  def __init__(self, first: int, last: int, silent: bool = False):
    """Starts at step `first` of `last`; if `silent`, nothing is shown."""
    self._last = last
    self._silent = silent
    self._bar = tqdm(
      initial=first,
      total=last,
      unit='step',
      dynamic_ncols=True,
      disable=silent or not (sys.stderr.isatty() or notebook.is_running()),
    )

  def say(self, text: str) -> None:
    """Prints a line above the bar."""
    if not self._silent:
      self._bar.clear()
      print(text, flush=True)

  def at(self, step: int) -> None:
    """Moves the bar."""
    if not self._bar.disable:
      self._bar.update(step - self._bar.n)

  def logged(self, line: Mapping[str, float]) -> None:
    """Shows a line of metrics."""
    losses = {k.removesuffix('/loss'): v for k, v in line.items() if k.endswith('/loss')}
    rate = {k: line[f'{k}_per_second'] for k in ('steps', 'images') if f'{k}_per_second' in line}
    if not self._bar.disable:
      images = {'images/s': f'{rate["images"]:.0f}'} if rate else {}
      self._bar.set_postfix(images | {name: f'{value:.3f}' for name, value in losses.items()})
      return
    texts = [f'step {line["step"]}/{self._last}']
    if rate:
      remaining = datetime.timedelta(seconds=int((self._last - line['step']) / rate['steps']))
      texts += [f'{rate["steps"]:.2f} steps/s', f'{rate["images"]:.0f} images/s', f'{remaining} left']
    texts += [f'{name} loss {value:.3f}' for name, value in losses.items()]
    print('  '.join(texts), flush=True)

  def scored(self, step: int, scores: Mapping[str, float | None]) -> None:
    """Shows the metrics of an evaluation, '-' for one that has no value."""
    text = lambda value: '-' if value is None else f'{value:.4g}'
    texts = [f'{name} {text(value)}' for name, value in scores.items()]
    self.say(f'step {step}/{self._last}  {", ".join(texts)}')

  def close(self) -> None:
    """Ends the bar, which stays on the terminal."""
    self._bar.close()
