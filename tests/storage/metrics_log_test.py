"""The pictures of a run in TensorBoard's events."""

import numpy as np

from gan_jax.common import pixels
from gan_jax.storage import metrics_log
from helpers.runs import picture_events, pictures


def gray(step):
  return np.full((5, 7, 3), step, np.uint8)


def test_pictures_of_a_run_are_those_of_its_folder(finished_run):
  names = [f'step_{step:08}.png' for step, _ in picture_events(finished_run)]
  assert names == sorted(pictures(finished_run))
  for name, (_, image) in zip(names, picture_events(finished_run), strict=True):
    np.testing.assert_array_equal(image, pixels.read_png(finished_run / 'samples' / name))


def test_pictures_after_the_resumed_step_are_replaced(tmp_path):
  for start, steps in ((-1, (0, 4, 8)), (4, (8, 12))):
    log = metrics_log.Metrics.open(tmp_path, start)
    for step in steps:
      log.picture(step, gray(step + (start > 0)))
    log.close()
  shown = picture_events(tmp_path)
  assert [step for step, _ in shown] == [0, 4, 8, 12]
  assert [int(image[0, 0, 0]) for _, image in shown] == [0, 4, 9, 13]
  assert shown[0][1].shape == (5, 7, 3)
