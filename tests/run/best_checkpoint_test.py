"""The best checkpoint and alerts, beside a run."""

import contextlib

import jax.numpy as jnp
import pytest

from gan_jax.config import schema
from gan_jax.run import alerts, best_checkpoint, failure_detection
from gan_jax.storage import checkpoints, workdir

CARD = {'data': 'x', 'generated': 10}


def config(best):
  made = schema.default()
  made.evaluate.best = best
  return schema.plain(made)


def line(step, value, **card):
  return {'step': step, 'recall_x': value, 'frechet_x': value, 'card': {**CARD, **card, 'step': step}}


@contextlib.contextmanager
def opened(folder, name, step):
  with checkpoints.writable(folder / workdir.BEST, config(name), keep=2) as saved:
    yield best_checkpoint.resumed(saved, name, step)


def kept_steps(tmp_path, name, values, history=(), after=0):
  lines = list(history)
  with opened(tmp_path, name, after) as best:
    for step, value in values.items():
      best.maybe_save(lines, line(step, value), {'value': jnp.float32(value or 0)})
      lines.append(line(step, value))
  with checkpoints.opened(tmp_path / workdir.BEST, config('frechet_x')) as kept:
    newest = kept.steps()[-1]
    assert kept.read(newest)['value'] == jnp.float32(values[newest])
    return kept.steps()


@pytest.mark.parametrize(
  ('name', 'values', 'best'),
  [
    ('frechet_x', {1: 5.0, 2: 3.0, 3: 4.0, 4: 3.0}, 2),
    ('recall_x', {1: 0.5, 2: 0.3, 3: 0.7, 4: 0.6}, 3),
    ('frechet_x', {1: None, 2: 3.0}, 2),
  ],
)
def test_best_checkpoint_is_kept(tmp_path, name, values, best):
  assert kept_steps(tmp_path, name, values)[-1] == best


def test_best_score_of_another_protocol_is_ignored(tmp_path):
  assert kept_steps(tmp_path, 'frechet_x', {5: 9.0}, history=[line(4, 1.0, generated=20)])[-1] == 5


def test_best_score_measured_first_time_has_no_competitor(tmp_path):
  before = {'step': 4, 'kernel_x': 1.0, 'card': {**CARD, 'step': 4}}
  assert kept_steps(tmp_path, 'frechet_x', {5: 9.0}, history=[before])[-1] == 5


def test_best_score_survives_metrics_added_to_the_protocol(tmp_path):
  alone = kept_steps(tmp_path, 'frechet_x', {4: 3.0})
  with opened(tmp_path, 'frechet_x', 4) as best:
    best.maybe_save([line(4, 3.0)], line(6, 4.0, compared=10), {'value': jnp.float32(4)})
  with checkpoints.opened(tmp_path / workdir.BEST, config('frechet_x')) as kept:
    assert kept.steps() == alone


@pytest.mark.parametrize(('old', 'kept'), [(2.0, []), (4.0, [6])])
def test_best_score_with_an_older_card_is_compared(tmp_path, old, kept):
  said = {'settings': {'frechet_distance': {'singular': True}}, 'remarks': {'frechet_x': 'too few'}}
  with opened(tmp_path, 'frechet_x', 4) as best:
    best.maybe_save([line(4, old)], line(6, 3.0, **said), {'value': jnp.float32(3)})
  with checkpoints.opened(tmp_path / workdir.BEST, config('frechet_x')) as found:
    assert found.steps() == kept


def test_best_checkpoint_newer_than_the_resumed_step_is_dropped(tmp_path):
  assert kept_steps(tmp_path, 'frechet_x', {1: 5.0, 2: 4.0, 3: 1.0})[-1] == 3
  with opened(tmp_path, 'frechet_x', 2):
    pass
  with checkpoints.opened(tmp_path / workdir.BEST, config('frechet_x')) as kept:
    assert kept.steps() == [2]
  assert kept_steps(tmp_path, 'frechet_x', {3: 1.0}, [line(1, 5.0), line(2, 4.0)], after=2)[-1] == 3


def test_alerts_are_printed_and_logged_once_across_a_resume(monkeypatch):
  first = {'new': 3, 'old': 1}
  seen = lambda line: tuple(
    failure_detection.Alert(n, f'{n} is seen') for n in first if first[n] == line['step']
  )
  monkeypatch.setattr(failure_detection, 'watch', lambda state, line: (state, seen(line)))
  told = []
  alarm = alerts.AlertLog([{'step': 1}], told.append)
  assert [alarm.update({'step': step}) for step in (2, 3, 4)] == [
    [],
    [{'name': 'new', 'text': 'new is seen'}],
    [],
  ]
  assert told == ['step 3: new is seen']
