"""Names that a user adds reach every command, and nothing else can be named."""

import json
import re
import shutil
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

import gan_jax
from gan_jax import augment, latents, losses, testing
from gan_jax.api import extension
from gan_jax.commands import evaluate, report, sample, show_data, study, train
from gan_jax.common import extensions, lookup
from gan_jax.common.errors import ConfigError
from gan_jax.config import run_config, schema
from gan_jax.evaluation import evaluator, scores
from gan_jax.losses import generator_regularizers
from gan_jax.metrics.features import FeatureNetwork, Outputs
from gan_jax.run import setup
from gan_jax.storage import workdir
from gan_jax.training import optimizers
from helpers.commands import forks
from helpers.experiments import ROOT
from helpers.runs import kept_in, lines

EXAMPLES = ROOT / 'examples'
ARCS = str(EXAMPLES / 'arcs.py')


@pytest.fixture(autouse=True)
def nothing_added():
  with extensions.restored():
    yield


@pytest.fixture
def my_gan(monkeypatch):
  monkeypatch.syspath_prepend(EXAMPLES)
  gan_jax.extend('my_gan')


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """A run of examples/arcs.py, trained and then forgotten."""
  folder = tmp_path_factory.mktemp('extended') / 'run'
  with pytest.MonkeyPatch.context() as patch, extensions.restored():
    patch.syspath_prepend(EXAMPLES)
    assert train.main(['train', '--extend=my_gan', f'--config={ARCS}:test', f'--workdir={folder}']) == 0
  return folder


def test_train_by_the_flag_uses_the_parts_of_the_package(run):
  last = lines(run)[-1]
  assert np.isfinite(last['discriminator/small_logits'])
  assert workdir.read_config(run)['gan']['loss']['name'] == 'exponential'
  assert json.loads((run / workdir.EXTENSIONS).read_text()) == ['my_gan']
  assert not extensions.origins()


@pytest.mark.usefixtures('my_gan')
def test_sample_report_and_evaluate_of_an_extended_run_work(run, tmp_path, capsys):
  flags = ['', '--extend=my_gan', f'--workdir={run}']
  assert sample.main([*flags, f'--out={tmp_path / "s.npz"}', '--num=10']) == 0
  assert report.main(flags) == 0
  assert evaluate.main([*flags, '--num=50', '--scores=mean_gap,frechet_distance']) == 0
  text = (run / 'scores.jsonl').read_text()
  assert json.loads(text)['scores'].keys() == {'mean_gap_polar', 'frechet_polar'}
  assert 'mean_gap_polar' in capsys.readouterr().out


def test_study_and_show_data_by_the_flag_work(monkeypatch, tmp_path):
  monkeypatch.syspath_prepend(EXAMPLES)
  flags = ['', '--extend=my_gan', f'--config={ARCS}:test']
  assert study.main([*flags, '--seeds=2', f'--out={tmp_path / "study"}']) == 0
  text = (tmp_path / 'study' / 'study.md').read_text()
  assert 'mean gap polar ↓' in text
  assert show_data.main([*flags, f'--out={tmp_path / "data.png"}']) == 0


@pytest.mark.usefixtures('my_gan')
def test_resumed_run_is_bit_identical(run, tmp_path):
  folder = tmp_path / 'resumed'
  shutil.copytree(run, folder)
  shutil.rmtree(folder / workdir.CHECKPOINTS / '8')
  assert train.main(['', f'--config={ARCS}:test', f'--workdir={folder}']) == 0
  with kept_in(run) as whole, kept_in(folder) as resumed:
    old, new = whole.read(8), resumed.read(8)
  assert old.keys() == new.keys()
  for name, value in old.items():
    np.testing.assert_array_equal(value, new[name])
  assert lines(run) == lines(folder)


def test_run_of_an_extension_without_it_names_the_flag(run):
  commands = {
    'run': [f'--workdir={run}'],
    'missing': [f'--workdir={run}', '--extend=no_such_gan'],
    'path': [f'--workdir={run}', '--extend=../my_gan'],
  }
  done = forks(commands, verb='sample')
  assert {name: end.returncode for name, end in done.items()} == dict.fromkeys(commands, 2)
  assert 'names of other packages need --extend=PACKAGE' in done['run'].stderr
  assert '(this run was trained with the extensions my_gan)' in done['run'].stderr
  assert 'error: extend=no_such_gan: no such package; install it' in done['missing'].stderr
  assert 'error: extend=../my_gan: not the name of a package' in done['path'].stderr


def test_folder_of_a_stranger_imports_nothing(run, tmp_path, monkeypatch):
  mark = tmp_path / 'executed'
  for name in ('my_gan', 'arcs', 'fourier', 'polar', 'exponential', 'mean_gap'):
    (tmp_path / f'{name}.py').write_text(f'open({str(mark)!r}, "w")\n')
  monkeypatch.syspath_prepend(tmp_path)
  monkeypatch.chdir(tmp_path)
  for command in (sample, evaluate, report):
    with pytest.raises(ConfigError, match='need --extend=PACKAGE'):
      command.main(['', f'--workdir={run}'])
  with pytest.raises(ConfigError, match=r'with the extensions my_gan\)'):
    sample.main(['', f'--workdir={run}'])
  assert not mark.exists()


@pytest.mark.parametrize('note', ['{', '7', '[7]', '["\\u001b[31m"]', json.dumps(['a' * 1000])])
def test_note_of_extensions_that_is_not_names_is_not_printed(run, tmp_path, note):
  shutil.copy(run / workdir.CONFIG, tmp_path)
  (tmp_path / workdir.EXTENSIONS).write_text(note)
  with pytest.raises(ConfigError) as error, workdir.naming_extensions(tmp_path):
    lookup.make(losses, {'name': 'exponential'})
  assert 'this run was trained' not in str(error.value)


def shifted(shift: float = 0.0):
  """A loss."""
  return losses.AdversarialLoss(
    lambda real, fake: nn.softplus(shift - real) + nn.softplus(fake),
    lambda real, fake: nn.softplus(-fake),
  )


def make_mine(networks):
  """A game, for its name alone."""


class Tiny(nn.Module):
  """A discriminator."""

  width: int = 4

  @nn.compact
  def __call__(self, points, *, train, key=None):
    return nn.Dense(1)(nn.tanh(nn.Dense(self.width)(points)))[:, 0]


def test_code_of_the_page_for_a_notebook_trains_by_name():
  page = (ROOT / 'docs' / 'extending.md').read_text().split('## In a notebook')[1]
  names = {'__name__': '__main__'}
  exec(re.search(r'```python\n(.*?)```', page, re.S)[1], names)
  assert extensions.origins() == ['__main__']
  config = schema.plain(names['config'])
  _, metrics = testing.Subject(config).train(calls=1)
  assert np.isfinite(metrics['discriminator/small_logits']).all()
  config['gan']['wight'] = 0.2
  with pytest.raises(ConfigError, match="gan: unexpected argument 'wight' .accepted: prior, weight"):
    setup.assemble_run(run_config.parse(config))


def test_cell_that_runs_again_replaces_its_parts():
  gan_jax.extend(losses={'mine': shifted})
  again = lambda: losses.hinge()
  gan_jax.extend(losses={'mine': again})
  assert lookup.factories(losses)['mine'] is again


def module(name, **parts):
  made = types.ModuleType(name)
  vars(made).update(parts)
  return made


def test_module_lists_its_parts_in_capitals():
  gan_jax.extend(module('single', LOSSES=(shifted,), GAMES={'mine': make_mine}))
  assert lookup.factories(losses)['shifted'] is shifted
  assert extensions.origins() == ['single']
  gan_jax.extend(module('single', NETWORKS=(Tiny,)))
  assert 'shifted' not in lookup.factories(losses)


def test_every_kind_of_the_package_is_added(monkeypatch):
  monkeypatch.syspath_prepend(EXAMPLES)
  gan_jax.extend('my_gan')
  names = {owner: sorted(extensions.entries(owner)) for owner in extensions.OWNERS}
  assert {owner: added for owner, added in names.items() if added} == {
    'gan_jax.data': ['arcs'],
    'gan_jax.evaluation.scores': ['mean_gap'],
    'gan_jax.gans': ['d2gan'],
    'gan_jax.losses': ['exponential'],
    'gan_jax.losses.regularizers': ['small_logits'],
    'gan_jax.metrics.features': ['polar'],
    'gan_jax.networks': ['fourier.Discriminator'],
  }
  assert sorted(kind.owner.__name__ for kind in extension._KINDS.values()) == [*extensions.OWNERS]


@pytest.mark.parametrize(
  ('parts', 'text'),
  [
    (
      {'losses': {'hinge': shifted}},
      r'extension_test: losses: hinge is a name of gan_jax\.losses',
    ),
    ({'games': {'wgan': make_mine}}, r'games: wgan is a name of gan_jax\.gans'),
    ({'networks': {'mlp.Generator': Tiny}}, r'networks: mlp\.Generator is a name of gan_jax\.networks'),
    ({'transforms': {'clip': shifted}}, r'transforms: clip is a name of gan_jax\.training\.transforms'),
    ({'losses': {'theirs': shifted}}, r'losses: theirs is a name of their_package; rename one of them'),
    ({'losses': [3]}, r'losses: 3 has no name; write {NAME: PART}'),
    ({'losses': {'three': 3}}, r'losses: three is 3, not a function that returns an AdversarialLoss'),
    ({'networks': [shifted]}, r'networks: shifted is .*, not a Flax module'),
    ({'data': {'a:b': shifted}}, r"data: 'a:b' is not a name"),
    ({'scores': {'gap': shifted}}, r'scores: gap is .*, not a Score'),
    (
      {'scores': {'gap': scores.Score(shifted, {'frechet': True})}},
      r'scores: gap has the value frechet, and so has frechet_distance; rename it',
    ),
  ],
)
def test_part_with_a_taken_name_or_of_the_wrong_kind_is_refused(parts, text):
  gan_jax.extend(module('their_package', LOSSES={'theirs': shifted}))
  with pytest.raises(ConfigError, match=text):
    gan_jax.extend(**parts)
  assert extensions.origins() == ['their_package']


def test_package_that_adds_nothing_is_refused():
  with pytest.raises(ConfigError, match='extend=json: the package adds nothing'):
    gan_jax.extend('json')


@pytest.mark.parametrize(
  ('text', 'error'),
  [
    ('import no_such_dependency', ModuleNotFoundError),
    ('1 / 0', ZeroDivisionError),
    ('(', SyntaxError),
  ],
)
def test_fault_in_a_package_passes_with_its_traceback(tmp_path, monkeypatch, text, error):
  (tmp_path / f'faulty_{error.__name__}.py').write_text(text)
  monkeypatch.syspath_prepend(tmp_path)
  with pytest.raises(error):
    train.main(['', f'--extend=faulty_{error.__name__}', f'--config={ARCS}:test'])


def test_package_in_the_current_folder_is_found_after_installed_ones(tmp_path, monkeypatch):
  (tmp_path / 'local_gan.py').write_text(
    'import json\nfrom gan_jax.losses import hinge\nLOSSES = {"mine": hinge}'
  )
  (tmp_path / 'json.py').write_text('1 / 0')
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(sys, 'path', [path for path in sys.path if path])
  with pytest.raises(ConfigError, match='--num=0: out of range'):
    show_data.main(['', '--extend', 'local_gan', f'--config={ARCS}:test', '--num=0'])
  assert sys.path[-1] == str(tmp_path)
  assert lookup.factories(losses)['mine'] is losses.hinge


def test_feature_network_with_another_name_is_refused():
  load = lambda: FeatureNetwork('other', {}, 'none', lambda params, x: Outputs(x, jnp.zeros((2, 0))))
  gan_jax.extend(features={'mine': load})
  with pytest.raises(ConfigError, match="features=mine: the network calls itself 'other'"):
    evaluator.network('mine')


def test_best_checkpoint_can_follow_an_added_score():
  added = scores.Score(lambda pair: scores.Scored({'mine': 1.0}), {'mine': True}, uses_network=False)
  gan_jax.extend(scores={'mine': added})
  settings = schema.plain(schema.default())['evaluate'] | {'features': 'coordinates'}
  chosen = evaluator.configured(settings | {'scores': ['mine'], 'best': 'mine'})
  assert chosen.chosen == {'mine': added}
  assert scores.is_better('mine', 2.0, than=1.0)


def test_prior_augmentation_penalty_and_transformation_are_made_by_name():
  gan_jax.extend(
    priors={'mine': latents.normal},
    generator_penalties={'mine': generator_regularizers.path_length},
    augmentations={'mine': augment.flip},
    transforms={'mine': optax.scale},
  )
  keys = jax.random.split(jax.random.key(0), 3)
  assert lookup.make(latents, {'name': 'mine', 'size': 2})(keys).shape == (3, 2)
  assert isinstance(lookup.make(augment, {'name': 'mine'}), augment.Augmentation)
  assert lookup.make(generator_regularizers, {'name': 'mine'}).measures == ('mean_path_length',)
  spec = {'optimizer': 'sgd', 'learning_rate': 1.0, 'update_transforms': {'mine': {'step_size': 3.0}}}
  made, _ = optimizers.make_optimizer(spec)
  updates, _ = made.update({'x': jnp.ones(())}, made.init({'x': jnp.ones(())}), {'x': jnp.ones(())})
  assert float(updates['x']) == -3.0
