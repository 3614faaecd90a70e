"""Trains experiments on a number of devices, of one process or of several.

python tests/helpers/train_on_devices.py ADDRESS COUNT NUMBER FOLDER SUBJECT ...

It is process NUMBER of COUNT, and saves its variables after STEPS steps of each subject in FOLDER.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Iterator

import jax
import numpy as np
import optax

from gan_jax.config.run_config import parse
from gan_jax.run import setup
from gan_jax.runtime import devices, processes
from gan_jax.storage import checkpoints
from gan_jax.study import sweep
from gan_jax.training.state import TrainState

ROOT = pathlib.Path(__file__).parents[2]
STEPS = 20
# With synchronized batch norm; with second derivatives; with a statistic of pairs of examples.
SUBJECTS = ('dcgan:test', 'wgan_gp:ring-test', 'mmd_gan:ring-test')


# Adam enlarges rounding here. Parts of the gradient of mmd_gan are 0 but for rounding. In wgan_gp on
# images, rounding moves an activation across its kink: two devices are 7e-3 apart after 20 steps, and
# 1e-6 in programs that XLA optimizes.
BY_SGD = ('mmd_gan:ring-test', 'mmd_gan:test', 'wgan_gp:test')


def built_of(subject: str, config: dict) -> setup.Built:
  """The experiment with its own optimizers, or with one that is linear in the gradient."""
  built = setup.assemble_run(parse(config))
  if subject not in BY_SGD:
    return built
  optimizers = dict.fromkeys(built.play.optimizers, optax.sgd(1e-2))
  return dataclasses.replace(built, play=built.play._replace(optimizers=optimizers))


def states(subject: str, count: int | None = None) -> Iterator[TrainState]:
  """The states of training, from the first on.

  Args:
    subject: 'EXPERIMENT:PRESET'.
    count: of devices of this process; None for all of all processes.
  """
  name, preset = subject.split(':')
  (setting,) = sweep.settings([f'{ROOT}/experiments/{name}.py:{preset}'], {'steps_per_call': [1]})
  built, local = built_of(subject, setting.config), count and jax.devices()[:count]
  call = devices.Program(setup.make_call(built), local)
  state = devices.replicate(setup.initial_state(built), local)
  feed = devices.shard_batch(built.source.arrays, setting.config['batch_size'], local)
  while True:
    yield state
    state, _ = call(state, feed)


def at(states: Iterator[TrainState], step: int) -> TrainState:
  """Returns the state after `step` steps; asking for a later one uses it up."""
  return next(state for state in states if int(devices.local(state.step)) == step)


def variables(state: TrainState) -> dict[str, np.ndarray]:
  """Weights and batch statistics, by their names."""
  return checkpoints.to_arrays(devices.local(state.variables))


def main() -> None:
  """Trains the subjects in one of several processes, and writes their variables."""
  address, count, number, folder, *subjects = sys.argv[1:]
  devices.prepare()
  processes.connect(address, int(count), int(number))
  for subject in subjects:
    np.savez(f'{folder}/{subject}_{number}.npz', **variables(at(states(subject), STEPS)))


if __name__ == '__main__':
  main()
