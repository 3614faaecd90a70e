"""Exported functions give the samples of the run, in a process without gan_jax."""

import jax
import numpy as np
import pytest

from gan_jax.common import pixels, rng
from gan_jax.export import card, of_run, stablehlo
from gan_jax.runtime import jax_settings
from gan_jax.storage import load_run
from helpers import models
from helpers.experiments import EXPERIMENTS

SIZES = (1, 7, 64, load_run.BATCH)

CALLS = """
import jax
import numpy as np
from jax import export

read = lambda name: jax.jit(export.deserialize(bytearray(open(name, 'rb').read())).call)
generate, latents = read('g.stablehlo'), read('g.latents.stablehlo')
results = {}
for size in map(int, sys.argv[1:]):
  pairs = np.stack([np.full(size, 2**32 - 1), np.arange(size)], axis=1).astype(np.uint32)
  drawn = latents(pairs)
  results |= {f'latents_{size}': drawn, f'samples_{size}': generate(drawn)}
np.savez('results.npz', **results)
"""


def called(folder, sizes):
  models.run_without_gan_jax(CALLS, folder, *map(str, sizes))
  with np.load(folder / 'results.npz') as file:
    return dict(file)


def assert_same_samples(model, results, sizes):
  game = model.game
  for size in sizes:
    latents = jax.jit(game.latents)(rng.sample_keys(2**32 - 1, 0, size))
    np.testing.assert_array_equal(results[f'latents_{size}'], latents)
    expected = jax.jit(game.generate)(model.variables, latents)
    assert expected.dtype == results[f'samples_{size}'].dtype == np.float32
    # JAX 0.7 fuses the exported program differently, and rounds some outputs by 4e-10.
    atol = 0 if jax.__version_info__ >= (0, 8) else 1e-9
    np.testing.assert_allclose(results[f'samples_{size}'], expected, rtol=0, atol=atol)


def test_images_without_gan_jax_are_bit_identical_to_those_of_the_run(finished_run, tmp_path):
  model = of_run(finished_run)
  paths = stablehlo.write(tmp_path / 'g.stablehlo', model)
  assert [path.name for path in paths] == ['g.stablehlo', 'g.latents.stablehlo']
  results = called(tmp_path, SIZES)
  assert_same_samples(model, results, SIZES)
  drawn = next(load_run.draw(model.game, model.variables, load_run.BATCH, seed=2**32 - 1))
  np.testing.assert_array_equal(pixels.to_bytes(results[f'samples_{load_run.BATCH}']), drawn)


def test_points_without_gan_jax_are_bit_identical_to_those_of_the_game(tmp_path):
  model = models.of_experiment('gan', 'ring-test')
  stablehlo.write(tmp_path / 'g.stablehlo', model)
  assert_same_samples(model, called(tmp_path, (7,)), (7,))


def test_functions_are_for_three_platforms_and_any_batch():
  functions = stablehlo.exported(models.of_experiment('gan', 'ring-test'))
  for function, size in ((functions[''], None), (functions[stablehlo.LATENTS], 2)):
    assert function.platforms == ('cpu', 'cuda', 'tpu')
    (inputs,) = function.in_avals
    assert str(inputs.shape[0]) == 'b'
    assert size in (None, inputs.shape[1])


def test_functions_do_not_name_files_of_this_machine(tmp_path):
  for path in stablehlo.write(tmp_path / 'g.stablehlo', models.of_experiment('gan', 'ring-test')):
    assert b'.py' not in path.read_bytes()


def test_function_of_a_conditional_game_takes_labels_and_any_batch():
  model = models.of_experiment('conditional', 'ring-test')
  functions = stablehlo.exported(model)
  latents, label = functions[''].in_avals
  assert str(latents.shape[0]) == str(label.shape[0]) == 'b'
  assert label.dtype == np.int32
  drawn = jax.jit(functions[stablehlo.LATENTS].call)(np.array([[3, 0], [3, 1]], np.uint32))
  samples = jax.jit(functions[''].call)(drawn, np.array([5, 2], np.int32))
  keys = rng.sample_keys(3, 0, 2)
  expected = jax.jit(model.game.sample)(model.variables, keys, np.array([5, 2], np.int32))
  np.testing.assert_array_equal(samples, expected)
  assert 'labels = (np.arange(64) % 8)' in card.snippet(['a', 'b'], (2,), classes=8)


def test_game_without_latents_samples_from_pairs():
  model = models.of_experiment('gan', 'ring-test')
  changed = model._replace(game=model.game._replace(latents=None, generate=None))
  ((name, function),) = stablehlo.exported(changed).items()
  assert name == ''
  pairs = np.array([[3, 0], [3, 1]], np.uint32)
  expected = jax.jit(model.game.sample)(model.variables, rng.sample_keys(3, 0, 2))
  np.testing.assert_array_equal(jax.jit(function.call)(pairs), expected)


@pytest.mark.parametrize(
  'setting',
  [jax.default_prng_impl('rbg'), pytest.param(jax.enable_x64(True), marks=pytest.mark.slow)],
  ids=['prng', 'x64'],
)
def test_latents_do_not_depend_on_settings_of_the_exporting_process(setting):
  model = models.of_experiment('gan', 'ring-test')
  pairs = np.array([[3, 5]], np.uint32)
  expected = jax.jit(stablehlo.exported(model)[stablehlo.LATENTS].call)(pairs)
  with setting:
    function = stablehlo.exported(model)[stablehlo.LATENTS]
  np.testing.assert_array_equal(jax.jit(function.call)(pairs), expected)


@pytest.mark.slow
@pytest.mark.parametrize('path', EXPERIMENTS, ids=lambda path: path.stem)
def test_experiment_gives_the_samples_of_its_game(path):
  model = models.of_experiment(path.stem)
  functions = stablehlo.exported(model)
  pairs = np.stack([np.zeros(3), np.arange(3)], axis=1).astype(np.uint32)
  latents = jax.jit(functions[stablehlo.LATENTS].call)(pairs)
  label = [np.array([1, 0, 1], np.int32)] if model.game.classes else []
  samples = jax.jit(functions[''].call)(latents, *label)
  with jax_settings.fixed():
    expected = jax.jit(model.game.generate)(model.variables, latents, *label)
  np.testing.assert_array_equal(samples, expected)
