"""The folder of a run that never was."""

import json
import pathlib

import numpy as np

from gan_jax.common import pixels
from gan_jax.common.types import Plain
from gan_jax.config import schema
from gan_jax.visualization import page

NASTY = '</script><b>&"\'<img src=x onerror=alert(1)>'
"""A name that must stay a name."""

CARD = {'data': 'digits', 'real': 5000, 'generated': 10_000, 'features': 'digits', 'seed': 0}
SPIKE = 700
"""At this of the lines the generator's loss is 1000, and the discriminator's -1000."""


def config(**changes) -> Plain:
  """A config with names that could be taken for markup."""
  made = schema.default()
  made.gan = {'name': 'two_player', 'loss': {'name': NASTY}}
  made.data = {'name': 'mnist5k', 'size': 28}
  made.players = {'generator': {'learning_rate': 1e-4}}
  return {**schema.plain(made), 'steps': 1200, **changes}


def lines(count: int) -> list[dict]:
  """Metrics, an alert, and scores by the loop."""
  rng = np.random.default_rng(0)
  made = []
  for i in range(count):
    losses = rng.normal(size=2) if i != SPIKE else [-1000, 1000]
    made.append(
      {
        'step': i + 1,
        'time': i / 4,
        'discriminator/loss': float(losses[0]),
        'generator/loss': float(losses[1]),
        'generator/gradient_norm': 1 + i / 100,
        'discriminator/r1': 0.25,
        'steps_per_second': 4.0,
        'images_per_second': 256.0,
      }
    )
  made[30]['alerts'] = [{'name': 'collapse', 'text': f'all samples are one {NASTY}'}]
  for step in (600, 1200):
    made.append({'step': step, 'time': 9.0, 'frechet_digits': 30.5, 'card': CARD | {'step': step}})
  return made


def picture(shade: int) -> np.ndarray:
  """A gray picture, wide enough to be drawn smaller on a phone."""
  return np.full((64, 512, 3), shade, np.uint8)


def run(folder: pathlib.Path) -> pathlib.Path:
  """Makes a folder with all that a page shows."""
  (folder / 'samples').mkdir(parents=True)
  (folder / page.INSPECTION).mkdir()
  (folder / 'config.json').write_text(json.dumps(config()))
  (folder / 'metrics.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in lines(1200)))
  score = {'step': 1200, 'scores': {'frechet_digits': 21.25, 'odd': None}}
  card = {**CARD, 'resizer': NASTY, 'generated': 50_000}
  (folder / 'scores.jsonl').write_text(json.dumps({**score, 'card': card}) + '\n')
  for step in (0, 600, 1200):
    pixels.save_png(folder / 'samples' / f'step_{step:08}.png', picture(step // 10))
  pixels.save_png(folder / page.INSPECTION / page.INTERPOLATIONS, picture(9))
  pixels.save_png(folder / page.INSPECTION / page.NEIGHBORS.format('pixels'), sheet())
  (folder / page.INSPECTION / page.ABOUT).write_text(json.dumps(about()))
  return folder


def sheet() -> np.ndarray:
  """Two samples of 8 x 8 pixels, each with three neighbors, image i of shade 10 i."""
  shades = 10 * np.arange(8, dtype=np.uint8).reshape(2, 4)
  return np.kron(shades, np.ones((8, 8), np.uint8))[..., None]


def about() -> dict:
  """The notes on these pictures."""
  space = {'title': 'In pixels', 'text': 'Euclidean.', 'distances': [[0.0, 1.5, 2.0], [3.0, 4.0, 5.0]]}
  return {
    'step': 1200,
    'weights': 'averaged',
    'seed': 0,
    'interpolations': {'text': f'From one to another {NASTY}'},
    'neighbors': {'spaces': {'pixels': space}},
  }
