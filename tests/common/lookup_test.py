"""Names in a config lead to the code that may be named, and to no other."""

import subprocess
import sys
import types

import pytest

from gan_jax import data, gans, losses, networks
from gan_jax.common import lookup
from gan_jax.common.errors import ConfigError, at
from gan_jax.metrics import features
from helpers.experiments import ROOT


def run(script: str) -> str:
  """The last line that a script prints in a process where nothing is imported."""
  done = subprocess.run(
    [sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True, check=True
  )
  return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(('package', 'defining'), [(gans, 'make'), (data, 'load'), (features, 'load')])
def test_modules_all_define_what_a_config_calls(package, defining):
  for module in lookup.modules(package, defining).values():
    assert callable(getattr(module, defining))


@pytest.mark.parametrize(
  ('package', 'name'),
  [
    (gans, 'parts'),
    (data, 'pipeline'),
    (data, 'source'),
    (features, 'classifier'),
    (features, 'inception_v3'),
    (networks, 'wrappers'),
    (networks, 'layers'),
    (gans, '__init__'),
    (gans, '..losses'),
  ],
)
def test_modules_leave_out_helpers(package, name):
  modules = lookup.modules(package)
  assert name not in modules
  assert name not in list(modules)
  with pytest.raises(KeyError):
    modules[name]


def test_modules_import_only_the_named_one():
  script = """
import sys
from gan_jax import gans
from gan_jax.common import lookup
modules = lookup.modules(gans, 'make')
before = [name for name in modules if f'gan_jax.gans.{name}' in sys.modules]
assert 'wgan' in modules and 'wgam' not in modules
modules['wgan_gp']
print(before, [name for name in modules if f'gan_jax.gans.{name}' in sys.modules])
"""
  assert run(script) == "[] ['two_player', 'wgan_gp']"


def test_modules_with_a_new_file_need_no_registry(tmp_path):
  (tmp_path / 'mine.py').write_text('def make():\n  return 3\n')
  (tmp_path / 'unfinished.py').write_text('')
  package = types.ModuleType('gan_jax.gans')
  package.__path__ = [str(tmp_path)]
  package.HELPERS = ()
  modules = lookup.modules(package, 'make')
  assert list(modules) == ['mine', 'unfinished']


def test_modules_without_what_they_must_define_are_a_fault_of_the_program():
  with pytest.raises(TypeError, match='gan_jax.networks.mlp lacks load; define it, or list mlp'):
    lookup.modules(networks, 'load')['mlp']


def test_members_are_the_public_classes():
  members = lookup.members(networks)
  assert len(members) == len(list(members)) == 14
  assert members['dcgan.Generator'].__module__ == 'gan_jax.networks.dcgan'
  for name in (
    'dcgan',
    'dcgan.',
    'dcgan.jax',
    'dcgan.Generator.size',
    'wrappers.MixedPrecision',
    'os.system',
  ):
    assert name not in members
    with pytest.raises(KeyError):
      members[name]


def test_factories_are_those_that_the_module_lists():
  assert list(lookup.factories(losses)) == sorted(lookup.factories(losses))
  assert 'AdversarialLoss' not in lookup.factories(losses)
  assert lookup.factories(losses)['hinge'] is losses.hinge


def test_make_with_a_nested_spec_makes_both():
  loss = lookup.make(losses, {'name': 'relativistic_paired', 'base': {'name': 'hinge'}})
  assert isinstance(loss, losses.AdversarialLoss)
  with pytest.raises(ConfigError, match="^base: unknown name 'hinj' .*; did you mean 'hinge'"):
    lookup.make(losses, {'name': 'relativistic_paired', 'base': {'name': 'hinj'}})
  with pytest.raises(ConfigError, match="^base: 'hinge' is not a name with arguments"):
    lookup.make(losses, {'name': 'relativistic_paired', 'base': 'hinge'})


@pytest.mark.parametrize(
  'name', ['AdversarialLoss', 'Pairwise', 'lookup', '_loss', '__loader__', 5, ['hinge']]
)
def test_make_with_anything_but_a_factory_is_refused(name):
  with pytest.raises(ConfigError):
    lookup.make(losses, {'name': name})


def test_choose_lists_all_names_and_the_closest():
  with pytest.raises(ConfigError) as refused:
    lookup.choose('abd', ['xyz', 'abc'])
  assert str(refused.value) == "unknown name 'abd' (known: abc, xyz); did you mean 'abc'?"
  with pytest.raises(ConfigError, match=r'\(known: abc, xyz\); choose one of these'):
    lookup.choose(None, ['xyz', 'abc'])


def test_call_turns_a_refused_hyperparameter_into_an_error_of_its_key():
  with pytest.raises(ConfigError, match='^gan.margin=-1: out of range'), at('gan'):
    lookup.call(losses.energy_margin, {'margin': -1})


@pytest.mark.parametrize('error', [TypeError, AssertionError, KeyError, IndexError, ZeroDivisionError])
def test_call_with_a_fault_in_the_code_of_a_variant_keeps_the_error(error):
  def variant(width: int):
    raise error('a fault of the program')

  with pytest.raises(error, match='a fault of the program'), at('gan'):
    lookup.call(variant, {'width': 1})


@pytest.mark.parametrize('error', [TypeError, ValueError, AssertionError, LookupError])
def test_at_passes_other_errors_unchanged(error):
  with pytest.raises(error, match='a fault of the program'), at('gan'):
    raise error('a fault of the program')
