"""Scores in the loop and after it, in separate processes."""

import json
import re
import shutil
import signal

import numpy as np
import pytest

from gan_jax.api import evaluation, scoring
from gan_jax.common.errors import ConfigError
from gan_jax.storage import metrics_log, workdir
from helpers.commands import command, finish, forks, python, start
from helpers.runs import arrays, assert_same_run, free_port, kept_in, lines, until

RING = (
  '--config=experiments/gan.py:ring-test',
  '--config.steps=60',
  '--config.log_every=2',
  '--config.sample_every=20',
  '--config.checkpoint_every=20',
  '--config.evaluate_every=10',
  '--config.evaluate.num=200',
  '--config.evaluate.best=frechet_coordinates',
)


def scored(folder):
  return [line for line in lines(folder) if 'frechet_coordinates' in line]


def best(folder):
  with kept_in(folder, workdir.BEST) as kept:
    step = kept.steps()[-1]
    return step, kept.read(step)


@pytest.fixture(scope='module')
def scored_run(tmp_path_factory):
  folder = tmp_path_factory.mktemp('scored')
  done = command(*RING, f'--workdir={folder}')
  assert done.returncode == 0, done.stderr
  assert 'step 10/60  frechet_coordinates ' in done.stdout
  assert 'scores: 200 samples of seed 0, averaged weights, against 200 of ring' in done.stdout
  return folder


def test_training_scores_by_the_protocol_and_keeps_the_best(scored_run):
  found = scored(scored_run)
  assert [line['step'] for line in found] == [0, 10, 20, 30, 40, 50, 60]
  assert [line['card']['step'] for line in found] == [0, 10, 20, 30, 40, 50, 60]
  assert {line['card']['generated'] for line in found} == {200}
  values = {line['step']: line['frechet_coordinates'] for line in found}
  assert best(scored_run)[0] == min(values, key=values.get)


@pytest.mark.slow
@pytest.mark.parametrize('step', [14, 44])
def test_killed_run_has_the_same_scores_and_best_checkpoint(tmp_path, scored_run, step):
  process = start(*RING, f'--workdir={tmp_path}')
  until(process, f'^step {step}/')
  process.kill()
  assert finish(process).returncode == -signal.SIGKILL
  done = command(*RING, f'--workdir={tmp_path}')
  assert done.returncode == 0, done.stderr
  assert_same_run(scored_run, tmp_path, 60)
  (at, one), (other_at, other) = best(scored_run), best(tmp_path)
  assert at == other_at
  for name in one:
    np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.slow
@pytest.mark.xdist_group('two processes')
def test_two_processes_score_together_and_resume_with_the_best(tmp_path, scored_run):
  folder = shutil.copytree(scored_run, tmp_path / 'run')
  for step in (40, 60):
    shutil.rmtree(folder / workdir.CHECKPOINTS / str(step))
  shared = (f'--coordinator=127.0.0.1:{free_port()}', '--num_processes=2', f'--workdir={folder}')
  both = [start(*RING, *shared, f'--process_id={i}') for i in range(2)]
  for done in map(finish, both):
    assert done.returncode == 0, done.stderr
  for one, two in zip(scored(scored_run), scored(folder), strict=True):
    assert one['card'] == two['card']
  values = {line['step']: line['frechet_coordinates'] for line in scored(folder)}
  assert best(folder)[0] == min(values, key=values.get)


def test_evaluate_on_eight_devices_matches_training_on_one(scored_run):
  flags = (f'--workdir={scored_run}', '--num=200', '--scores=frechet_distance')
  done = command(*flags, verb='evaluate', devices=8)
  assert done.returncode == 0, done.stderr
  added = json.loads((scored_run / metrics_log.SCORES).read_text().splitlines()[-1])
  last = scored(scored_run)[-1]
  assert added['card'] == last['card']
  wanted = last['frechet_coordinates']
  np.testing.assert_allclose(added['scores']['frechet_coordinates'], wanted, rtol=1e-4)
  assert f'frechet_coordinates  {wanted:.4g}'[:24] in done.stdout
  assert added['card']['data_digest'] in done.stdout


def test_evaluate_of_the_best_checkpoint_matches_its_score(tmp_path, scored_run):
  at, kept = best(scored_run)
  out = tmp_path / 'best.npz'
  flags = (f'--workdir={scored_run}', '--step=best', '--num=3', f'--out={out}')
  done = command(*flags, verb='sample')
  assert done.returncode == 0, done.stderr
  assert f'3 samples of step {at},' in done.stdout


def test_invalid_requests_end_with_one_line(scored_run):
  cases = {
    '--features=digit': 'error: --features=digit: no such feature network (coordinates, digits,',
    '--features=inceptionv3': '; use inception\n',
    '--scores=fid': '; use frechet_distance; the value is FID only with features=inception\n',
    '--scores=frechet_distance,KID': 'error: --scores=KID: no such score (classification_accuracy,',
    '--features=digits --num=20': 'the network does not accept examples of shape (2,)',
    '--step=last': '--step=last: not a checkpoint (a step, or best)',
    '--scores=inception --num=20': 'inception: the network coordinates has no classes',
    '--num=1': '--num=1: out of range',
    '--real=nowhere': 'error: --real=nowhere: no such folder or file (an array, a folder of images,',
    '--fake=a.npz --real=b.npz': 'error: --fake=a.npz: --workdir is given too (one of them); leave one',
    '--write_statistics=a.txt': '--write_statistics=a.txt: unknown kind of file (FILE.npz); change',
  }
  commands = {flags: [f'--workdir={scored_run}', *flags.split()] for flags in cases}
  for flags, done in forks(commands, 'evaluate').items():
    assert done.returncode == 2, flags
    assert cases[flags] in done.stderr
    assert done.stderr.count('\n') == 1


def test_invalid_requests_without_a_run_end_with_one_line():
  cases = {
    '': 'error: --workdir must be given, or --real and --fake; see --help',
    '--fake=a.npz': 'error: --fake=a.npz: nothing to compare with; give --real',
    '--real=a.npz': 'error: --real=a.npz: nothing to score (--fake or --workdir, or --write_stat',
    '--real=a.npz --fake=b.npz --step=3': 'error: --step: it applies to a run (with --workdir); leave',
    '--real=a.npz --fake=b.npz': 'error: --real=a.npz: no such folder or file',
  }
  for flags, done in forks({flags: flags.split() for flags in cases}, 'evaluate').items():
    assert done.returncode == 2, flags
    assert cases[flags] in done.stderr
    assert done.stderr.count('\n') == 1


def last_line(folder):
  return json.loads((folder / metrics_log.SCORES).read_text().splitlines()[-1])


def test_run_is_scored_against_a_set_and_its_statistics(tmp_path, scored_run):
  folder = shutil.copytree(scored_run, tmp_path / 'run')
  points, statistics = tmp_path / 'points.npz', tmp_path / 'statistics.npz'
  np.savez(points, points=np.random.RandomState(0).randn(300, 2))
  scoring.write_statistics(statistics, points)
  settings = {'num': 200, 'scores': ['frechet_distance']}
  values, card = evaluation.evaluate_run(folder, real=points, **settings)
  assert (card['data'], card['split'], card['real']) == (str(points), 'all', 300)
  assert (card['step'], card['weights'], card['generated']) == (60, 'averaged', 200)
  assert last_line(folder) == {'step': 60, 'scores': values, 'card': card}
  again, card = evaluation.evaluate_run(folder, real=statistics, **settings)
  assert (card['data'], card['split'], card['real']) == (str(statistics), 'mu and sigma', 300)
  np.testing.assert_allclose(again['frechet_coordinates'], values['frechet_coordinates'], rtol=1e-6)
  np.savez(points, points=np.zeros((300, 3)))
  with pytest.raises(ConfigError, match=r'real=.*: examples of shape \(3,\), and the run has \(2,\)'):
    evaluation.evaluate_run(folder, real=points, **settings)


def test_sets_and_statistics_of_a_run_are_scored_by_the_command(tmp_path, scored_run):
  real, fake = tmp_path / 'real.npz', tmp_path / 'fake.npz'
  done = command(f'--workdir={scored_run}', '--num=200', f'--out={fake}', verb='sample')
  assert done.returncode == 0, done.stderr
  evaluation.write_run_statistics(real, scored_run)
  with np.load(real) as file:
    assert (file['mu'].shape, file['sigma'].shape, str(file['data'])) == ((2,), (2, 2), 'ring')
  flags = (f'--real={fake}', f'--fake={fake}', f'--write_statistics={tmp_path / "s.npz"}')
  done = command(*flags, '--scores=frechet_distance', verb='evaluate')
  assert done.returncode == 0, done.stderr
  assert f's.npz: mu and sigma of 200 examples of {fake}, coordinates' in done.stdout
  assert re.search(r'frechet_coordinates +\S+\n', done.stdout)
  assert re.search(rf'\nsamples +{fake}\n', done.stdout)
  found = scoring.score(real, fake, 'coordinates')['frechet_coordinates']
  with np.load(real) as file, np.load(fake) as samples:
    mean, covariance = file['mu'], file['sigma']
    points = np.float64(samples['points'])
  own = np.cov(points, rowvar=False)
  # In two dimensions, tr (A B)^1/2 = (tr A B + 2 (det A B)^1/2)^1/2.
  product = covariance @ own
  root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
  diff = mean - points.mean(axis=0)
  expected = diff @ diff + np.trace(covariance + own) - 2 * root
  np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_run_without_a_best_checkpoint_states_the_reason(finished_run):
  done = command(f'--workdir={finished_run}', '--step=best', '--features=random', verb='evaluate')
  assert done.returncode == 2
  assert 'evaluate_every and evaluate.best are set' in done.stderr


def test_evaluate_of_images_uses_a_feature_network(tmp_path, finished_run):
  folder = shutil.copytree(finished_run, tmp_path / 'run')
  flags = (f'--workdir={folder}', '--features=random', '--num=120')
  done = command(*flags, '--scores=frechet_distance,kernel_distance', verb='evaluate')
  assert done.returncode == 0, done.stderr
  (line,) = [json.loads(text) for text in (folder / metrics_log.SCORES).read_text().splitlines()]
  assert set(line['scores']) == {'frechet_random', 'kernel_random', 'kernel_error_random'}
  assert line['scores']['frechet_random'] > 0
  card = line['card']
  assert (card['real'], card['generated'], card['compared']) == (5000, 120, 120)
  assert (card['data'], card['split'], card['weights']) == ('mnist5k', 'train', 'averaged')


def test_scores_of_two_samples_warn_in_output_and_card(tmp_path, scored_run):
  folder = shutil.copytree(scored_run, tmp_path / 'run')
  flags = (f'--workdir={folder}', '--num=2', '--scores=frechet_distance,kernel_distance')
  done = command(*flags, verb='evaluate')
  assert done.returncode == 0, done.stderr
  (line,) = [json.loads(text) for text in (folder / metrics_log.SCORES).read_text().splitlines()[-1:]]
  assert line['scores']['kernel_error_coordinates'] is None
  assert line['card']['settings'] == {
    'frechet_distance': {'dimensions': 2, 'singular': True},
    'kernel_distance': {'subsets': 1, 'subset_size': 2},
  }
  assert set(line['card']['remarks']) == {'frechet_coordinates', 'kernel_error_coordinates'}
  assert done.stderr.count('does not compare with others') == 1
  assert re.search(r'kernel_error_coordinates +-  \(each subset holds all 2 samples', done.stdout)
  assert re.search(r'settings.kernel_distance.subset_size +2\n', done.stdout)


def test_run_stopped_by_an_alert_continues_with_the_same_command(tmp_path):
  script = """
from gan_jax import cli
from gan_jax.commands import train
from gan_jax.run import failure_detection as monitor
monitor.start = lambda: False
def watch(state, line):
  seen = not state and line['step'] >= 6
  return state or seen, (monitor.Alert('collapse', 'all samples are one'),) * seen
monitor.watch = watch
cli.run(train.main)
"""
  flags = (*RING, '--config.on_alert=stop', f'--workdir={tmp_path}')
  stopped = finish(python('-c', script, *flags))
  assert stopped.returncode == 4, stopped.stderr
  assert stopped.stderr.count('warning: step 6: all samples are one') == 1
  assert 'stopped on an alert' in stopped.stdout
  assert arrays(tmp_path, 8)
  on = finish(python('-c', script, *flags))
  assert on.returncode == 0, on.stderr
  assert 'all samples are one' not in on.stderr
  alerts = [line['step'] for line in lines(tmp_path) if 'alerts' in line]
  assert alerts == [6]


def test_best_score_outside_the_protocol_is_rejected_before_training(tmp_path):
  done = command(*RING, '--config.evaluate.best=recall_coordinates', f'--workdir={tmp_path}')
  assert done.returncode == 2
  assert "best='recall_coordinates': not evaluated (evaluated: frechet_coordinates" in done.stderr
  assert 'step 2/' not in done.stdout
