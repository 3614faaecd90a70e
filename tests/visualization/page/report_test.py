import base64
import hashlib
import html.parser
import importlib.resources
import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from gan_jax.common.errors import ConfigError
from gan_jax.common.pixels import save_png
from gan_jax.visualization import page
from gan_jax.visualization.page import curves, markup
from helpers import fake_run as made_up
from helpers.commands import command
from helpers.runs import put

VOID = ('img', 'input', 'meta', 'link')


class Document(html.parser.HTMLParser):
  """Elements with their attributes and texts; every one that begins must end, in order."""

  def __init__(self, text):
    super().__init__()
    self.elements = []
    self.texts = []
    self._open = []
    self.feed(text)
    self.close()
    assert self._open == []

  def handle_starttag(self, name, attributes):
    assert len(attributes) == len(dict(attributes)), (name, attributes)
    self.elements.append((name, dict(attributes)))
    if name not in VOID:
      self._open.append(name)

  def handle_endtag(self, name):
    assert self._open.pop() == name

  def handle_data(self, text):
    self.texts.append((self._open[-1] if self._open else '', text))

  def all(self, name):
    return [attributes for found, attributes in self.elements if found == name]

  def inside(self, name):
    return ''.join(text for where, text in self.texts if where == name)

  def words(self):
    return ' '.join(text for where, text in self.texts if where not in ('script', 'style'))

  def data(self):
    return json.loads(re.search(r'{"last".*?}\n?(?=\'use strict\')', self.inside('script'), re.S)[0])


def read(folder):
  return Document(page.write(folder).read_text())


def pixels(uri):
  kind, _, content = uri.partition(',')
  assert kind == 'data:image/png;base64'
  return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  return made_up.run(tmp_path_factory.mktemp('made_up') / 'a<i>run')


@pytest.fixture(scope='module')
def document(folder):
  return read(folder)


def test_page_is_one_file_without_network_access(folder, document):
  text = page.write(folder).read_text()
  assert not re.search(r'https?:|url\(|@import|src="(?!data:)', text)
  for name, attributes in document.elements:
    assert attributes.get('src', 'data:').startswith('data:'), name
    assert attributes.get('href', '#')[0] == '#' or attributes['href'] == 'data:,'
  ids = [attributes['id'] for _, attributes in document.elements if 'id' in attributes]
  assert len(ids) == len(set(ids))
  assert all(a['href'][1:] in ids for a in document.all('a'))


def test_page_allows_only_its_own_script(document):
  policy = document.all('meta')[1]['content']
  script = (importlib.resources.files('gan_jax.visualization.page') / 'page.js').read_text()
  digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
  assert policy.startswith("default-src 'none'; img-src data:;")
  assert policy.endswith(f"script-src 'sha256-{digest}'")
  assert document.inside('script').endswith(script)


def test_names_with_markup_are_escaped(document):
  assert len(document.all('script')) == 2
  assert document.all('b') == []
  # The folder's name, the config's loss, the alert and the card.
  assert document.inside('title') == 'a<i>run'
  assert f'all samples are one {made_up.NASTY}' in document.words()
  assert document.inside('td').count(made_up.NASTY) == 2
  assert all('onerror' not in attributes for attributes in document.all('img'))
  assert f'From one to another {made_up.NASTY}' in [a['alt'] for a in document.all('img')]


def test_data_with_a_script_tag_cannot_end_the_script():
  text = markup.embedded({'name': made_up.NASTY})
  assert not set(text) & set('<>&')
  assert json.loads(text) == {'name': made_up.NASTY}


def test_page_of_the_same_folder_is_identical(folder):
  first = page.write(folder).read_bytes()
  assert page.write(folder).read_bytes() == first
  assert [path.name for path in folder.iterdir() if path.name.startswith('.')] == []


def test_page_shows_config_and_progress(document):
  words = document.words()
  assert 'finished at step 1,200' in words
  assert 'mnist5k, batches of 64, seed 0' in words
  # (1200 - 1) / 4 s would be of the last step; scores come after it, at 9 s.
  assert dict(zip(*[iter(facts(document))] * 2, strict=True)) == {
    'Training time': '9 s',
    'Steps per second': '4',
    'Images per second': '256',
    'frechet digits, step 1,200': '21.25',
  }
  assert '0.0001' in document.inside('td')


def facts(document):
  return [text for where, text in document.texts if where in ('dt', 'dd')]


def test_alerts_come_first_and_mark_the_curves(document):
  sections = [attributes['id'] for attributes in document.all('section')]
  assert sections[:3] == ['alerts', 'samples', 'curves']
  assert 'collapse' in document.inside('strong')
  assert '(step 31)' in document.inside('li')
  assert document.data()['alerts'] == [{'name': 'collapse', 'step': 31}]


def test_slider_covers_all_images_and_starts_at_the_last(document):
  [slider] = document.all('input')
  assert (slider['min'], slider['max'], slider['value']) == ('0', '2', '2')
  data = document.data()
  assert [frame['step'] for frame in data['frames']] == [0, 600]
  assert data['lastFrame'] == 1200
  np.testing.assert_array_equal(pixels(data['frames'][1]['source']), made_up.picture(60))
  [picture] = [attributes for attributes in document.all('img') if attributes.get('id') == 'picture']
  np.testing.assert_array_equal(pixels(picture['src']), made_up.picture(120))


def test_slider_of_many_images_includes_first_and_last(tmp_path, monkeypatch):
  for step in range(100):
    save_png(tmp_path / f'step_{step:08}.png', made_up.picture(step))
  steps = [step for step, _ in page._frames(tmp_path)]
  assert len(steps) == 40
  assert (steps[0], steps[-1]) == (0, 99)
  assert set(np.diff(steps)) == {2, 3}
  size = np.mean([path.stat().st_size for path in tmp_path.iterdir()])
  monkeypatch.setattr(page, 'FRAME_BYTES', 3.5 * size)
  assert [step for step, _ in page._frames(tmp_path)] == [0, 50, 99]
  monkeypatch.setattr(page, 'FRAME_BYTES', 1)
  assert [step for step, _ in page._frames(tmp_path)] == [99]


def test_metrics_of_one_unit_share_a_chart(document):
  assert document.inside('figcaption').startswith('The same latents')
  titles = [text for where, text in document.texts if where == 'span']
  assert titles == [
    'Losses',
    'Gradient norms',
    'Steps per second',
    'Discriminator: r1',
    'Frechet digits',
  ]
  losses, norms, *_, scores = document.data()['charts']
  assert [curve['label'] for curve in losses] == ['discriminator', 'generator']
  assert [curve['label'] for curve in norms] == ['generator']
  assert scores == [{'label': 'value', 'x': [600, 1200], 'y': [30.5, 30.5]}]


def test_log_scale_is_offered_only_for_positive_values(document):
  offered = [attributes['aria-label'].split(' on ')[0] for attributes in document.all('button')]
  assert offered == ['Gradient norms', 'Steps per second', 'Discriminator: r1', 'Frechet digits']


def test_thinning_preserves_ends_and_extremes_in_order(document):
  steps = np.arange(10_000)
  values = np.sin(steps / 50)
  values[1234], values[8765] = 7, -9
  x, y = curves.thinned((steps, values))
  assert len(x) <= curves.POINTS
  assert (np.diff(x) > 0).all()
  np.testing.assert_array_equal(y, values[x])
  assert {0, 1234, 8765, 9999} <= set(x.tolist())
  # No stretch is without points: 249 parts of 40 or 41, and two of each.
  assert np.diff(x).max() <= 81
  discriminator, generator = document.data()['charts'][0]
  assert len(generator['x']) <= curves.POINTS
  assert min(discriminator['y']) == -1000
  assert generator['y'][generator['x'].index(made_up.SPIKE + 1)] == 1000


def test_thinning_of_a_short_curve_changes_nothing():
  curve = (np.arange(500), np.arange(500.0))
  assert curves.thinned(curve) is curve


def test_nonnumeric_metrics_have_no_curve():
  lines = [{'step': i, 'time': 1.0, 'loss': x} for i, x in enumerate([1.0, float('nan'), None, 2])]
  lines += [{'step': 4, 'loss': True, 'card': {'real': 5}, 'note': 'x'}]
  steps, values = curves.collected(lines)['loss']
  np.testing.assert_array_equal(steps, [0, 3])
  np.testing.assert_array_equal(values, [1, 2])


def test_scores_are_listed_with_their_cards(document):
  summaries = [text for where, text in document.texts if where == 'summary']
  assert summaries == [
    'Step 1,200: 50,000 generated against 5,000 real, features digits, seed 0',
    'Step 1,200: 10,000 generated against 5,000 real, features digits, seed 0',
    'All settings',
  ]
  opened = [('open' in attributes) for attributes in document.all('details')]
  assert opened == [True, False, False]
  cells = document.inside('td')
  assert '21.25none' in cells
  assert '30.5' in cells


def test_undefined_score_is_a_dash_with_its_reason(tmp_path):
  folder = made_up.run(tmp_path / 'run')
  why = 'each subset would be all 50 samples'
  settings = {'kernel_distance': {'subsets': 1, 'subset_size': 50}}
  card = {**made_up.CARD, 'settings': settings, 'remarks': {'kernel_error_digits': why}}
  line = {'step': 1200, 'scores': {'kernel_digits': 7.5, 'kernel_error_digits': None}, 'card': card}
  with open(folder / 'scores.jsonl', 'a') as file:
    file.write(json.dumps(line) + '\n')
  document = read(folder)
  cells = document.inside('td')
  assert '7.5-' in cells
  assert '21.25none' in cells
  assert why in cells
  assert 'subset_size 50' in document.words()


def test_neighbors_are_cropped_from_their_sheet(document):
  shown = [a for a in document.all('img') if a['alt'].startswith(('Sample ', 'Training'))]
  assert [a['alt'] for a in shown[:2]] == ['Sample 0', 'Training image at distance 0']
  for i, attributes in enumerate(shown):
    np.testing.assert_array_equal(pixels(attributes['src']), np.full((8, 8), 10 * i))
  assert len(shown) == 8


def test_page_of_a_truncated_metrics_file_shows_the_rest(folder, tmp_path):
  half = tmp_path / 'half'
  shutil.copytree(folder, half)
  for step in (600, 1200):
    (half / 'samples' / f'step_{step:08}.png').unlink()
  whole = (half / 'metrics.jsonl').read_bytes().split(b'\n')
  (half / 'metrics.jsonl').write_bytes(b'\n'.join([*whole[:600], whole[600][:40]]))
  document = read(half)
  assert 'at step 600 of 1,200, not finished' in document.words()
  assert document.all('input') == []
  assert document.data()['last'] == 600


def test_page_of_a_folder_with_only_a_config_is_written(tmp_path):
  (tmp_path / 'config.json').write_text(json.dumps(made_up.config()))
  document = read(tmp_path)
  for told in (
    'at step 0 of 1,200, not finished',
    'No samples were drawn yet.',
    'No metrics were logged yet.',
    'None yet;',
    'Not drawn yet;',
  ):
    assert told in document.words()
  assert document.data() == {'last': 0, 'charts': [], 'alerts': [], 'frames': [], 'lastFrame': None}


def test_folder_without_a_run_is_rejected(tmp_path):
  with pytest.raises(ConfigError, match='contains no run'):
    page.write(tmp_path)
  assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
  ('seconds', 'said'),
  [(3.456, '3.46 s'), (59.4, '59.4 s'), (59.7, '1 min 0 s'), (248, '4 min 8 s'), (7384, '2 h 3 min')],
)
def test_durations_are_formatted(seconds, said):
  assert page.duration(seconds) == said


def test_speeds_above_10000_have_no_exponent(tmp_path):
  folder = made_up.run(tmp_path / 'run')
  line = {'step': 1, 'time': 1.0, 'steps_per_second': 62.016, 'images_per_second': 39_691.8}
  (folder / 'metrics.jsonl').write_text(json.dumps(line) + '\n')
  words = read(folder).words()
  assert 'Steps per second 62.02' in words
  assert 'Images per second 39,690' in words


@pytest.mark.parametrize(
  ('value', 'said'),
  [
    (3, '3'),
    (50_000, '50,000'),
    (2.0, '2'),
    (0.0128314159, '0.012831'),
    (None, 'none'),
    (1e-9, '1e-09'),
  ],
)
def test_numbers_are_formatted(value, said):
  assert markup.number(value) == said


def test_command_with_missing_data_still_writes_the_page(finished_run, tmp_path):
  folder = tmp_path / 'run'
  shutil.copytree(finished_run, folder)
  put(folder, 'data.name', 'gone')
  done = command(f'--workdir={folder}', '--seed=3', verb='report')
  assert done.returncode == 0, done.stderr
  assert done.stdout == f'{folder / "report.html"}: step 8, seed 3\n'
  left_out = "Left out, because the data is not available: data: unknown name 'gone'"
  assert f'warning: the training images nearest to samples: {left_out}' in done.stderr
  document = Document((folder / 'report.html').read_text())
  words = document.words()
  assert 'finished at step 8' in words
  assert 'Step 8, averaged weights, seed 3.' in words
  assert left_out in words
  assert [a.get('id') for a in document.all('img')] == ['picture', None]
