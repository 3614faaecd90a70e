"""The first weights of a run from checkpoints of other runs, see `start_from` in `schema.default`."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from gan_jax.common import console, lookup, user_paths
from gan_jax.common.errors import ConfigError, at
from gan_jax.common.types import PyTree
from gan_jax.game import Variables
from gan_jax.storage import checkpoints, workdir
from gan_jax.storage.checkpoints import Arrays


def read(start_from: Mapping[str, str | Mapping[str, str]], like: Variables) -> dict[str, Arrays]:
  """Reads the weights of networks from the newest intact checkpoints of other runs.

  Args:
    start_from: the key of the config, whose form `schema.check` has checked.
    like: the variables of the run, or their shapes.

  Returns:
    {network: {'params.Dense_0.kernel': array, 'state.batch_stats...': array}}.

  Raises:
    ConfigError: the other run, its checkpoint, its average, or the network does not exist, or an array
      has another shape.
  """
  arrays = {}
  for network, donor in start_from.items():
    spec = {'run': donor} if isinstance(donor, str) else donor
    with at('start_from'):
      lookup.choose(network, like.params)
    with at(f'start_from.{network}'):
      checkpoint = _checkpoint(spec['run'])
      arrays[network] = _network(checkpoint, network, spec)
      _check_shapes(arrays[network], _flat(like, network), spec['run'])
  return arrays


def replaced(variables: Variables, arrays: Mapping[str, Arrays]) -> Variables:
  """Returns variables in which the networks that `read` returned have its weights and state."""
  params, state = dict(variables.params), dict(variables.state)
  for network, flat in arrays.items():
    flat = {name: jnp.asarray(array) for name, array in flat.items()}
    tree = traverse_util.unflatten_dict(flat, sep='.')
    params[network], state[network] = tree['params'], tree.get('state', state[network])
  return dataclasses.replace(variables, params=params, state=state)


def _checkpoint(run: str) -> Arrays:
  """Returns the arrays of the newest checkpoint of a run that is intact."""
  folder = user_paths.expanded(run, 'run')
  if not (folder / workdir.CONFIG).is_file():
    raise ConfigError(
      f'run={run}: the folder contains no run; train it first, or choose another folder'
    )
  config = workdir.read_config(folder)
  stored = folder / workdir.CHECKPOINTS
  newest = None
  if stored.is_dir():
    with checkpoints.opened(stored, config) as store:
      newest = store.newest(console.warn)
  if newest is None:
    raise ConfigError(f'run={run}: the run has no checkpoint; train it first')
  return newest[1]


def _network(checkpoint: Arrays, network: str, spec: Mapping[str, str]) -> Arrays:
  """Returns the parameters and the state of one network, by names that begin with params or state."""
  networks = {name.split('.')[2] for name in checkpoint if name.startswith('variables.params.')}
  if network not in networks:
    raise ConfigError(
      f'run={spec["run"]}: the run has no network {network!r} (networks: '
      f'{", ".join(sorted(networks))}); rename the network, or choose another run'
    )
  arrays = {}
  for kind in ('params', 'state'):
    arrays |= _under(checkpoint, f'variables.{kind}.{network}.', f'{kind}.')
  if spec.get('weights', 'raw') == 'raw':
    return arrays
  averages = _under(checkpoint, f'ema.{network}.', '')
  if not averages:
    raise ConfigError(
      f'weights=averaged: the run {spec["run"]} has no average of {network!r}; write raw, or choose '
      'another run'
    )
  return arrays | {
    name if name.startswith('params.') else f'state.{name}': array for name, array in averages.items()
  }


def _under(checkpoint: Arrays, prefix: str, new: str) -> Arrays:
  """Returns the arrays whose names begin with a prefix, which becomes `new`."""
  return {
    new + name.removeprefix(prefix): array
    for name, array in checkpoint.items()
    if name.startswith(prefix)
  }


def _flat(variables: Variables, network: str) -> dict[str, Any]:
  tree: PyTree = {'params': variables.params[network], 'state': variables.state[network]}
  return traverse_util.flatten_dict(tree, sep='.')


def _check_shapes(arrays: Arrays, wanted: Mapping[str, Any], run: str) -> None:
  """Raises ConfigError, with the first array that differs, unless all have the wanted shapes."""
  for name in sorted(arrays.keys() | wanted.keys()):
    there, here = (_shape(side.get(name)) for side in (arrays, wanted))
    if there != here:
      raise ConfigError(
        f'run={run}: {name} is {there} in that run, and {here} in this one; give the network the same '
        'settings'
      )


def _shape(array: np.ndarray | jax.Array | jax.ShapeDtypeStruct | None) -> str:
  return 'absent' if array is None else f'{array.dtype} {list(array.shape)}'
