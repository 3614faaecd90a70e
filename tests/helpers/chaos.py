"""Kills a run at random instants again and again, and checks that nothing is lost: make chaos.

PYTHONPATH=tests python -m helpers.chaos [KILLS]
"""

import itertools
import json
import pathlib
import random
import re
import signal
import sys
import tempfile
import threading
import time

import numpy as np

from gan_jax.common import output
from gan_jax.storage import metrics_log, workdir
from helpers.commands import command, start
from helpers.runs import kept_in

EVERY = 20
RUN = (
  '--config=experiments/gan.py:test',
  f'--config.sample_every={EVERY}',
  f'--config.checkpoint_every={EVERY}',
)
AFTER = 1.5
"""Seconds after its first step within which a run is killed, or as many before."""


class Subject:
  """A run of many steps, and what it has said."""

  def __init__(self, folder: pathlib.Path):
    self.process = start(*RUN, '--config.steps=1000000', f'--workdir={folder}')
    self.begun = threading.Event()
    self.step = 0
    threading.Thread(target=self._listen, daemon=True).start()

  def _listen(self) -> None:
    for line in self.process.stdout:
      found = re.match(r'step (\d+)/', line)
      if found:
        self.step = int(found[1])
        self.begun.set()

  def end(self, number: signal.Signals) -> str:
    """Sends the signal and waits; what it printed as errors, but for alerts of the training itself."""
    self.process.send_signal(number)
    lines = self.process.stderr.read().splitlines()
    self.process.wait()
    return '\n'.join(line for line in lines if not line.startswith('warning: step '))


def _check(folder: pathlib.Path, seen: int) -> int:
  """Checks what a kill left; returns the step of the newest checkpoint."""
  kept = 0
  if (folder / workdir.CONFIG).exists():
    with kept_in(folder) as saved:
      steps = saved.steps()
      for step in steps:
        saved.read(step)
      kept = max(steps, default=0)
  # The one that was under way is lost, and no more.
  assert kept >= seen - seen % EVERY - EVERY, f'step {seen} was seen, but {kept} was kept'
  if (folder / metrics_log.METRICS).exists():
    *whole, _ = (folder / metrics_log.METRICS).read_text().split('\n')
    steps = [json.loads(line)['step'] for line in whole]
    assert steps == sorted(set(steps)), 'lines are twice or out of order'
  return kept


def _leftovers(folder: pathlib.Path) -> list[pathlib.Path]:
  """Returns the drafts that were being written: files and folders, without the contents of folders."""
  unwanted = lambda p: 'draft' in p.name or 'tmp' in p.name or p.parent.name == 'deleted'
  found = [p for p in folder.rglob('*') if unwanted(p)]
  return [p for p in found if p.parent not in found]


def ordeal(folder: pathlib.Path, kills: int, chance: random.Random) -> int:
  """Kills the run `kills` times, then lets it go on; returns the step at which it stopped."""
  for number in range(kills):
    subject = Subject(folder)
    if chance.random() < 0.25:
      # Before it trains: while it starts, reads what is there or compiles.
      subject.begun.wait(timeout=chance.uniform(0, 3 * AFTER))
    else:
      assert subject.begun.wait(timeout=200), subject.process.stderr.read()
      time.sleep(chance.uniform(0, AFTER))
    error = subject.end(signal.SIGKILL)
    kept = _check(folder, subject.step)
    print(f'kill {number + 1}: at step {subject.step}, kept {kept} {error}', flush=True)
    assert not error, error
    # A checkpoint, its predecessor that is being removed, and one small file.
    assert len(_leftovers(folder)) <= 3, _leftovers(folder)
  subject = Subject(folder)
  assert subject.begun.wait(timeout=200), subject.process.stderr.read()
  assert not subject.end(signal.SIGTERM)
  return _check(folder, 0)


def differences(folder: pathlib.Path, other: pathlib.Path, last: int) -> list[str]:
  """Returns all differences from an uninterrupted run to step `last`, which it trains in `other`."""
  done = command(*RUN, f'--config.steps={last}', f'--workdir={other}')
  assert done.returncode == 0, done.stderr
  found = []
  kept = []
  for place in (folder, other):
    with kept_in(place) as saved:
      kept.append(saved.read(last))
  found += [name for name, array in kept[1].items() if not np.array_equal(kept[0][name], array)]
  texts = [(place / metrics_log.METRICS).read_text().splitlines() for place in (folder, other)]
  times = ('time', 'steps_per_second', 'images_per_second')
  for one, two in itertools.zip_longest(*texts):
    a, b = (
      {k: v for k, v in json.loads(line or '{}').items() if k not in times} for line in (one, two)
    )
    if a != b:
      found.append(f'{a} for {b}')
  for step in range(0, last, EVERY):
    name = f'step_{step:08}.png'
    pictures = [(place / workdir.SAMPLES / name).read_bytes() for place in (folder, other)]
    if pictures[0] != pictures[1]:
      found.append(name)
  return found + [f'{path} is left' for path in _leftovers(folder)]


def main() -> None:
  kills, seed = int(sys.argv[1]) if len(sys.argv) > 1 else 100, random.randrange(10**6)
  print(f'seed {seed}', flush=True)
  with tempfile.TemporaryDirectory() as place:
    folders = [pathlib.Path(place) / name for name in ('killed', 'whole')]
    last = ordeal(folders[0], kills, random.Random(seed))
    found = differences(*folders, last)
  if found:
    sys.exit('\n'.join(['the killed run is another:', *found]))
  print(f'{kills} kills, {last} steps: bit for bit what a run that was never killed is')


if __name__ == '__main__':
  output.protect()
  main()
