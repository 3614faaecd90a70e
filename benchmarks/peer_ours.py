"""The gan_jax side of `benchmarks/peers.py`: python benchmarks/peer_ours.py CASE [KEY=JSON ...]."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from gan_jax.common.types import Plain
from gan_jax.config.run_config import parse
from gan_jax.runtime import environment

if __name__ == '__main__':
  environment.prepare()

import jax
import numpy as np
from peer_cases import CASES, Case, serve

from gan_jax.common.types import PyTree
from gan_jax.config import build, presets, schema
from gan_jax.data import source as sources
from gan_jax.data.pipeline.placement import ImageSet, place
from gan_jax.run import setup
from gan_jax.runtime import devices


def config(case: Case, changes: Mapping[str, Any] = {}) -> Plain:
  """Returns the config of a case, with keys changed as in `changes`."""
  made = schema.default()
  made.batch_size = case.batch
  made.steps_per_call = case.steps
  made.scan_unroll = case.unroll
  made.gan = {'name': 'two_player', 'prior': {'name': 'normal', 'size': case.latents}}
  made.gan.loss = {'name': 'non_saturating' if case.critic == 1 else 'wasserstein'}
  if case.shape == (2,):
    made.compiler_options = presets.SMALL_PRODUCTS
  made.networks = _NETWORKS[case.kind](case)
  adam = {'optimizer': 'adam', 'learning_rate': 2e-4, 'b1': 0.5}
  made.players = {
    'generator': {**adam, 'updates_per_step': 1},
    'discriminator': {**adam, 'updates_per_step': case.critic},
  }
  if case.critic > 1:
    made.gan.penalties = {'gradient_penalty': {'weight': 10.0}}
    made.networks.discriminator.norm = 'none'
  made.update_from_flattened_dict(changes)
  return schema.plain(made)


def _convolutions(case: Case) -> dict:
  size, _, channels = case.shape
  generator = {'name': 'dcgan.Generator', 'size': size, 'channels': channels, 'width': case.width}
  return {
    'generator': generator,
    'discriminator': {'name': 'dcgan.Discriminator', 'width': case.width, 'norm': 'batch'},
  }


def _dense(case: Case) -> dict:
  generator = {'name': 'mlp_2d.Generator', 'size': case.shape[0], 'hidden': case.generator}
  generator['batch_norm'] = case.batch_norm
  discriminator = {'name': 'mlp_2d.Discriminator', 'hidden': case.discriminator}
  return {'generator': generator, 'discriminator': discriminator}


def _residual(case: Case) -> dict:
  size, _, channels = case.shape
  generator = {'name': 'resnet.Generator', 'size': size, 'channels': channels, 'width': case.width}
  return {
    'generator': generator,
    'discriminator': {'name': 'resnet.Discriminator', 'width': case.width // 2},
  }


_NETWORKS = {'dcgan': _convolutions, 'resnet': _residual, 'dense': _dense}


def source(case: Case) -> sources.Source:
  """Returns a source of noise, because no time depends on the content."""
  random = np.random.default_rng(0)
  if case.kind != 'dense':
    images = random.integers(0, 256, (5000, *case.shape), np.uint8)
    return place(ImageSet(images), 0, case.batch, 'resident')
  points = random.standard_normal((5000, *case.shape), np.float32)

  def batch(arrays, batch_index, rows):
    return {'real': arrays['points'][(batch_index * case.batch + rows) % 5000]}

  return sources.Source({'points': points}, batch)


def made(case: Case, changes: Mapping[str, Any] = {}) -> tuple[Callable, Plain, PyTree, PyTree]:
  """Returns the step of a case, its config, and its initial state and feed on the devices."""
  settings, examples = config(case, changes), source(case)
  parts = parse(settings)
  game = build.make_game(parts.game)
  play = build.make_update_schedule(parts.updates, game)
  built = setup.Built(game, play, examples, parts.training)
  state = devices.replicate(setup.initial_state(built))
  return (
    setup.make_call(built),
    settings,
    state,
    devices.shard_batch(examples.arrays, case.batch),
  )


def _setting(text: str) -> tuple[str, Any]:
  key, _, value = text.partition('=')
  return key, json.loads(value)


def main(name: str, *changes: str) -> None:
  """Compiles a case, and serves."""
  devices.prepare()
  case = CASES[name]
  step, settings, state, feed = made(case, dict(map(_setting, changes)))
  call = devices.Program(step, options=settings['compiler_options'])

  def run(steps: int) -> float:
    nonlocal state
    start = time.perf_counter()
    for _ in range(max(steps // case.steps, 1)):
      state, metrics = call(state, feed)
    jax.block_until_ready(metrics)
    return (time.perf_counter() - start) / (max(steps // case.steps, 1) * case.steps)

  run(2)
  serve(run)


if __name__ == '__main__':
  main(*sys.argv[1:])
