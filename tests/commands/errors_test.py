"""Everything that a person can get wrong before training: one line, exit code 2, no traceback."""

import json

import pytest

from gan_jax import cli
from gan_jax.common import console
from helpers.commands import command, forks

DCGAN = '--config=experiments/dcgan.py:test'

CASES = {
  'unknown key': (['--config.stepz=5'], 'Did you mean "steps"'),
  'unknown nested key': (
    ['--config.networks.generator.witdh=5'],
    '--config.networks.generator.witdh: the config has no key \'witdh\' there; Did you mean "width"',
  ),
  'a key that the file lacks': (
    ['--config.players.generator.b2=0.9'],
    "the config has no key 'b2' there; add it in the experiment's file",
  ),
  'a penalty that the file lacks': (
    ['--config.gan.penalties.r1.weight=1'],
    "--config.gan.penalties.r1.weight: the config has no key 'penalties' there; add it",
  ),
  'an unknown player': (
    ['--config.players.critic.learning_rate=1'],
    "--config.players.critic.learning_rate: the config has no key 'critic' there",
  ),
  'wrong type': (['--config.steps=many'], 'steps'),
  'wrong type of a rate': (['--config.players.generator.learning_rate=fast'], 'learning_rate'),
  'zero': (['--config.steps=0'], 'steps is 0; it must be a whole number from 1'),
  'negative seed': (['--config.seed=-1'], 'seed is -1; it must be a whole number from 0'),
  'batch and devices': (
    ['--config.batch_size=15'],
    'batch_size is 15, which 2 devices cannot share evenly; try 14',
  ),
  'batch and data': (['--config.batch_size=6000'], 'but the data has 5000 images; lower it'),
  'steps and calls': (
    ['--config.log_every=3'],
    'log_every is 3, no multiple of steps_per_call, 2; try 4',
  ),
  'pieces of a call': (
    ['--config.scan_unroll=3'],
    'scan_unroll is 3, no divisor of steps_per_call, 2; try 1',
  ),
  'size of the network': (
    ['--config.data.size=30'],
    'error: networks.discriminator: a DCGAN makes images of size 28, 32, 64, 128, not 30',
  ),
  'channels': (['--config.data.channels=2'], 'data.channels is 2; it must be 1 or 3'),
  'unknown gan': (
    ['--config.gan.name=dcgam'],
    "gan: there is no 'dcgam'; did you mean 'dcgan'? there are: began, consensus, cramer, dcgan,",
  ),
  'unknown network': (
    ['--config.networks.discriminator.name=dcgan.Critic'],
    "networks.discriminator: there is no 'dcgan.Critic'",
  ),
  'unknown optimizer': (
    ['--config.players.generator.optimizer=adm'],
    "players.generator: optimizer: there is no 'adm'; did you mean 'adam'?",
  ),
  'argument of an optimizer': (
    ['--config.players.generator.optimizer=sgd'],
    "players.generator: optimizer: it has no argument 'b1' (take it out of the experiment)",
  ),
  'unknown data': (['--config.data.name=mnist'], "data: there is no 'mnist'; did you mean 'mnist5k'?"),
  'order of play': (
    ['--config.update_rule=both'],
    "update_rule is 'both'; it must be one of: alternating,",
  ),
  'decay': (['--config.ema.generator=1.0'], 'ema: generator: the decay is 1.0; it must be in [0, 1)'),
  'a rate below zero': (
    ['--config.players.generator.learning_rate=-1.0'],
    'players.generator: optimizer: the learning_rate is -1.0; it must be a number of at least 0',
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
    'gan: loss: real_label is 2.0; it must be from 0.5 to 1',
  ),
  'a seed that is another': (['--config.seed=4294967296'], 'seed is 4294967296; it must be'),
  'no such process': (
    ['--coordinator=127.0.0.1:5', '--num_processes=2', '--process_id=7'],
    '--process_id is 7; it must be from 0 to 1',
  ),
  'no port': (
    ['--coordinator=nohost', '--num_processes=2', '--process_id=0'],
    "--coordinator is 'nohost'; it must be host:port",
  ),
  'workdir': (['--workdir=/proc/none'], 'cannot write to /proc/none'),
  'no flag': (['extra'], "'extra' is no flag"),
  'unknown flag': (['--wrokdir=x'], "Unknown command line flag 'wrokdir'"),
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
  assert_refused(
    command('--config=experiments/dcgan.py:tset'), "there is no 'tset'; did you mean 'test'?"
  )


def test_structured_config_values_are_rejected_as_flags(tmp_path):
  ring = '--config=experiments/gan.py:ring-test'
  done = command(ring, "--config.compiler_options={'cpu': {}}", f'--workdir={tmp_path}')
  assert_refused(done, "compiler_options: no flag can set all of it; do so in the experiment's file")


def test_fewer_steps_than_done_are_rejected(finished_run):
  done = command(DCGAN, f'--workdir={finished_run}', '--config.steps=4')
  assert_refused(done, 'steps is 4, but 8 are done; set it to 8 or more')


def test_another_config_in_a_run_folder_is_rejected(finished_run):
  done = command(DCGAN, f'--workdir={finished_run}', '--config.players.generator.learning_rate=0.1')
  assert_refused(done, 'players.generator.learning_rate: 0.0002 -> 0.1')


def test_malformed_config_json_is_rejected(tmp_path):
  (tmp_path / 'config.json').write_text('{"steps": ')
  assert_refused(command(DCGAN, f'--workdir={tmp_path}'), 'config.json is not JSON')
  (tmp_path / 'config.json').write_text(json.dumps([1]))
  assert_refused(command(DCGAN, f'--workdir={tmp_path}'), 'config.json is no config')


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
