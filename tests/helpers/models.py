"""Models of experiments to be exported, and programs that run without gan_jax."""

import os
import subprocess
import sys

from gan_jax.config.run_config import parse
from gan_jax.export import model
from gan_jax.run import setup
from helpers.experiments import ROOT, experiment

WITHOUT_GAN_JAX = """
import sys
sys.modules['gan_jax'] = None  # an import of it raises an error
"""


def of_experiment(name: str, preset: str = 'test', **changes) -> model.Model:
  """The model of an experiment before its first step."""
  config = experiment(ROOT / 'experiments' / f'{name}.py', preset, **changes)
  built = setup.assemble_run(parse(config))
  variables = setup.initial_state(built).variables
  return model.Model(
    built.game,
    model.sampled(built.game, variables),
    step=0,
    weights='raw',
    config=model.without_location(config),
    scores=[],
  )


def run_without_gan_jax(code: str, folder: os.PathLike, *arguments: str) -> None:
  """Runs code in a folder, in a process that can import JAX but not gan_jax."""
  done = subprocess.run(
    [sys.executable, '-I', '-c', WITHOUT_GAN_JAX + code, *arguments],
    cwd=folder,
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stderr
