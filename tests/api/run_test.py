"""A run from Python."""

import json

import numpy as np
import pytest

import gan_jax
from gan_jax.common.errors import ConfigError
from helpers.commands import command


@pytest.fixture(scope='module')
def run(finished_run):
  return gan_jax.load(finished_run)


def test_sample_and_command_draw_the_same(run, tmp_path):
  done = command(
    f'--workdir={run.folder}', '--num=5', '--seed=3', f'--out={tmp_path}/a.npz', verb='sample'
  )
  assert done.returncode == 0, done.stderr
  images = run.sample(5, seed=3)
  assert images.dtype == np.uint8
  np.testing.assert_array_equal(images, np.load(tmp_path / 'a.npz')['images'])


def test_draw_yields_the_samples_in_batches(run):
  batches = list(run.draw(150, seed=3))
  assert [len(batch) for batch in batches] == [100, 50]
  np.testing.assert_array_equal(np.concatenate(batches)[:5], run.sample(5, seed=3))


def test_metrics_are_steps_and_values_of_the_log(run):
  lines = map(json.loads, (run.folder / 'metrics.jsonl').read_text().splitlines())
  logged = [(line['step'], line['generator/loss']) for line in lines if 'generator/loss' in line]
  steps, values = run.metrics['generator/loss']
  assert list(zip(steps, values, strict=True)) == logged


def test_samples_are_the_pictures_of_training(run):
  assert min(run.samples) == 0
  assert max(run.samples) == run.step == run.config.steps
  assert run._repr_png_() == run.samples[run.step].read_bytes()


def test_interpolation_begins_and_ends_at_samples(run):
  arcs = run.interpolate(3, 4, seed=2)
  assert arcs.shape == (3, 4, 28, 28, 1)
  ends = run.sample(6, seed=2)
  # The arc's end is the latent up to rounding.
  assert np.abs(arcs[:, 0].astype(int) - ends[:3]).max() <= 1
  assert np.abs(arcs[:, -1].astype(int) - ends[3:]).max() <= 1


@pytest.mark.parametrize(
  ('call', 'message'),
  [
    (lambda run: run.sample(0), 'num=0: out of range'),
    (lambda run: run.sample(2, seed=-1), 'seed=-1: out of range'),
    (
      lambda run: run.draw(2, truncation=0.5),
      'truncation=0.5: this game cannot truncate its latents',
    ),
    (lambda run: run.at(3).sample(2), 'step=3: no such checkpoint'),
    (lambda run: run.interpolate(2, 1), 'steps=1: out of range'),
    (lambda run: gan_jax.load(run.folder / 'samples'), 'the folder contains no run'),
  ],
)
def test_bad_requests_are_refused(run, call, message):
  with pytest.raises(ConfigError, match=message):
    call(run)
