"""Optimizers and transformations by the names that a config gives them."""

import math

import optax
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.training import optimizers, transforms


@pytest.mark.parametrize('name', [*optimizers.OPTIMIZERS, *optimizers.TRANSFORMS])
def test_names_are_functions_of_optax(name):
  assert callable(getattr(optax, name))
  assert not hasattr(transforms, name)


@pytest.mark.parametrize(
  'name', ['chain', 'apply_updates', 'scale_by_adam', '__loader__', 'sgd.x', None]
)
def test_optimizer_by_any_other_name_is_refused(name):
  with pytest.raises(ConfigError, match='^optimizer: unknown name'):
    optimizers.make_optimizer({'optimizer': name, 'learning_rate': 0.1})


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'b1': 'x'}, '^optimizer: optax refuses the arguments'),
    ({'b3': 1.0}, "^optimizer: unexpected argument 'b3'"),
    ({'learning_rate': math.nan}, '^learning_rate=nan: out of range'),
    ({'learning_rate': '0.1'}, "^learning_rate='0.1': out of range"),
    ({'updates_per_step': 0}, '^updates_per_step=0: out of range'),
    ({'updates_per_step': True}, '^updates_per_step=True: out of range'),
    ({'gradient_transforms': 5}, '^gradient_transforms: 5 is not a mapping'),
    ({'update_transforms': {'scale': {'step_size': 'x'}}}, '^update_transforms: scale: optax refuses'),
    ({'before': {}}, '^before: renamed in version 0.2'),
  ],
)
def test_bad_settings_are_refused(change, message):
  spec = {'optimizer': 'adam', 'learning_rate': 1e-3, **change}
  with pytest.raises(ConfigError, match=message):
    optimizers.make_optimizer(spec)


def test_fault_in_a_transformation_of_ours_keeps_the_error(monkeypatch):
  def broken():
    raise TypeError('a fault of the program')

  broken.__name__ = 'max_norm'
  monkeypatch.setattr(transforms, 'FACTORIES', (broken,))
  spec = {'optimizer': 'adam', 'learning_rate': 1e-3, 'weight_constraints': {'max_norm': {}}}
  with pytest.raises(TypeError, match='a fault of the program'):
    optimizers.make_optimizer(spec)
