"""The line that tells how a run goes: a bar on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Mapping

from tqdm import tqdm


class Progress:
  """Shows step, speed, losses and the time left."""

  def __init__(self, first: int, last: int, batch_images: int):
    """Begins at step `first` of `last`; a step uses `batch_images` images."""
    self._last, self._images = last, batch_images
    self._bar = tqdm(
      initial=first, total=last, unit='step', dynamic_ncols=True, disable=not sys.stderr.isatty()
    )

  def say(self, text: str) -> None:
    """Prints a line of its own, above the bar."""
    self._bar.clear()
    print(text, flush=True)

  def at(self, step: int) -> None:
    """Moves the bar."""
    if not self._bar.disable:
      self._bar.update(step - self._bar.n)

  def logged(self, line: Mapping[str, float]) -> None:
    """Shows a line of metrics."""
    losses = {k.removesuffix('/loss'): v for k, v in line.items() if k.endswith('/loss')}
    speed = line.get('steps_per_second')
    if not self._bar.disable:
      shown = {name: f'{value:.3f}' for name, value in losses.items()}
      self._bar.set_postfix({'images/s': f'{line.get("images_per_second", 0):.0f}', **shown})
      return
    parts = [f'step {line["step"]}/{self._last}']
    if speed:
      left = int((self._last - line['step']) / speed)
      parts += [f'{speed:.2f} steps/s', f'{line["images_per_second"]:.0f} images/s']
      parts += [f'{left // 3600}:{left // 60 % 60:02}:{left % 60:02} left']
    parts += [f'{name} loss {value:.3f}' for name, value in losses.items()]
    print('  '.join(parts), flush=True)

  def close(self) -> None:
    """Leaves the bar as it is."""
    self._bar.close()
