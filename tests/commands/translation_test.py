"""A game conditioned on images through all commands: trained once, on tiny pairs."""

import json
import shutil
import zipfile

import jax
import numpy as np
import pytest
from PIL import Image

import gan_jax
from gan_jax import export as exports
from gan_jax import testing
from gan_jax.commands import evaluate, export, report, sample, study, train
from gan_jax.common import extensions, pixels, plots, rng
from gan_jax.common.errors import ConfigError
from gan_jax.config import build, run_config, schema
from gan_jax.export import stablehlo
from gan_jax.storage import batch_file, load_run, metrics_log
from gan_jax.visualization import page
from helpers import toy_translation
from helpers.models import run_without_gan_jax
from helpers.runs import assert_same_run

SIZE = toy_translation.SIZE
CONFIG = """
import pathlib
from helpers import toy_translation

def get_config(preset=''):
  config = toy_translation.config(pathlib.Path({folder!r}))
  if preset == 'half':
    config.steps = 4
  return config
"""


@pytest.fixture(autouse=True, scope='module')
def parts():
  with extensions.restored():
    gan_jax.extend(**toy_translation.PARTS)
    yield


@pytest.fixture(scope='module')
def place(tmp_path_factory, parts):
  """A folder with the pairs, the experiment, and the run that was trained on them."""
  folder = tmp_path_factory.mktemp('translation')
  toy_translation.write_pairs(folder)
  (folder / 'experiment.py').write_text(CONFIG.format(folder=str(folder)))
  train_in(folder, 'run')
  return folder


def train_in(folder, name, preset=''):
  flags = (f'--config={folder}/experiment.py:{preset}', f'--workdir={folder}/{name}')
  assert train.main(['', *flags]) == 0


def drawn(place, out, *flags):
  """Samples of the run: an array, or a picture."""
  assert sample.main(['', f'--workdir={place}/run', f'--out={out}', *flags]) == 0
  if out.suffix == '.png':
    return pixels.read_png(out)
  with np.load(out) as file:
    return file['images']


def by_hand(place, sources, seed=0):
  """The samples of stored sources, uint8 [N, ...]."""
  _, variables, _ = load_run.load(place / 'run')
  inputs, keys = np.asarray(pixels.normalized(sources)), rng.sample_keys(seed, 0, len(sources))
  return pixels.to_bytes(toy_translation.translated(variables, inputs, keys))


def assert_close(found, wanted):
  """Equal images, except for pixels that are rounded in the other direction."""
  assert found.dtype == np.uint8
  np.testing.assert_allclose(found.astype(int), wanted, atol=1)


def read_gray(folder):
  return np.stack([np.asarray(Image.open(file))[..., None] for file in sorted(folder.iterdir())])


def test_game_conditioned_on_images_keeps_the_contract(place):
  subject = testing.Subject(schema.plain(toy_translation.config(place)))
  assert np.isfinite(list(testing.check_steps(subject).values())).all()
  assert subject.traces == 1
  testing.check_samples(subject)


def test_resumed_run_is_bit_identical(place):
  train_in(place, 'parts', 'half')
  train_in(place, 'parts')
  assert_same_run(place / 'run', place / 'parts', 8)


def test_run_states_the_shapes_of_its_batches(place):
  image = {'shape': [SIZE, SIZE, 1], 'dtype': 'float32'}
  assert json.loads((place / 'run' / batch_file.FILE).read_text()) == {'real': image, 'source': image}


def test_run_without_the_shapes_of_its_batches_is_refused_in_one_line(place, tmp_path):
  folder = shutil.copytree(place / 'run', tmp_path / 'run')
  (folder / batch_file.FILE).write_text('{"source": {"shape": "x"}}')
  with pytest.raises(ConfigError, match=r'^workdir=.*batch\.json is corrupt; fix it or remove it$'):
    load_run.load(folder)
  (folder / batch_file.FILE).unlink()
  with pytest.raises(ConfigError, match=r'^workdir=.*: batch\.json is missing \(.*\); train the run'):
    load_run.load(folder)
  config = (f'--config={place}/experiment.py', f'--workdir={folder}')
  assert train.main(['', *config]) == 0
  assert load_run.load(folder)[2] == 8


def test_picture_in_training_begins_with_the_sources(place):
  picture = pixels.read_png(place / 'run' / 'samples' / 'step_00000008.png')
  data = run_config.parse(schema.plain(toy_translation.config(place))).data
  grid = plots.grid(pixels.to_bytes(build.make_batch(build.make_source(data), 16)['source']))
  height, width = grid.shape[:2]
  # Sources, averaged weights and raw weights, 8 pixels apart, under captions of 20 pixels.
  assert picture.shape == (height + 20, 3 * width + 2 * 8, 3)
  np.testing.assert_array_equal(picture[20:, :width], grid)


def test_samples_of_a_folder_are_translations_of_its_images_in_order(place, tmp_path):
  stored = read_gray(place / 'negatives')
  samples = drawn(place, tmp_path / 'a.npz', f'--source={place}/negatives')
  assert_close(samples, by_hand(place, stored))
  np.testing.assert_array_equal(gan_jax.load(place / 'run').sample(40, source=stored), samples)
  picture = drawn(place, tmp_path / 'a.png', f'--source={place}/negatives')
  sides = (plots.grid(stored), plots.grid(samples))
  wanted = plots.captioned(dict(zip(('source', 'samples'), sides, strict=True)))
  np.testing.assert_array_equal(picture, wanted)


def test_image_of_another_size_is_prepared_as_those_of_the_run(place, tmp_path):
  wide = np.zeros((16, 24, 3), np.uint8)
  wide[:, 4:20] = np.random.default_rng(0).integers(0, 256, (16, 16, 1))
  Image.fromarray(wide).save(tmp_path / 'wide.png')
  square = Image.fromarray(wide[:, 4:20, 0]).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
  samples = drawn(place, tmp_path / 'a.npz', f'--source={tmp_path}/wide.png')
  assert_close(samples, by_hand(place, np.asarray(square)[None, ..., None]))


def test_archive_and_repeated_images_give_the_samples_of_the_folder(place, tmp_path):
  few, out = tmp_path / 'few', tmp_path / 'out'
  few.mkdir()
  with zipfile.ZipFile(tmp_path / 'few.zip', 'w') as archive:
    for name in ('00.png', '01.png', '02.png'):
      shutil.copy(place / 'negatives' / name, few)
      archive.write(few / name, name)
  run = gan_jax.load(place / 'run')
  samples = run.sample(7, seed=3, source=few)
  assert_close(samples, by_hand(place, read_gray(few)[np.arange(7) % 3], seed=3))
  np.testing.assert_array_equal(run.sample(7, seed=3, source=tmp_path / 'few.zip'), samples)
  flags = (f'--workdir={run.folder}', f'--source={few}', '--seed=3', f'--out={out}/')
  assert sample.main(['', *flags]) == 0
  np.testing.assert_array_equal(read_gray(out), samples[:3])
  names = ['000000_00.png', '000001_01.png', '000002_02.png']
  assert sorted(path.name for path in out.iterdir()) == names


def test_picture_of_held_out_examples_has_sources_samples_and_targets(place, tmp_path):
  picture = drawn(place, tmp_path / 'a.png', '--source=held-out', '--num=4')
  grid = plots.grid(gan_jax.load(place / 'run').sample(4, source='held-out'))
  height, width = grid.shape[:2]
  assert picture.shape == (height + 20, 3 * width + 2 * 8, 3)
  source, samples, target = (picture[20:, i * (width + 8) :][:, :width] for i in range(3))
  np.testing.assert_array_equal(samples, grid)
  is_image = plots.grid(np.zeros((4, SIZE, SIZE, 1), np.uint8)) == 0
  np.testing.assert_array_equal(target[is_image], 255 - source[is_image])


def test_interpolations_have_one_source_per_row(place):
  run, stored = gan_jax.load(place / 'run'), read_gray(place / 'negatives')
  arcs = run.interpolate(3, steps=4, source=stored)
  assert arcs.shape == (3, 4, SIZE, SIZE, 1)
  np.testing.assert_array_equal(arcs[:, 0], run.sample(3, source=stored))
  ends = by_hand(place, stored[[0, 1, 2, 0, 1, 2]])[3:]
  assert_close(arcs[:, -1], ends)
  with pytest.raises(ConfigError, match=r'^source: missing \(.*field source .*\); give source$'):
    run.interpolate(3)


def test_snapshot_in_training_takes_a_source(place, tmp_path):
  trainer = gan_jax.Trainer(toy_translation.config(place), tmp_path / 'run')
  for _ in trainer:
    pass
  samples = trainer.snapshot.sample(3, source='held-out')
  np.testing.assert_array_equal(samples, gan_jax.load(place / 'run').sample(3, source='held-out'))
  with pytest.raises(ConfigError, match='^source: missing'):
    trainer.snapshot.sample(3)


@pytest.mark.parametrize(
  ('flags', 'message'),
  [
    ([], r'--source: missing \(a folder .*field source of its data\); give --source$'),
    (['--label=1'], '--label=1: this game is not conditioned on labels; leave out --label$'),
    (
      ['--source=nowhere'],
      r'--source=nowhere: no such folder or file \(a folder .*\); check the path$',
    ),
    (['--source=README.md'], r'README.md cannot be read \(not a PNG, .*\); repair or remove the file$'),
  ],
)
def test_other_conditions_are_refused_in_one_line(place, flags, message):
  with pytest.raises(ConfigError, match=message):
    sample.main(['', f'--workdir={place}/run', *flags])


def test_evaluation_takes_the_sources_of_the_data(place, capsys):
  flags = (f'--workdir={place}/run', '--num=40', '--scores=frechet_distance')
  assert evaluate.main(['', *flags]) == 0
  assert evaluate.main(['', *flags, f'--real={place}/digits']) == 0
  one, other = (line['scores'] for line in metrics_log.read_scores(place / 'run'))
  assert one.keys() == other.keys() == {'frechet_brightness'}
  assert capsys.readouterr().out.count('of the data') == 2


def test_report_draws_samples_of_the_data_and_says_when_it_cannot(place):
  about = place / 'run' / page.INSPECTION / page.ABOUT
  assert report.main(['', f'--workdir={place}/run']) == 0
  found = json.loads(about.read_text())
  assert found['interpolations']['text'].startswith('Each row interpolates')
  assert list(found['neighbors']['spaces']) == ['pixels', 'brightness']
  (place / 'digits').rename(place / 'gone')
  try:
    assert report.main(['', f'--workdir={place}/run']) == 0
    found = json.loads(about.read_text())
    with pytest.raises(ConfigError, match='no such folder .*; samples of this game need the'):
      evaluate.main(['', f'--workdir={place}/run', '--num=40', f'--real={place}/negatives'])
  finally:
    (place / 'gone').rename(place / 'digits')
  for part in ('interpolations', 'neighbors'):
    assert found[part]['left_out'].startswith('Left out, because the data is not available')


def test_exported_folder_translates_without_gan_jax(place, tmp_path):
  out = tmp_path / 'model'
  assert export.main(['', f'--workdir={place}/run', f'--out={out}/']) == 0
  game, variables, _ = exports.load(out / 'model.safetensors')
  sources = np.asarray(pixels.normalized(read_gray(place / 'negatives')))[:3]
  np.save(out / 'sources.npy', sources)
  code = (out / 'README.md').read_text().partition('```python\n')[2].partition('```')[0]
  assert f'sources = np.zeros((64, {SIZE}, {SIZE}, 1), np.float32)' in code
  more = "\nsaved = np.load('sources.npy')\n"
  more += "np.save('samples.npy', generate(latents(pairs[:3]), saved))\n"
  run_without_gan_jax(code + more, out)
  wanted = jax.jit(game.sample)(variables, rng.sample_keys(0, 0, 3), sources)
  np.testing.assert_array_equal(np.load(out / 'samples.npy'), wanted)
  assert 'unconditional' not in (out / 'README.md').read_text()
  # Sources and 64 samples in grids of eight rows: 8 (16 + 2) + 2 pixels, under captions of 20.
  assert pixels.read_png(out / 'samples.png').shape == (166, 2 * 146 + 8, 3)


def test_exported_folder_without_data_has_no_picture(place, tmp_path, capsys):
  model = exports.of_run(place / 'run')

  def read():
    raise ConfigError('data: it is gone')

  exports.hub_folder.write(tmp_path / 'model', model._replace(read_conditions=read))
  assert not (tmp_path / 'model' / 'samples.png').exists()
  assert 'samples.png' not in (tmp_path / 'model' / 'README.md').read_text()
  assert 'samples.png is left out: data: it is gone' in capsys.readouterr().err


def test_function_of_a_game_without_latents_takes_pairs_and_sources(place):
  model = exports.of_run(place / 'run')
  plain = model._replace(game=model.game._replace(latents=None, generate=None))
  ((name, function),) = stablehlo.exported(plain).items()
  sources = np.asarray(pixels.normalized(read_gray(place / 'negatives')))[:2]
  samples = jax.jit(function.call)(np.array([[5, 0], [5, 1]], np.uint32), sources)
  wanted = jax.jit(model.game.sample)(model.variables, rng.sample_keys(5, 0, 2), sources)
  assert name == ''
  np.testing.assert_array_equal(samples, wanted)


def test_study_of_two_seeds_draws_and_scores_translations(place, tmp_path):
  out = tmp_path / 'study'
  flags = (f'--config={place}/experiment.py', '--seeds=2', f'--out={out}')
  assert study.main(['', *flags, '--sweep', 'placement=resident']) == 0
  folders = sorted(out.glob('*/seed_*'))
  assert len(folders) == 2
  for folder in folders:
    assert 'frechet_brightness' in json.loads((folder / 'result.json').read_text())['scores']
    assert (folder / 'tile.png').exists()
    assert gan_jax.load(folder).sample(2, source='held-out').shape == (2, SIZE, SIZE, 1)
