"""Runs trained together: each as if alone, in one program, through kills and divergence."""

import json
import math
import signal

import jax
import numpy as np
import pytest

from gan_jax.common import files, pixels
from gan_jax.common.errors import ConfigError
from gan_jax.config.run_config import parse
from gan_jax.run import setup
from gan_jax.runtime import devices, vectorized_runs
from gan_jax.storage import checkpoints, load_run, metrics_log, workdir
from gan_jax.study import member_run, runner, sweep
from gan_jax.training.step import make_step
from helpers import commands, xla_flags
from helpers.runs import arrays, kept_in, picture_events

RING, DIGITS = 'experiments/gan.py:ring-test', 'experiments/dcgan.py:test'
RATE = 'players.generator.learning_rate'


@pytest.fixture(autouse=True)
def emitters(monkeypatch):
  """Compiles the programs of one run and of many with the emitters of training: both round alike."""
  given, more = devices.compiler_options, {xla_flags.EMITTERS: True} if xla_flags.EMITTERS else {}
  monkeypatch.setattr(devices, 'compiler_options', lambda options: given(options) | more)


def train(folder, experiment, seeds, sweeps={}):
  """The finished runs of a study of one program, in this process."""
  (group,) = sweep.grouped(sweep.settings([experiment], sweeps))
  runs = [
    member_run.Run(s, seed, folder / s.label / f'seed_{seed}') for s in group.settings for seed in seeds
  ]
  compiled = runner.compile_runs(runner.assemble(group, runs, folder))
  assert min(compiled.estimate) > 0
  runner.train(compiled, lambda step, more: None, lambda: False)
  return runs


def state_of(run):
  return arrays(run.folder, run.config['steps'])


def alone(config):
  """Returns the arrays of a run of `main` on one device."""
  built, local = setup.assemble_run(parse(config)), jax.devices()[:1]
  count = config['steps_per_call']
  step = make_step(built.game, built.play, built.source.batch, devices.GLOBAL_BATCH, count)
  call = devices.Program(step, local, config['compiler_options'])
  state = devices.replicate(setup.initial_state(built), local)
  feed = devices.shard_batch(built.source.arrays, config['batch_size'], local)
  for _ in range(config['steps'] // count):
    state, _ = call(state, feed)
  return checkpoints.to_arrays(devices.local(state))


@pytest.mark.slow
@pytest.mark.parametrize('experiment', (RING, DIGITS))
def test_run_in_a_study_is_bit_identical_to_a_single_run(tmp_path, experiment):
  # Ten runs on eight devices: some have two, and some a gap.
  runs = train(tmp_path, experiment, range(10) if experiment == RING else range(3))
  for run in (runs[0], runs[-1])[experiment == DIGITS :]:
    found, wanted = state_of(run), alone(run.config)
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
      np.testing.assert_array_equal(found[name], array, err_msg=name)
  first, last = (
    state_of(run)['variables.params.generator.Dense_0.kernel'] for run in (runs[0], runs[-1])
  )
  assert (first != last).any()


@pytest.mark.slow
def test_run_under_vmap_matches_a_single_run_up_to_rounding(tmp_path, monkeypatch):
  monkeypatch.setattr(vectorized_runs, 'ONE_BY_ONE', ())
  runs = train(tmp_path, RING, range(10))
  wanted = alone(runs[3].config)
  for name, array in state_of(runs[3]).items():
    # Eight steps of Adam at 1e-3; float32 rounds at 1e-7.
    np.testing.assert_allclose(array, wanted[name], rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.slow
def test_swept_numbers_as_inputs_match_constants(tmp_path):
  runs = train(tmp_path, RING, range(2), {RATE: [1e-3, 1e-2], 'players.discriminator.b1': [0.0, 0.5]})
  assert len(runs) == 8
  wanted = alone(runs[5].config)
  for name, array in state_of(runs[5]).items():
    np.testing.assert_allclose(array, wanted[name], rtol=1e-3, atol=1e-5, err_msg=name)
  assert json.loads((runs[5].folder / workdir.CONFIG).read_text()) == runs[5].config


@pytest.mark.slow
def test_study_of_scheduled_numbers_frozen_layers_and_microbatches_matches_single_runs(tmp_path):
  file = tmp_path / 'scheduled.py'
  file.write_text(
    'import runpy\n'
    'def get_config(preset=None):\n'
    f'  config = runpy.run_path({RING.partition(":")[0]!r})["get_config"]("ring-test")\n'
    '  rate = {"schedule": "cosine_decay_schedule", "init_value": 1e-2, "decay_steps": 8}\n'
    '  config.players.generator = {"optimizer": "sgd", "learning_rate": rate, "momentum": rate}\n'
    '  config.ema = {"generator": rate}\n'
    '  label = {"schedule": "linear_schedule", "init_value": 1.0, "end_value": 0.5}\n'
    '  label["transition_steps"] = 8\n'
    '  config.gan.loss = {"name": "minimax", "real_label": label}\n'
    '  config.players.discriminator.frozen = ["discriminator.Dense_0"]\n'
    '  config.microbatches = 2\n'
    '  return config\n'
  )
  runs = train(tmp_path, str(file), range(1), {'players.discriminator.learning_rate': [1e-3, 1e-2]})
  wanted = alone(runs[1].config)
  for name, array in state_of(runs[1]).items():
    np.testing.assert_allclose(array, wanted[name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_diverged_run_is_reported_and_others_are_unaffected(tmp_path):
  with_it = train(tmp_path / 'a', RING, range(2), {RATE: [1e-3, 1e38]})
  without = train(tmp_path / 'b', RING, range(2), {RATE: [1e-3, 2e-3]})
  for one, other in zip(with_it[:2], without[:2], strict=True):
    a, b = state_of(one), state_of(other)
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert one.result()['diverged'] is None
  for run in with_it[2:]:
    found = run.result()
    assert 1 <= found['diverged'] <= 8
    assert [alert['name'] for alert in found['alerts']] == ['divergence']
    assert found['alerts'][0]['text'].endswith(f'is not finite at step {found["diverged"]}')
    # Scored as it is: no sample lies in a mode.
    assert found['scores']['modes/captured'] == 0


def test_finished_study_run_works_with_all_commands(tmp_path):
  (run,) = train(tmp_path, RING, range(1))
  game, variables, step = load_run.load(run.folder)
  assert step == run.config['steps']
  points = game.sample(variables, jax.random.split(jax.random.key(0), 5))
  assert points.shape == (5, 2) and np.isfinite(points).all()
  *_, last, of_scores = map(json.loads, (run.folder / metrics_log.METRICS).read_text().splitlines())
  assert last['step'] == of_scores['step'] == step and math.isfinite(last['generator/loss'])
  assert {k: v for k, v in of_scores.items() if '/' in k} == run.result()['scores']
  ((shown, image),) = picture_events(run.folder)
  assert shown == step
  (path,) = (run.folder / workdir.SAMPLES).iterdir()
  np.testing.assert_array_equal(image, pixels.read_png(path))


def test_folder_with_runs_of_another_config_is_rejected(tmp_path):
  train(tmp_path, RING, range(1))
  (changed,) = sweep.settings([RING], {'batch_size': [8]})
  run = member_run.Run(changed, 0, tmp_path / changed.label / 'seed_0')
  with pytest.raises(ConfigError, match='another config'):
    runner.assemble(sweep.CompiledGroup((changed,), ()), [run], tmp_path)
  (longer,) = sweep.settings([RING], {'steps': [16]})
  with pytest.raises(ConfigError, match='steps=16: .* holds a finished run of 8 steps'):
    run._replace(setting=longer).result()


def begun(folder, seeds, calls):
  """Returns the runs of seeds, stopped after a number of calls."""
  (group,) = sweep.grouped(sweep.settings([RING], {}))
  (setting,) = group.settings
  runs = [member_run.Run(setting, seed, folder / f'seed_{seed}') for seed in seeds]
  asked = iter(range(100))
  for part in runner.remaining(runs, folder):
    compiled = runner.compile_runs(runner.assemble(group, part, folder))
    runner.train(compiled, lambda step, more: None, lambda: next(asked) + 1 >= calls)
  return runs


@pytest.mark.slow
def test_stopped_study_continues_with_more_seeds(tmp_path):
  started = begun(tmp_path, range(2), calls=2)
  assert [run.result() for run in started] == [None, None]
  runs = [*started, started[0]._replace(seed=2, folder=tmp_path / 'seed_2')]
  assert [[run.seed for run in part] for part in runner.remaining(runs, tmp_path)] == [[0, 1], [2]]
  runs = begun(tmp_path, range(3), calls=100)
  assert [run.result()['steps'] for run in runs] == [8, 8, 8]
  assert runner.remaining(runs, tmp_path) == []
  wanted = alone(runs[1].config)
  assert all(np.array_equal(state_of(runs[1])[name], array) for name, array in wanted.items())


def test_kill_between_two_results_loses_neither(tmp_path, monkeypatch):
  write, written = files.write_atomic, []

  def killed(path, content, shared=False):
    if path.name == member_run.RESULT:
      written.append(path)
      if len(written) == 2:
        raise KeyboardInterrupt
    write(path, content, shared)

  monkeypatch.setattr(files, 'write_atomic', killed)
  with pytest.raises(KeyboardInterrupt):
    begun(tmp_path, range(2), calls=100)
  monkeypatch.setattr(files, 'write_atomic', write)
  before = (tmp_path / 'seed_0' / member_run.RESULT).read_bytes()
  runs = begun(tmp_path, range(2), calls=100)
  assert (tmp_path / 'seed_0' / member_run.RESULT).read_bytes() == before
  assert [run.result()['steps'] for run in runs] == [8, 8]
  lines = (tmp_path / 'seed_1' / metrics_log.METRICS).read_text().splitlines()
  # Lines of losses and of scores.
  assert [json.loads(line)['step'] for line in lines] == [2, 4, 4, 6, 8, 8]


@pytest.mark.slow
@pytest.mark.xdist_group('study')
def test_signal_saves_the_study_and_exits_cleanly(tmp_path):
  process = commands.start(*STUDY, f'--out={tmp_path}', verb='study', devices=2)
  for line in process.stdout:
    if 'step 300/1000' in line:
      break
  process.send_signal(signal.SIGTERM)
  said, complaint = process.communicate(timeout=100)
  assert process.returncode == 0, complaint
  assert 'the same command resumes the study' in said.splitlines()[-1]
  assert 'Traceback' not in complaint
  assert [path for path in (tmp_path / 'under_way').glob('*/*') if path.name.isdigit()]


@pytest.mark.parametrize(
  'experiment', ('dcgan.py:test', *(f'gan.py:{p}-test' for p in ('grid', 'swiss_roll', 'mixture_1200')))
)
def test_program_does_not_contain_seed_dependent_constants(experiment):
  (setting,) = sweep.settings([f'experiments/{experiment}'], {})
  one, other = (setup.assemble_run(parse(sweep.with_seed(setting, seed))).source for seed in (1, 2))
  rows = np.arange(16)
  as_own, as_given = other.batch(other.arrays, 5, rows), one.batch(other.arrays, 5, rows)
  jax.tree.map(np.testing.assert_array_equal, as_own, as_given)
  assert (one.batch(one.arrays, 5, rows)['real'] != as_own['real']).any()


STUDY = (
  f'--config={RING}',
  '--config=experiments/wgan_gp.py:ring-test',
  '--seeds=3',
  '--sweep=steps=1000',
  '--sweep=checkpoint_every=100',
  '--sweep=sample_every=500',
  '--sweep=log_every=100',
)


@pytest.fixture(scope='module')
def study(tmp_path_factory):
  folder = tmp_path_factory.mktemp('study')
  done = commands.command(*STUDY, f'--out={folder}', verb='study', devices=2)
  assert done.returncode == 0, done.stderr
  return folder, done.stdout


@pytest.mark.xdist_group('study')
def test_study_prints_its_plan_and_results(study):
  folder, said = study
  assert 'program 1 of 2: gan_ring-test, 3 runs of 1,000 steps, about' in said
  significance = 'comparisons show a difference at 5 % after correction'
  assert f'{significance}; none can with 3 seeds, use at least --seeds=6' in said
  found = json.loads((folder / 'study.json').read_text())
  assert [s['label'] for s in found['settings']] == ['gan_ring-test', 'wgan_gp_ring-test']
  for setting in found['settings']:
    values = [run['scores']['modes/reverse_kl'] for run in setting['runs']]
    assert setting['summary']['modes/reverse_kl']['mean'] == pytest.approx(np.mean(values))
  (pair,) = (c for c in found['comparisons'] if c['score'] == 'modes/reverse_kl')
  means = [s['summary']['modes/reverse_kl']['mean'] for s in found['settings']]
  assert pair['difference'] == pytest.approx(means[0] - means[1])
  for name in ('curves/generator_loss.png', 'sheets/gan_ring-test.png'):
    assert (folder / name).read_bytes().startswith(b'\x89PNG')
  page = (folder / 'study.html').read_text()
  assert 'wgan_gp_ring-test' in page and 'src="http' not in page
  for told in (page, (folder / 'study.md').read_text()):
    assert f'{RING}' in told and 'steps=1000, checkpoint_every=100' in told
    assert f'jax {jax.__version__}' in told and 'on 2 devices (cpu: cpu)' in told
  assert not list((folder / 'under_way').iterdir())


@pytest.mark.xdist_group('study')
def test_study_run_is_bit_identical_to_the_train_command(study, tmp_path):
  folder, _ = study
  settings = [f'--config.{flag.removeprefix("--sweep=")}' for flag in STUDY if 'sweep' in flag]
  done = commands.command(f'--config={RING}', *settings, '--config.seed=2', f'--workdir={tmp_path}')
  assert done.returncode == 0, done.stderr
  one, other = (arrays(path, 1000) for path in (folder / 'gan_ring-test' / 'seed_2', tmp_path))
  assert one.keys() == other.keys()
  for name, array in one.items():
    np.testing.assert_array_equal(array, other[name], err_msg=name)


@pytest.mark.xdist_group('study')
def test_study_folder_is_rejected_by_the_train_command(study):
  done = commands.command(f'--config={RING}', f'--workdir={study[0]}')
  assert done.returncode == 2 and 'the folder contains a study' in done.stderr
  assert not (study[0] / 'config.json').exists()
  with pytest.raises(ConfigError, match=r'its study\.html'):
    workdir.read_config(study[0])


@pytest.mark.xdist_group('study')
def test_finished_study_started_again_changes_nothing(study):
  folder, _ = study
  # As one that was made before it was noted with what, and with an alert.
  result = folder / 'gan_ring-test' / 'seed_0' / 'result.json'
  told = {key: value for key, value in json.loads(result.read_text()).items() if key != 'made_with'}
  result.write_text(json.dumps({**told, 'alerts': [{'name': 'collapse', 'text': 'all alike'}]}))
  done = commands.command(*STUDY, f'--out={folder}', verb='study', devices=2)
  assert done.returncode == 0, done.stderr
  assert '3 runs of gan_ring-test are done' in done.stdout and 'program' not in done.stdout
  assert 'unknown versions (an earlier gan_jax); jax' in (folder / 'study.md').read_text()
  assert 'gan_ring-test seed 0: all alike' in (folder / 'study.html').read_text()


@pytest.mark.xdist_group('study')
def test_killed_study_resumes_to_the_same_result(study, tmp_path):
  folder, _ = study
  process = commands.start(*STUDY, f'--out={tmp_path}', verb='study', devices=2)
  for line in process.stdout:
    if 'step 300/1000' in line:
      break
  process.send_signal(signal.SIGKILL)
  process.communicate()
  assert list((tmp_path / 'under_way').iterdir())
  done = commands.command(*STUDY, f'--out={tmp_path}', verb='study', devices=2)
  assert done.returncode == 0, done.stderr
  assert 'step 100/1000' not in done.stdout.split('program 2/2')[0]
  for path in folder.glob('*/seed_*'):
    other = tmp_path / path.relative_to(folder)
    for with_checkpoints in (path, other):
      assert (with_checkpoints / 'checkpoints' / '1000').is_dir()
    with kept_in(path) as one, kept_in(other) as two:
      a, b = one.read(1000), two.read(1000)
    assert all(np.array_equal(a[name], b[name]) for name in a)
    lines = [(p / 'metrics.jsonl').read_text().splitlines() for p in (path, other)]
    steps = [[json.loads(line)['step'] for line in of] for of in lines]
    assert steps[0] == steps[1]


def test_dry_run_writes_nothing(tmp_path):
  (tmp_path / 'there').mkdir()
  folders = [tmp_path / 'absent', tmp_path / 'there']
  arguments = {place: [f'--config={RING}', '--dry_run', f'--out={place}'] for place in folders}
  for done in commands.forks(arguments, 'study').values():
    assert done.returncode == 0 and 'program 1 of 1' in done.stdout, done.stderr
  assert [path.name for path in tmp_path.rglob('*')] == ['there']


def test_invalid_requests_are_rejected(tmp_path):
  elsewhere = tmp_path / 'mine'
  elsewhere.mkdir()
  for name in ('paper.tex', '.gitignore'):
    (elsewhere / name).touch()
  cases = {
    '--config=experiments/nope.py': 'experiments/nope.py: neither a file nor',
    f'--config={RING} --seeds=0': '--seeds=0: out of range',
    f'--config={RING} --config.steps=8': 'in a study, use --sweep KEY=VALUE',
    '': '--config must be given',
    f'--config={RING} --out={elsewhere}': f'--out: {elsewhere} holds paper.tex, and no study',
    f'--config={RING} --dry_run --out={elsewhere}/paper.tex/a': '--out: cannot read and write in',
  }
  arguments = {flags: [f'--out={tmp_path / "study"}', *flags.split()] for flags in cases}
  for flags, done in commands.forks(arguments, 'study').items():
    assert done.returncode == 2 and cases[flags] in done.stderr
    assert 'Traceback' not in done.stderr


@pytest.mark.slow
def test_settings_on_different_data_are_not_compared(tmp_path):
  flags = [
    '--config=experiments/gan.py:ring-test',
    '--config=experiments/gan.py:grid-test',
    '--seeds=1',
  ]
  (done,) = commands.forks({'both': [*flags, f'--out={tmp_path}']}, 'study').values()
  assert done.returncode == 0, done.stderr
  for told in (done.stdout, *((tmp_path / name).read_text() for name in ('study.md', 'study.html'))):
    assert 'No two settings share a protocol and data' in told
  assert json.loads((tmp_path / 'study.json').read_text())['comparisons'] == []
  assert (
    '| gan_grid-test | experiments/gan.py:grid-test | grid | - |' in (tmp_path / 'study.md').read_text()
  )
