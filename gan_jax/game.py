"""The contract. A GAN is a game: players, each with networks of its own and a loss of its own.

A variant is a `Game`. It says what its players minimise and nothing of how: optimizers, learning
rates, updates per step, the order of play and averages of weights are configuration, and devices
are the business of `gan_jax.runtime.devices`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

import chex
import jax
from flax import linen as nn
from flax import struct

from gan_jax.common.errors import ConfigError
from gan_jax.common.types import PyTree


@struct.dataclass
class Variables:
  """All networks: {network: its parameters}, and {network: its other collections}.

  A network's state is what it keeps besides parameters, e.g. {'batch_stats': ...}; {} if nothing.
  """

  params: Mapping[str, PyTree]
  state: Mapping[str, PyTree]


def _alone(x: PyTree) -> PyTree:
  return x


@struct.dataclass
class Inputs:
  """What a loss may read and does not train.

  Attributes:
    batch: arrays with leading axis B, the examples of this device: 'real', float32 in [-1, 1] for
      images [B, height, width, channels], and 'label', int32 [B], where the data has labels.
    key: [B] typed keys, one an example, so that what is drawn for an example does not depend on how
      a batch is divided among devices. `gan_jax.latents` splits them and draws from them.
    step: int32 scalar, the number of steps done.
    memory: the variant's running quantities, see `Game`.
    gather: an array [b, ...] of this device's examples -> [B, ...], those of all devices in order,
      for what compares the examples of a whole batch; or as it is, where each device is to compare its
      own alone. Gradients go through it, as through `mean`.
    mean: the mean of a tree over all devices.
    unrolled_update: (player, variables, inputs, count) -> the variables after `count` more updates of
      that player on these inputs, by its own optimizer; gradients go through them.
  """

  batch: Mapping[str, jax.Array]
  key: chex.PRNGKey
  step: jax.Array
  memory: PyTree
  gather: Callable[[jax.Array], jax.Array] = struct.field(pytree_node=False, default=_alone)
  mean: Callable[[PyTree], PyTree] = struct.field(pytree_node=False, default=_alone)
  unrolled_update: Callable[..., Variables] | None = struct.field(pytree_node=False, default=None)


@struct.dataclass
class Aux:
  """What a loss leaves besides its value: variables with the new network state, and metrics."""

  variables: Variables
  metrics: Mapping[str, jax.Array]


Loss = Callable[[Variables, Inputs], tuple[jax.Array, Aux]]


class Player(NamedTuple):
  """A player changes the networks named in `trains`, and nothing else, to lessen its `loss`.

  The loss is the mean over the examples that it is given. It need not, and must not, shield another
  player's networks with `stop_gradient`.
  """

  name: str
  trains: tuple[str, ...]
  loss: Loss


def _no_memory(key: chex.PRNGKey, batch: Mapping[str, jax.Array]) -> PyTree:
  return {}


def _same_memory(memory: PyTree, variables: Variables, metrics: Mapping[str, jax.Array]) -> PyTree:
  return memory


class Game(NamedTuple):
  """A variant.

  Attributes:
    networks: the Flax modules, by name.
    players: in the order of play.
    init: (key, batch) -> Variables, from one key and an example of a batch.
    sample: (variables, key [N]) -> N samples; sample i depends on key i alone.
    init_memory: (key, batch) -> what the variant keeps from step to step besides its networks.
    update_memory: (memory, variables, metrics) -> memory, once at the end of a step; metrics are
      the step's, '<player>/<name>', averaged over all devices.
    score: (variables, examples [N, ...]) -> [N], what the discriminator makes of examples; None
      where one number does not say it.
    latents: (key [N]) -> [N, L], what `sample` draws; row i depends on key i alone.
    generate: (variables, latents [N, L]) -> N samples, what `sample` makes of them. Both are None where
      a game has no such thing, and then nothing can be shown between two samples.
  """

  networks: Mapping[str, nn.Module]
  players: tuple[Player, ...]
  init: Callable[[chex.PRNGKey, Mapping[str, jax.Array]], Variables]
  sample: Callable[[Variables, chex.PRNGKey], jax.Array]
  init_memory: Callable[[chex.PRNGKey, Mapping[str, jax.Array]], PyTree] = _no_memory
  update_memory: Callable[[PyTree, Variables, Mapping[str, jax.Array]], PyTree] = _same_memory
  score: Callable[[Variables, jax.Array], jax.Array] | None = None
  latents: Callable[[chex.PRNGKey], jax.Array] | None = None
  generate: Callable[[Variables, jax.Array], jax.Array] | None = None


def init_networks(
  networks: Mapping[str, nn.Module], key: chex.PRNGKey, inputs: Mapping[str, jax.Array]
) -> Variables:
  """Initial variables of `networks`, each called on its entry of `inputs`, with a key of its own.

  Raises:
    ConfigError: a network cannot be of the size that is asked of it.
  """
  params, state = {}, {}
  for name, own in zip(sorted(networks), jax.random.split(key, len(networks)), strict=True):
    try:
      collections = networks[name].init(own, inputs[name], train=False)
    except ConfigError as error:
      raise ConfigError(f'networks.{name}: {error}') from error
    params[name] = collections.pop('params')
    state[name] = collections
  return Variables(params, state)


def apply(
  networks: Mapping[str, nn.Module],
  variables: Variables,
  name: str,
  inputs: jax.Array,
  *,
  key: chex.PRNGKey | None = None,
  train: bool = True,
) -> tuple[jax.Array, Variables]:
  """Calls the network `name`: its output, and the variables with its new state.

  Args:
    networks: the modules; each is called as module(inputs, train=..., key=...).
    variables: of all networks.
    name: which network.
    inputs: what it is called on, leading axis B.
    key: [B] keys for what is random inside the network, e.g. dropout; None where nothing is.
    train: batch statistics and dropout (True), or running statistics and no noise (False).
  """
  state = variables.state[name]
  outputs, new = networks[name].apply(
    {'params': variables.params[name], **state}, inputs, key=key, train=train, mutable=list(state)
  )
  return outputs, dataclasses.replace(variables, state={**variables.state, name: new})
