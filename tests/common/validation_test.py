"""Values of the wrong kind give an error with the key and what is allowed."""

import dataclasses
import inspect
import math
from collections.abc import Sequence

import jax
import numpy as np
import pytest

from gan_jax import augment, latents, losses, networks
from gan_jax.common import lookup, validation
from gan_jax.common.errors import ConfigError, at
from gan_jax.config import build
from gan_jax.losses import regularizers

NETWORKS = lookup.members(networks)
BAD_SIZES = (0, -3, 1.5, 'x', True, math.nan, math.inf, None)

INTEGERS = [
  (name, field.name)
  for name, network in NETWORKS.items()
  for field in dataclasses.fields(network)
  if field.type in (int, Sequence[int])
]


def _fields(name: str) -> dict:
  """Good values for the fields of a network that have no default."""
  needed = {f.name for f in dataclasses.fields(NETWORKS[name]) if f.default is dataclasses.MISSING}
  return {name: 28 for name in ('size', 'features') if name in needed}


@pytest.mark.parametrize(('name', 'field'), INTEGERS)
def test_network_with_an_invalid_size_is_rejected(name, field):
  found = next(f for f in dataclasses.fields(NETWORKS[name]) if f.name == field)
  for bad in BAD_SIZES:
    if bad == 0 and bad is not False and found.default == 0:
      continue
    value = [4, bad] if found.type == Sequence[int] else bad
    with pytest.raises(ConfigError, match=rf'^{field}=.*: (of the wrong kind|out of range) \('):
      build.make_network({**_fields(name), 'name': name, field: value})


def test_network_with_valid_sizes_is_accepted():
  made = {name: build.make_network({**_fields(name), 'name': name}) for name in NETWORKS}
  assert all(isinstance(network, NETWORKS[name]) for name, network in made.items())


FACTORIES = [
  (owner, name, argument, parameter.annotation)
  for owner in (losses, regularizers, augment, latents)
  for name, factory in lookup.factories(owner).items()
  for argument, parameter in inspect.signature(factory).parameters.items()
  if parameter.annotation in (int, float, bool)
]
BAD = {
  int: ('x', 1.5, True, math.nan, [1]),
  float: ('x', True, math.nan, [1.0]),
  bool: ('x', 0, 1.0, None),
}
GOOD = {int: 2, float: 0.5, bool: True, str: 'kl'}


@pytest.mark.parametrize(('owner', 'name', 'argument', 'annotation'), FACTORIES)
def test_factory_with_an_argument_of_wrong_type_is_rejected(owner, name, argument, annotation):
  parameters = inspect.signature(lookup.factories(owner)[name]).parameters.values()
  needed = {p.name: GOOD.get(p.annotation) for p in parameters if p.default is p.empty}
  for bad in BAD[annotation]:
    with pytest.raises(ConfigError, match=f'^{argument}=.*: of the wrong kind'):
      lookup.make(owner, {**needed, 'name': name, argument: bad})


@pytest.mark.parametrize(
  'prior',
  [{'name': 'normal'}, {'name': 'uniform'}, {'name': 'mixture', 'components': 2, 'std': 1.0}],
)
@pytest.mark.parametrize('size', [0, -3])
def test_prior_without_latents_is_rejected(prior, size):
  with pytest.raises(ConfigError, match=f'^size={size}: out of range'):
    lookup.make(latents, {**prior, 'size': size})


@pytest.mark.parametrize('rate', [-0.1, 1.0, 1.5])
@pytest.mark.parametrize('field', ['input_dropout', 'hidden_dropout'])
def test_dropout_outside_its_range_is_rejected(field, rate):
  with pytest.raises(ConfigError, match=rf'^{field}={rate}: out of range \(from 0 to below 1\)'):
    build.make_network({'name': 'mlp.MaxoutDiscriminator', field: rate})


def test_check_with_values_that_differ_between_runs_passes():
  def traced(value):
    validation.check({'weight': value}, {'weight': float})
    return value

  assert jax.jit(traced)(1.0) == 1


@pytest.mark.parametrize('annotation', [int, bool, str, Sequence[int]])
def test_check_of_what_must_be_known_with_a_value_that_differs_between_runs_fails(annotation):
  def traced(value):
    validation.check({'degree': value}, {'degree': annotation})
    return value

  with pytest.raises(ConfigError, match='^degree=.*: of the wrong kind'):
    jax.jit(traced)(1.0)


def test_check_with_numpy_numbers_accepts_all_but_nan():
  annotations = {'a': int, 'b': float, 'c': float}
  assert validation.check({'a': np.int64(3), 'b': np.float32(1), 'c': 2}, annotations) is None
  with pytest.raises(ConfigError, match='^b=.*: of the wrong kind'):
    validation.check({'a': np.int64(3), 'b': np.float32('nan')}, annotations)


@pytest.mark.parametrize(
  ('text', 'said'),
  [
    ('width=0: out of range', 'networks.g.width=0: out of range'),
    ('loss.real=x: of the wrong kind', 'networks.g.loss.real=x: of the wrong kind'),
    ('there is no network', 'networks.g: there is no network'),
    ('XDG_CACHE_HOME=~x: there is no home', 'networks.g: XDG_CACHE_HOME=~x: there is no home'),
    ('networks.g.width=0: out', 'networks.g.width=0: out'),
  ],
)
def test_at_with_an_error_below_names_the_whole_key(text, said):
  with pytest.raises(ConfigError) as refused, at('networks.g'):
    raise ConfigError(text)
  assert str(refused.value) == said


def test_at_with_a_label_does_not_continue_it_as_a_path():
  with pytest.raises(ConfigError, match='^gan_rate=-1: rate=-1: out of range'), at('gan_rate=-1'):
    raise ConfigError('rate=-1: out of range')
