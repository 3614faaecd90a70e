"""Training from Python."""

import gc
import json
import signal
import subprocess
import sys
import threading

import jax
import numpy as np
import pytest

import gan_jax
from gan_jax.common.errors import ConfigError
from gan_jax.storage import metrics_log
from helpers.commands import command, finish, python
from helpers.runs import arrays, assert_same_run, lines

RING = 'gan:ring-test'


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
  """A run that was trained without a pause."""
  return gan_jax.train(RING, tmp_path_factory.mktemp('whole'))


@pytest.mark.slow
def test_train_of_a_tuned_process_and_command_give_the_same_run(tmp_path):
  run, other = tmp_path / 'run', tmp_path / 'other'
  script = f'import gan_jax; gan_jax.tune(); gan_jax.train({RING!r}, {str(run)!r})'
  done = finish(python('-c', script))
  assert done.returncode == 0, done.stderr
  done = command('--config=experiments/gan.py:ring-test', f'--workdir={other}')
  assert done.returncode == 0, done.stderr
  assert_same_run(run, other, 8)


def test_loop_left_and_entered_again_gives_the_same_run(whole, tmp_path):
  trainer = gan_jax.Trainer(RING, tmp_path)
  first = next(step for step, _ in trainer if step >= 4)
  assert trainer.outcome is None
  second = [step for step, _ in trainer]
  assert (first, second) == (4, [6, 8])
  assert trainer.outcome.step == 8
  assert_same_run(whole.folder, tmp_path, 8)


def test_metrics_of_a_loop_are_those_that_are_logged(tmp_path):
  found = {step: dict(metrics) for step, metrics in gan_jax.Trainer(RING, tmp_path)}
  for line in lines(tmp_path):
    if 'generator/loss' in line:
      logged = {name: value for name, value in line.items() if '/' in name}
      assert found[line['step']] == logged


def test_samples_of_a_trainer_are_those_of_its_checkpoint(tmp_path):
  trainer = gan_jax.Trainer(RING, tmp_path)
  assert trainer.snapshot is None
  samples = {step: trainer.snapshot.sample(3, seed=5) for step, _ in trainer}
  run = gan_jax.load(tmp_path)
  np.testing.assert_array_equal(samples[8], run.sample(3, seed=5))
  assert (samples[8] != samples[2]).any()


def test_callbacks_see_multiples_of_their_interval_and_logged_metrics(tmp_path):
  seen = []
  first = {}
  gan_jax.train(
    RING, tmp_path, callbacks=[(6, seen.append), (2, lambda s: first.setdefault(s.step, s.metrics))]
  )
  assert [snapshot.step for snapshot in seen] == [6, 8]
  assert first[2]['generator/loss'] == lines(tmp_path)[0]['generator/loss']
  line = [line for line in lines(tmp_path) if 'generator/loss' in line][-1]
  assert seen[-1].metrics['generator/loss'] == line['generator/loss']


def test_error_of_a_callback_passes_and_the_run_continues_later(whole, tmp_path):
  def fail(snapshot):
    raise KeyError(snapshot.step)

  with pytest.raises(KeyError, match='4'):
    gan_jax.train(RING, tmp_path, callbacks=[(4, fail)])
  gan_jax.train(RING, tmp_path)
  assert_same_run(whole.folder, tmp_path, 8)


@pytest.mark.parametrize('callbacks', [[(3, print)], [(4, None)], [print], 7])
def test_unusable_callbacks_are_refused(tmp_path, callbacks):
  with pytest.raises(ConfigError, match='^callbacks='):
    gan_jax.train(RING, tmp_path, callbacks=callbacks)
  assert not (tmp_path / metrics_log.METRICS).exists()


def test_train_in_a_thread_sets_no_signal_handler(whole, tmp_path):
  before = signal.getsignal(signal.SIGINT)
  thread = threading.Thread(target=gan_jax.train, args=(RING, tmp_path))
  thread.start()
  thread.join()
  assert signal.getsignal(signal.SIGINT) is before
  assert_same_run(whole.folder, tmp_path, 8)


def test_interrupt_saves_and_the_next_call_continues(whole, tmp_path, capsys):
  stop = lambda snapshot: signal.raise_signal(signal.SIGINT)
  run = gan_jax.train(RING, tmp_path, callbacks=[(4, stop)])
  assert run.step == 6
  assert 'SIGINT: saved' in capsys.readouterr().out
  gan_jax.train(RING, tmp_path)
  assert_same_run(whole.folder, tmp_path, 8)


def test_settings_of_the_caller_change_nothing(whole, tmp_path):
  threshold = gc.get_threshold()
  with jax.enable_x64(True), jax.default_prng_impl('rbg'):
    run = gan_jax.train(RING, tmp_path)
    samples = run.sample(4)
    scores = run.evaluate(features='coordinates', num=50, scores=['frechet_distance'])
    assert jax.config.values['jax_enable_x64']
  assert gc.get_threshold() == threshold
  assert arrays(tmp_path, 8).keys() == arrays(whole.folder, 8).keys()
  np.testing.assert_array_equal(samples, whole.sample(4))
  assert scores == whole.evaluate(features='coordinates', num=50, scores=['frechet_distance'])


def test_import_and_training_leave_the_process_as_it_is(tmp_path):
  script = f"""
import gc, jax, os, signal
draw = lambda: jax.jit(lambda key: jax.random.bits(key)).lower(jax.random.key(0)).as_text()
before = gc.get_threshold(), draw(), dict(os.environ)
handlers = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
import gan_jax
gan_jax.train({RING!r}, {str(tmp_path)!r})
after = gc.get_threshold(), draw(), dict(os.environ)
assert before == after
assert handlers == [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
assert jax.config.jax_compilation_cache_dir == os.environ['JAX_COMPILATION_CACHE_DIR']
"""
  done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, check=False)
  assert done.returncode == 0, done.stderr


def test_train_without_a_folder_uses_a_new_temporary_one(monkeypatch, tmp_path, capsys):
  monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
  run = gan_jax.train(RING)
  assert run.folder.parent == tmp_path
  assert f'folder: {run.folder}' in capsys.readouterr().out


def test_folder_of_another_config_is_refused(whole):
  with pytest.raises(ConfigError, match='another config'):
    gan_jax.Trainer(gan_jax.load_config(RING, seed=1), whole.folder)


def test_load_config_of_a_config_copies_it():
  config = gan_jax.load_config(RING)
  changed = gan_jax.load_config(config, steps=4)
  assert (config.steps, changed.steps) == (8, 4)


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({'step': 4}, "step: unknown key 'step' .*did you mean 'steps'"),
    ({'steps': 'many'}, "steps='many': of the wrong kind"),
    ({'players.critic.b1': 1}, "players.critic.b1: unknown key 'critic'"),
    ({'keep': 3}, "did you mean 'keep_checkpoints'"),
  ],
)
def test_load_config_with_bad_changes_is_refused(changes, message):
  with pytest.raises(ConfigError, match=message):
    gan_jax.load_config(RING, **changes)


def test_load_config_of_another_kind_is_refused():
  with pytest.raises(ConfigError, match='experiment=7: of the wrong kind'):
    gan_jax.load_config(7)


def test_config_of_a_run_trains_the_same_run(whole, tmp_path):
  config = json.loads((whole.folder / 'config.json').read_text())
  gan_jax.train(gan_jax.load_config(config), tmp_path)
  assert_same_run(whole.folder, tmp_path, 8)
