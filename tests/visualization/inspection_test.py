import io
import json

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from gan_jax import latents
from gan_jax.common import pixels, plots, rng
from gan_jax.config import build
from gan_jax.config.run_config import parse
from gan_jax.data.pipeline.placement import ImageSet, place
from gan_jax.game import Game
from gan_jax.metrics.features import FeatureNetwork, Outputs
from gan_jax.run import setup
from gan_jax.visualization import inspection, interpolations, nearest_neighbors, page
from helpers.experiments import ROOT, experiment

SHAPE = (6, 5, 3)


@pytest.fixture(scope='module')
def bank():
  rng = np.random.default_rng(0)
  return rng.integers(0, 256, (40, *SHAPE), np.uint8)


def game(draw, size=4):
  """A game whose samples are `draw` of latents."""
  prior = latents.normal(size)
  generate = lambda variables, latent: draw(latent)
  sample = lambda variables, keys: draw(prior(keys))
  return Game({}, (), None, sample, latents=prior, generate=generate)


def smooth(latent):
  """Images that follow the latents."""
  return jnp.tanh(jnp.tile(latent[:, :1, None, None], (1, *SHAPE)))


def subject(played, seed=2):
  return inspection.Subject(played, {}, 70, 'raw', seed)


def saved(folder, *arguments, **more):
  inspection.save(folder, *arguments, **more)
  return json.loads((folder / page.INSPECTION / page.ABOUT).read_text())


def picture(folder, name):
  return np.asarray(Image.open(io.BytesIO((folder / page.INSPECTION / name).read_bytes())))


def source(images):
  return place(ImageSet(images), seed=0, batch_size=1)


def test_interpolation_rows_start_and_end_at_samples(tmp_path):
  played = game(smooth)
  rows = np.asarray(interpolations.paths(played, {}, 2, columns=10))
  samples = np.asarray(played.sample({}, rng.sample_keys(2, 0, 16)))
  assert rows.shape == (8, 10, *SHAPE)
  np.testing.assert_allclose(rows[:, 0], samples[:8], atol=1e-6)
  np.testing.assert_allclose(rows[:, -1], samples[8:], atol=1e-6)
  about = saved(tmp_path, subject(played), None)
  assert about['interpolations']['text'].startswith('Each row interpolates between two samples')
  drawn = plots.grid(pixels.to_bytes(rows.reshape(-1, *SHAPE)), 10)
  np.testing.assert_array_equal(picture(tmp_path, page.INTERPOLATIONS), drawn)


def test_neighbor_of_a_copied_training_image_has_distance_0(tmp_path, bank):
  """Sample 0 is image 17 of the dataset; the other samples are not in it."""
  copied = jnp.asarray((2 * bank[17].astype(np.float32) - 255) / 255)
  first = latents.normal(4)(rng.sample_keys(2, 0, 1))[0]
  is_first = lambda latent: (latent == first).all(axis=1)[:, None, None, None]
  played = game(lambda latent: jnp.where(is_first(latent), copied, smooth(latent)))
  found = saved(tmp_path, subject(played), source(bank))['neighbors']['spaces']['pixels']
  assert found['index'][0][0] == 17
  assert found['distances'][0][0] == 0
  samples = pixels.to_bytes(played.sample({}, rng.sample_keys(2, 0, 12)))
  reals, fakes = (x.reshape(len(x), -1).astype(float) / 127.5 for x in (bank, samples))
  dists = np.linalg.norm(fakes[:, None] - reals, axis=-1)
  order = dists.argsort(axis=1)[:, :3]
  np.testing.assert_array_equal(found['index'], order)
  np.testing.assert_allclose(found['distances'], np.take_along_axis(dists, order, axis=1))
  sheet = picture(tmp_path, page.NEIGHBORS.format('pixels')).reshape(12, 6, 4, 5, 3).swapaxes(1, 2)
  np.testing.assert_array_equal(sheet[:, 0], samples)
  np.testing.assert_array_equal(sheet[:, 1:], bank[order])


def test_neighbors_report_the_distance_within_the_dataset(tmp_path, bank):
  found = saved(tmp_path, subject(game(smooth)), source(bank))['neighbors']['spaces']['pixels']
  flat = bank.reshape(40, -1).astype(float) / 127.5
  dists = np.linalg.norm(flat[:, None] - flat, axis=-1) + np.diag(np.full(40, np.inf))
  usual = np.median(dists.min(axis=1))
  scale = f'For 40 training images the median distance to the nearest other one is {usual:.3g}.'
  assert scale in found['text']


def test_neighbors_in_features_are_nearest_by_the_network(tmp_path, bank):
  """The only feature is the mean of the red channel."""
  apply = lambda params, images: Outputs(
    images[..., 0].mean(axis=(1, 2), dtype=jnp.float32)[:, None], None
  )
  red = FeatureNetwork('red', {}, 'none', apply)
  spaces = saved(tmp_path, subject(game(smooth)), source(bank), [red])['neighbors']['spaces']
  assert list(spaces) == ['pixels', 'red']
  samples = pixels.to_bytes(smooth(latents.normal(4)(rng.sample_keys(2, 0, 12))))
  mean = lambda images: images[..., 0].mean(axis=(1, 2))
  dists = np.abs(mean(samples)[:, None] - mean(bank))
  np.testing.assert_array_equal(np.array(spaces['red']['index'])[:, 0], dists.argmin(axis=1))
  np.testing.assert_allclose(np.array(spaces['red']['distances'])[:, 0], dists.min(axis=1), atol=1e-4)
  assert (tmp_path / page.INSPECTION / page.NEIGHBORS.format('red')).exists()


def test_neighbors_in_a_large_dataset_use_a_subset_and_report_it(tmp_path, bank, monkeypatch):
  monkeypatch.setattr(nearest_neighbors, '_BYTES', bank.nbytes // 4)
  found = saved(tmp_path, subject(game(smooth)), source(bank))['neighbors']['spaces']['pixels']
  assert found['text'].endswith('Searched: a random subset of 10 of the 40 training images.')
  assert len(np.unique(found['index'])) <= 10


def test_neighbors_in_a_dataset_of_two_images_are_two(tmp_path, bank):
  found = saved(tmp_path, subject(game(smooth)), source(bank[:2]))['neighbors']['spaces']['pixels']
  assert np.shape(found['index']) == (12, 2)


def test_neighbors_without_data_state_the_reason(tmp_path):
  about = saved(tmp_path, subject(game(smooth)), None, reason='It is gone.')
  assert about['neighbors'] == {'left_out': 'It is gone.'}
  assert [about[key] for key in ('step', 'weights', 'seed')] == [70, 'raw', 2]


def test_game_without_latents_has_no_interpolations(tmp_path, bank):
  played = game(smooth)._replace(latents=None, generate=None)
  about = saved(tmp_path, subject(played), source(bank))
  assert about['interpolations'] == {'left_out': 'This game has no latents to interpolate.'}
  assert not (tmp_path / page.INSPECTION / page.INTERPOLATIONS).exists()


def test_nonfinite_points_are_not_drawn(tmp_path):
  about = saved(tmp_path, subject(game(lambda latent: jnp.log(latent[:, :2]))), None)
  assert 'NaN' in about['interpolations']['left_out']


def test_failed_inspection_removes_older_notes(tmp_path, bank, monkeypatch):
  saved(tmp_path, subject(game(smooth)), source(bank))

  def fails(*unused):
    raise MemoryError

  monkeypatch.setattr(nearest_neighbors, 'nearest', fails)
  with pytest.raises(MemoryError):
    saved(tmp_path, subject(game(smooth)), source(bank))
  assert not (tmp_path / page.INSPECTION / page.ABOUT).exists()


def assert_has_paths(folder, about):
  assert '8 paths along the arcs' in about['interpolations']['text']
  assert about['neighbors']['left_out'].startswith('Every step draws new points')
  drawn = picture(folder, page.INTERPOLATIONS)
  assert drawn.shape == (480, 560, 3)
  # The paths are drawn in the second color, orange.
  assert ((drawn[..., 0] > 200) & (drawn[..., 2] < 100)).sum() > 50


def test_points_have_interpolation_paths_and_no_neighbors(tmp_path):
  config = experiment(ROOT / 'experiments' / 'gan.py', 'ring-test')
  built = setup.assemble_run(parse(config))
  run = inspection.Subject(built.game, setup.initial_state(built).variables, 0, 'raw', 0)
  assert_has_paths(tmp_path, saved(tmp_path, run, build.make_source(parse(config).data)))


def test_points_of_many_dimensions_are_projected(tmp_path):
  assert_has_paths(tmp_path, saved(tmp_path, subject(game(jnp.tanh)), None))
