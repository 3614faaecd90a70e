"""Everything that a person can get wrong before training: one line, exit code 2, no traceback."""

import json

import pytest

from gan_jax import cli
from gan_jax.common import console
from helpers.commands import command, forks

DCGAN = '--config=experiments/dcgan.py:test'

CASES = {
  'key of a player': (
    ['--config.lerning_rate=1'],
    "did you mean 'players.discriminator.learning_rate'?",
  ),
  'unknown key': (['--config.stepz=5'], "--config.stepz: unknown key 'stepz' (keys: batch_size,"),
  'unknown nested key': (
    ['--config.networks.generator.witdh=5'],
    "unknown key 'witdh' (keys: channels, name, size, width); did you mean 'width'?",
  ),
  'a key that the file lacks': (
    ['--config.players.generator.b2=0.9'],
    "unknown key 'b2' (keys: b1, learning_rate, optimizer, updates_per_step); add it in the exp",
  ),
  'a penalty that the file lacks': (
    ['--config.gan.penalties.r1.weight=1'],
    "--config.gan.penalties.r1.weight: unknown key 'penalties' (keys: ",
  ),
  'an unknown player': (
    ['--config.players.critic.learning_rate=1'],
    "players.critic.learning_rate: unknown key 'critic' (keys: discriminator, generator); add it",
  ),
  'renamed key': (
    ['--config.players.generator.before.clip.limit=1'],
    'renamed in version 0.2 (now --config.players.generator.gradient_transforms.clip.limit); write',
  ),
  'mapping by a flag': (
    ['--config.gan.prior=normal'],
    "--config.gan.prior: a mapping, which no flag can set; set it in the experiment's file",
  ),
  'no path of keys': (['--config.a-b=1'], '--config.a-b: not a path of keys'),
  'wrong type': (['--config.steps=many'], '--config.steps=many: of the wrong kind (a whole number)'),
  'wrong type after a space': (
    ['--config.steps', 'many'],
    '--config.steps=many: of the wrong kind (a whole number)',
  ),
  'wrong type of a flag': (
    ['--num_processes=two'],
    '--num_processes=two: of the wrong kind (a whole number)',
  ),
  'zero': (['--config.steps=0'], 'steps=0: out of range (a whole number from 1 to'),
  'negative seed': (['--config.seed=-1'], 'seed=-1: out of range (a whole number from 0 to'),
  'batch and devices': (
    ['--config.batch_size=15'],
    'batch_size=15: not divisible by the 2 devices; set it to 14',
  ),
  'batch and data': (['--config.batch_size=6000'], 'it has 5000 images, fewer than batch_size=6000'),
  'steps and calls': (
    ['--config.log_every=3'],
    'log_every=3: not a multiple of steps_per_call=2; set it to 4',
  ),
  'pieces of a call': (
    ['--config.scan_unroll=3'],
    'scan_unroll=3: not a divisor of steps_per_call=2; set it to 1',
  ),
  'size of the network': (
    ['--config.data.size=30'],
    'error: networks.discriminator: size=30: not a size of DCGAN (one of: 28, 32, 64, 128)',
  ),
  'channels': (['--config.data.channels=2'], 'data.channels=2: not supported (1 or 3)'),
  'unknown gan': (
    ['--config.gan.name=dcgam'],
    "gan: unknown name 'dcgam' (known: acgan, began, conditional, consensus,",
  ),
  'unknown network': (
    ['--config.networks.discriminator.name=dcgan.Critic'],
    "networks.discriminator: unknown name 'dcgan.Critic'",
  ),
  'unknown optimizer': (
    ['--config.players.generator.optimizer=adm'],
    "players.generator: optimizer: unknown name 'adm' (known: adabelief,",
  ),
  'argument of an optimizer': (
    ['--config.players.generator.optimizer=sgd'],
    "players.generator: optimizer: unexpected argument 'b1' (accepted: learning_rate, momentum,",
  ),
  'unknown data': (
    ['--config.data.name=mnist'],
    "data: unknown name 'mnist' (known: arrays, folder,",
  ),
  'order of play': (
    ['--config.update_rule=both'],
    "update_rule='both': unknown (one of: alternating,",
  ),
  'decay': (['--config.ema.generator=1.0'], 'ema.generator=1.0: out of range (at least 0, below 1)'),
  'a rate below zero': (
    ['--config.players.generator.learning_rate=-1.0'],
    'players.generator.learning_rate=-1.0: out of range (a number of at least 0, or a schedule)',
  ),
  'width of nothing': (
    ['--config.networks.generator.width=0'],
    '.width=0: out of range (a whole number of at least 1); change width',
  ),
  'width of a half': (
    ['--config.networks.generator.width=1.5'],
    'networks.generator.width=1.5: of the wrong kind (a whole number); change it',
  ),
  'rate in letters': (
    ['--config.players.generator.learning_rate=abc'],
    'learning_rate=abc: of the wrong kind (a number); change it',
  ),
  'negative latents': (
    ['--config.gan.prior.size=-1'],
    'gan.prior.size=-1: out of range (a whole number of at least 1); change size',
  ),
  'a label beyond one': (
    ['--config.gan.real_label=2.0'],
    'gan.loss.real_label=2.0: out of range (from 0.5 to 1)',
  ),
  'a seed that is another': (['--config.seed=4294967296'], 'seed=4294967296: out of range'),
  'no such process': (
    ['--coordinator=127.0.0.1:5', '--num_processes=2', '--process_id=7'],
    '--process_id=7: out of range (0 to 1); change --process_id',
  ),
  'no port': (
    ['--coordinator=nohost', '--num_processes=2', '--process_id=0'],
    '--coordinator=nohost: not an address (HOST:PORT,',
  ),
  'workdir': (['--workdir=/proc/none'], 'cannot write to /proc/none'),
  'no flag': (
    ['dcgan:ring'],
    "'dcgan:ring': unexpected argument (flags only); did you mean --config=dcgan:ring?",
  ),
  'a key as a flag': (['--steps=20'], '--steps: unknown flag; did you mean --config.steps?'),
  'unknown flag': (['--wrokdir=x'], '--wrokdir: unknown flag; did you mean --workdir?'),
  'half a cluster': (['--num_processes=2'], 'go together; give all three'),
}


def assert_refused(done, message):
  assert done.returncode == 2, (done.stdout, done.stderr)
  assert 'Traceback' not in done.stderr
  errors = done.stderr.strip().splitlines()
  assert len(errors) == 1, done.stderr
  assert errors[0].startswith('error: ')
  assert message in errors[0], errors[0]


@pytest.fixture(scope='module')
def refusals(tmp_path_factory):
  """{case: (its folder, how its command ended)}."""
  folders = {case: tmp_path_factory.mktemp('case') for case in CASES}
  commands = {c: [DCGAN, f'--workdir={folders[c]}', *flags] for c, (flags, _) in CASES.items()}
  return {case: (folders[case], done) for case, done in forks(commands, devices=2).items()}


# In one worker, so that they are run once.
@pytest.mark.xdist_group('refusals')
@pytest.mark.parametrize('case', CASES)
def test_invalid_flags_are_rejected(case, refusals):
  folder, done = refusals[case]
  assert_refused(done, CASES[case][1])
  assert not (folder / 'config.json').exists()


def test_missing_config_is_rejected(tmp_path):
  assert_refused(command(f'--workdir={tmp_path}'), '--config')
  assert_refused(command('--config=experiments/dgcan.py'), 'experiments/dgcan.py')
  assert_refused(command('--config=experiments/dcgan.py:tset'), "; did you mean 'test'?")


def test_structured_config_values_are_rejected_as_flags(tmp_path):
  ring = '--config=experiments/gan.py:ring-test'
  done = command(ring, "--config.compiler_options={'cpu': {}}", f'--workdir={tmp_path}')
  assert_refused(done, '--config.compiler_options: a mapping, which no flag can set')


def test_fewer_steps_than_done_are_rejected(finished_run):
  done = command(DCGAN, f'--workdir={finished_run}', '--config.steps=4')
  assert_refused(done, 'steps=4: fewer than the 8 steps that are done; set it to 8 or more')


def test_another_config_in_a_run_folder_is_rejected(finished_run):
  done = command(DCGAN, f'--workdir={finished_run}', '--config.players.generator.learning_rate=0.1')
  assert_refused(done, 'players.generator.learning_rate: 0.0002 -> 0.1')


def test_malformed_config_json_is_rejected(tmp_path):
  (tmp_path / 'config.json').write_text('{"steps": ')
  assert_refused(command(DCGAN, f'--workdir={tmp_path}'), 'config.json is not JSON')
  (tmp_path / 'config.json').write_text(json.dumps([1]))
  assert_refused(command(DCGAN, f'--workdir={tmp_path}'), 'config.json is not a config')


@pytest.mark.parametrize(
  'error',
  [
    MemoryError('no room'),
    RuntimeError('RESOURCE_EXHAUSTED: Out of memory allocating 4 bytes. More'),
    RuntimeError('INTERNAL: Error dispatching computation: Out of memory allocating 4 bytes.'),
  ],
)
def test_run_out_of_memory_ends_with_one_line(capsys, error):
  def main(argv):
    raise error

  with pytest.raises(SystemExit) as ended:
    cli.run(main)
  assert ended.value.code == console.BAD_REQUEST
  [line] = capsys.readouterr().err.splitlines()
  assert line.startswith('error: out of memory: ')
  assert 'lower batch_size' in line


def test_run_with_a_bug_keeps_the_traceback():
  def main(argv):
    raise RuntimeError('a fault of the program')

  with pytest.raises(RuntimeError, match='a fault of the program'):
    cli.run(main)
