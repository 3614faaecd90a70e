"""The page in a real browser: skipped where Debian's chromium and chromium-driver are not installed."""

import numpy as np
import pytest

from gan_jax.visualization import page
from helpers import browser
from helpers import fake_run as made_up

pytestmark = pytest.mark.skipif(
  bool(browser.MISSING), reason=f'there is no {" and no ".join(browser.MISSING)} to show the page in'
)

STEP = 'return document.getElementById("picture-step").textContent'
# The shade of the picture as it is drawn: pictures of step n have the shade n / 10.
SHADE = """
const picture = document.getElementById('picture'), canvas = document.createElement('canvas');
const pen = canvas.getContext('2d');
await picture.decode();
pen.drawImage(picture, 0, 0);
return pen.getImageData(9, 9, 1, 1).data[0];
"""
NORMS = '.chart:nth-child(2)'


@pytest.fixture(scope='module')
def path(tmp_path_factory):
  return page.write(made_up.run(tmp_path_factory.mktemp('page') / 'run'))


@pytest.fixture(scope='module')
def chromium(tmp_path_factory):
  with browser.opened(tmp_path_factory.mktemp('profile')) as opened:
    yield opened


@pytest.fixture
def window(chromium, path):
  chromium.open(path)
  yield chromium
  assert chromium.errors() == []


def test_slider_moved_by_keys_changes_image_and_step(window):
  assert (window.run(STEP), window.run(SHADE)) == ('step 1,200', 120)
  window.press('#slider', 'left')
  assert (window.run(STEP), window.run(SHADE)) == ('step 600', 60)
  assert window.run('return document.getElementById("picture").alt') == 'Samples at step 600'
  window.press('#slider', 'home')
  assert (window.run(STEP), window.run(SHADE)) == ('step 0', 0)
  window.press('#slider', 'end')
  assert (window.run(STEP), window.run(SHADE)) == ('step 1,200', 120)


def labels(window, chart):
  texts = f'[...document.querySelectorAll("{chart} svg text")].map(t => t.textContent)'
  return window.run(f'return {texts}')


def curve(window, chart):
  """The places of the points of its curve, [N, 2]."""
  d = window.run(f'return document.querySelector("{chart} path").getAttribute("d")')
  return np.array([place.split(' ') for place in d[1:].split('L')], float)


def rise(places):
  """Returns the fraction of its height that a curve has risen by at half its length."""
  x, y = places.T
  return (y[0] - np.interp((x[0] + x[-1]) / 2, x, y)) / (y[0] - y[-1])


def test_chart_switches_between_log_and_linear(window):
  button, linear = f'{NORMS} button', curve(window, NORMS)
  pressed = f'return document.querySelector("{button}").getAttribute("aria-pressed")'
  assert labels(window, NORMS)[:2] == ['5', '10']
  assert window.run(pressed) == 'false'
  window.click(button)
  assert window.run(pressed) == 'true'
  assert labels(window, NORMS)[:4] == ['1', '2', '5', '10']
  # From 1 to 12.99 evenly: at half the length 6.995, whose logarithm is 75.9 % of that of 12.99.
  assert rise(linear) == pytest.approx(0.5, abs=0.005)
  assert rise(curve(window, NORMS)) == pytest.approx(0.759, abs=0.005)
  window.click(button)
  np.testing.assert_array_equal(curve(window, NORMS), linear)


def values(window):
  texts = '[...document.querySelectorAll(".chart:first-child output")].map(o => o.textContent)'
  at = 'document.querySelector(".chart:first-child .at").textContent'
  return window.run(f'return [{at}, ...{texts}]')


def test_keys_and_pointer_show_chart_values(window):
  chart = '.chart:first-child svg'
  last = values(window)
  assert last[0] == ''
  window.press(chart, 'home')
  assert values(window)[0] == 'step 1'
  window.press(chart, 'right', 'left', 'end')
  assert values(window) == ['step 1,200', *last[1:]]
  place = window.run(f'const r = document.querySelector("{chart}").getBoundingClientRect();'
                     'return [r.left, r.width, r.top]')  # fmt: skip
  left, width, top = place
  # Between the margins of 46 and 8 pixels, at the spike.
  at = left + 46 + (made_up.SPIKE + 1) / 1200 * (width - 54)
  window.command('Input.dispatchMouseEvent', type='mouseMoved', x=at, y=top + 50)
  assert values(window) == [f'step {made_up.SPIKE + 1}', '-1,000', '1,000']


def test_alerts_mark_every_chart(window):
  marks = window.run('return [...document.querySelectorAll(".alert title")].map(t => t.textContent)')
  assert marks == ['collapse, step 31'] * window.run(
    'return document.querySelectorAll(".chart").length'
  )


@pytest.mark.parametrize('width', [360, 1200])
def test_page_does_not_scroll_horizontally(chromium, path, width):
  chromium.open(path, width)
  chromium.run('document.querySelectorAll("details").forEach(d => { d.open = true; })')
  assert chromium.run('return [innerWidth, document.documentElement.scrollWidth <= innerWidth]') == [
    width,
    True,
  ]
  beyond = (
    '[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth)'
  )
  assert chromium.run(f'return {beyond}.length') == 0
  smallest = (
    '[...document.querySelectorAll(".chart text")].map(t => parseFloat(getComputedStyle(t).fontSize))'
  )
  assert chromium.run(f'return Math.min(...{smallest})') >= 11
  assert chromium.errors() == []


def test_page_follows_the_preferred_color_scheme(window):
  ground = 'return getComputedStyle(document.body).backgroundColor'
  found = []
  for scheme in ('light', 'dark'):
    feature = {'name': 'prefers-color-scheme', 'value': scheme}
    window.command('Emulation.setEmulatedMedia', features=[feature])
    found.append(sum(map(int, window.run(ground)[4:-1].split(', '))))
  assert found[0] > 600
  assert found[1] < 150


def test_page_without_scripts_shows_last_image_and_tables(chromium, path):
  chromium.open(path, scripts=False)
  seen = 'getComputedStyle(document.querySelector("{}")).display'
  shown = {
    name: chromium.run(f'return {seen.format(name)}')
    for name in ('#picture', 'table', '.legend', '#slider', 'svg')
  }
  assert 'none' not in (shown['#picture'], shown['table'], shown['.legend'])
  assert (shown['#slider'], shown['svg']) == ('none', 'none')
  assert chromium.run('return document.getElementById("picture").naturalWidth') == 512
