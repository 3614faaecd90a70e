"""A kind of examples that gan_jax lacks fails in one line; once added, it works up to the report."""

import wave

import numpy as np
import pytest

import gan_jax
from gan_jax import modalities
from gan_jax.commands import sample, show_data
from gan_jax.common import extensions, pixels
from gan_jax.common.errors import ConfigError
from gan_jax.config import run_config, schema
from gan_jax.run import setup
from helpers import toy_waves

UNKNOWN = (
  r'examples of shape \(16, 1\) are of an unknown kind \(images \[N, height, width, channels\], points '
  r'\[N, D\]\); reshape them, or add a modality with gan_jax\.extend$'
)


@pytest.fixture(autouse=True)
def nothing_added():
  with extensions.restored():
    yield


def add_all():
  gan_jax.extend(**toy_waves.PARTS, modalities={'waves': toy_waves.WAVES})


def config():
  chosen = gan_jax.load_config('gan:ring-test')
  chosen.data = {'name': 'sines'}
  chosen.networks = {
    'generator': {'name': 'WaveGenerator'},
    'discriminator': {'name': 'WaveDiscriminator'},
  }
  chosen.batch_size = 16
  chosen.evaluate.features = 'levels'
  return chosen


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """A run on waves, trained and then forgotten."""
  with extensions.restored():
    add_all()
    return gan_jax.train(config(), tmp_path_factory.mktemp('waves') / 'run').folder


def test_training_on_an_unknown_kind_is_refused_in_one_line():
  gan_jax.extend(**toy_waves.PARTS)
  with pytest.raises(ConfigError, match=f'^data: {UNKNOWN}') as error:
    setup.assemble_run(run_config.parse(schema.plain(config())))
  assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize('out', ['waves.npz', 'waves.png', 'waves/'])
def test_samples_of_an_unknown_kind_are_refused_in_one_line(run, tmp_path, out):
  gan_jax.extend(**toy_waves.PARTS)
  with pytest.raises(ConfigError, match=f'^{UNKNOWN}'):
    sample.main(['', f'--workdir={run}', f'--out={tmp_path}/{out}'])
  assert list(tmp_path.iterdir()) == []


def test_run_of_an_added_kind_saves_pictures(run):
  # Two grids of eight rows under captions of 20 pixels, each as wide as a wave, 8 pixels apart.
  picture = pixels.read_png(run / 'samples' / 'step_00000008.png')
  assert picture.shape == (8 + 20, 2 * toy_waves.LENGTH + 8, 3)


def test_samples_of_an_added_kind_are_stored_in_its_form(run, tmp_path):
  add_all()
  waves = gan_jax.load(run).sample(130)
  assert (waves.shape, waves.dtype) == ((130, toy_waves.LENGTH, 1), np.int16)
  assert sample.main(['', f'--workdir={run}', '--num=130', f'--out={tmp_path}/waves.npz']) == 0
  with np.load(tmp_path / 'waves.npz') as file:
    assert file.files == ['waves']
    np.testing.assert_array_equal(file['waves'], waves)
  assert sample.main(['', f'--workdir={run}', '--num=3', f'--out={tmp_path}/waves/']) == 0
  names = sorted(path.name for path in (tmp_path / 'waves').iterdir())
  assert names == ['000000.wav', '000001.wav', '000002.wav']
  with wave.open(str(tmp_path / 'waves' / '000002.wav')) as file:
    assert file.readframes(toy_waves.LENGTH) == waves[2].tobytes()
  assert sample.main(['', f'--workdir={run}', '--num=5', f'--out={tmp_path}/waves.png']) == 0
  drawn = pixels.read_png(tmp_path / 'waves.png')
  np.testing.assert_array_equal(drawn, toy_waves.rows(waves[:5]))


def test_interpolations_of_an_added_kind_are_stored_in_its_form(run):
  add_all()
  arcs = gan_jax.load(run).interpolate(2, steps=3)
  assert (arcs.shape, arcs.dtype) == ((2, 3, toy_waves.LENGTH, 1), np.int16)


def test_report_of_an_added_kind_shows_its_pictures_and_words(run):
  add_all()
  page = gan_jax.load(run).report().read_text()
  assert 'Nearest training waves' in page
  assert 'Training wave at distance' in page
  assert 'In amplitudes' in page
  assert 'In the features of levels' in page
  assert 'Waves between waves.' in page
  assert f'For {toy_waves.COUNT} training waves the median distance' in page


def test_scores_of_an_added_kind_use_its_features(run):
  add_all()
  values = gan_jax.score(toy_waves.sines(), toy_waves.sines(), scores=['frechet_distance'])
  assert values == {'frechet_levels': pytest.approx(0, abs=1e-6)}
  found = gan_jax.load(run).evaluate(num=50, scores=['frechet_distance'])
  assert found['frechet_levels'] > 0
  with pytest.raises(ConfigError, match='features=digits: .* of shape \\(16, 1\\); choose levels'):
    gan_jax.load(run).evaluate(features='digits', num=50)


def test_scores_of_images_are_not_defined_for_an_added_kind(run):
  add_all()
  with pytest.raises(ConfigError, match='ms_ssim_diversity: it needs images, not waves'):
    gan_jax.load(run).evaluate(num=50, scores=['ms_ssim_diversity'])


def test_data_of_an_added_kind_are_shown(tmp_path):
  add_all()
  assert show_data.show(schema.plain(config()), tmp_path / 'data.png', 20) == 0
  drawn = pixels.read_png(tmp_path / 'data.png')
  np.testing.assert_array_equal(drawn, toy_waves.rows(toy_waves.sines()[:20]))


def test_second_kind_with_the_axes_of_points_is_refused():
  gan_jax.extend(modalities={'pairs': toy_waves.WAVES._replace(axes=('2',))})
  with pytest.raises(ConfigError, match='modalities: points and pairs have the same number of axes, 2'):
    modalities.of_shape((5, 2))


def test_part_that_is_not_a_modality_is_refused():
  with pytest.raises(ConfigError, match='extend: modalities: waves is 3, not a Modality'):
    gan_jax.extend(modalities={'waves': 3})
