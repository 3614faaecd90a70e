"""The contract between a GAN variant and the training step.

A GAN is a game: each player has its own networks and its own loss. A variant is a `Game`, which
states the loss that each player minimizes. Optimizers, learning rates, updates per step, the order of
play, and averages of weights are configuration. `gan_jax.runtime.devices` handles the devices.
"""

import dataclasses
import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import chex
import jax
import numpy as np
from flax import linen as nn
from flax import struct

from gan_jax.common import jaxprs, numerics, rng
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import PyTree


@struct.dataclass
class Variables:
  """The parameters and the other state of all networks.

  Attributes:
    params: {network: its parameters}.
    state: {network: its other Flax collections}, e.g. {'batch_stats': ...}; {} for a network that has
      parameters only.
  """

  params: Mapping[str, PyTree]
  state: Mapping[str, PyTree]


def _identity(x: PyTree) -> PyTree:
  return x


@struct.dataclass
class Inputs:
  """The read-only inputs of a loss.

  Attributes:
    batch: arrays with leading axis B, the examples of this device. 'real' is float32, in [-1, 1] for
      images [B, height, width, channels]. Data with labels has 'label', int32 [B]. Data may have
      further fields.
    key: [B] typed keys, one per example. The random numbers of an example thus do not depend on how
      the batch is divided among devices. `gan_jax.common.rng` splits them.
    step: int32 scalar, the number of completed steps.
    memory: the variant's running quantities, see `Game`.
    gather: an array [b, ...] of this device's examples -> [B, ...], the examples of all devices in
      order, for a loss that compares the examples of a whole batch. If each device compares only its
      own examples, it returns its argument. Gradients flow through it.
    mean: a tree -> its mean over all devices. Gradients flow through it.
    unrolled_update: (player, variables, inputs, count) -> the variables after `count` more updates of
      that player on these inputs, by its own optimizer. Gradients flow through the updates.
  """

  batch: Mapping[str, jax.Array]
  key: chex.PRNGKey
  step: jax.Array
  memory: PyTree
  gather: Callable[[jax.Array], jax.Array] = struct.field(pytree_node=False, default=_identity)
  mean: Callable[[PyTree], PyTree] = struct.field(pytree_node=False, default=_identity)
  unrolled_update: Callable[..., Variables] | None = struct.field(pytree_node=False, default=None)


@struct.dataclass
class Aux:
  """The outputs of a loss besides its value.

  Attributes:
    variables: of all networks, with the new network state.
    metrics: {name: scalar}, to be logged.
    record: {name: array [b, ...]} of this device's examples, for the memory of the game: fake examples
      to be shown again, for instance.
  """

  variables: Variables
  metrics: Mapping[str, jax.Array]
  record: Mapping[str, jax.Array] = struct.field(default_factory=dict)


Loss = Callable[[Variables, Inputs], tuple[jax.Array, Aux]]


class Player(NamedTuple):
  """A player, which minimizes its loss over the parameters of its networks.

  Attributes:
    name: of the player.
    trains: names of its networks. The training step lets it change no other network, so its loss need
      not, and must not, shield other networks with `stop_gradient`.
    loss: (variables, inputs) -> (the mean over the examples of `inputs`, `Aux`).
  """

  name: str
  trains: tuple[str, ...]
  loss: Loss


class Traversal(NamedTuple):
  """A part of the latents that is meant to control one property of a sample.

  Attributes:
    name: of the part, for captions.
    first: position of the part among the latents; negative from the end.
    values: values of the part to compare, float32 [V, size].
  """

  name: str
  first: int
  values: np.ndarray


def _no_memory(key: chex.PRNGKey, batch: Mapping[str, jax.Array]) -> PyTree:
  return {}


def _same_memory(
  memory: PyTree,
  variables: Variables,
  metrics: Mapping[str, jax.Array],
  record: Mapping[str, jax.Array],
) -> PyTree:
  return memory


class Game(NamedTuple):
  """A variant: its networks, its players, and how to sample from it.

  A condition is what a sample depends on besides randomness, [N, ...] each: a label, or an image to be
  translated. A label is int32 [N], or the weights of the classes, float32 [N, classes], where the
  weights of two classes interpolate between them.

  Attributes:
    networks: the Flax modules, by name.
    players: in the order of play.
    init: (key, batch) -> the initial variables, from one key and an example of a batch.
    sample: (variables, key [N], condition=None) -> N samples; sample i depends on key i and condition i
      alone. Without a condition, a game conditioned on labels draws them from the keys. A game without
      conditions takes none.
    init_memory: (key, batch) -> the first memory: quantities besides the networks that the variant
      carries from step to step.
    update_memory: (memory, variables, metrics, record) -> the next memory, once at the end of a step.
      The metrics are those of the step, '<player>/<name>', averaged over all devices, and 'step', the
      number of steps completed before it. The record is {'<player>/<name>': [B, ...]}, what the last
      update of each player recorded, of all devices.
    critic: (variables, examples [N, ...]) -> [N], the discriminator's unbounded output for each
      example; None if the variant does not define one, or if it depends on a condition.
    latents: (key [N]) -> the latents [N, L] from which `sample` generates; row i depends on key i
      alone.
    generate: (variables, latents [N, L], condition=None) -> N samples; a game conditioned on labels
      needs the condition here. A game without latents has None for both, and interpolation between
      its samples is not available.
    condition: batch -> the conditions of its examples; None for a game without conditions.
    classes: the number of labels if a condition is a label; 0 for other conditions, and for none.
    traversals: the parts of the latents whose effect the report shows.
    classify: (variables, examples [N, ...]) -> logits [N, K] of the classes that the game predicts.
    nll: (variables, examples [N, ...], key [N]) -> [N], the negative log-likelihood in nats, or an
      upper bound of it.
    encode: (variables, examples [N, ...], key [N]) -> latents [N, L].
    sample_truncated: (variables, key [N], truncation, condition=None) -> N samples, as `sample` from
      normal latents that are truncated at a number of standard deviations; None if the latents are
      not normal.
  """

  networks: Mapping[str, nn.Module]
  players: tuple[Player, ...]
  init: Callable[[chex.PRNGKey, Mapping[str, jax.Array]], Variables]
  sample: Callable[..., jax.Array]
  init_memory: Callable[[chex.PRNGKey, Mapping[str, jax.Array]], PyTree] = _no_memory
  update_memory: Callable[
    [PyTree, Variables, Mapping[str, jax.Array], Mapping[str, jax.Array]], PyTree
  ] = _same_memory
  critic: Callable[[Variables, jax.Array], jax.Array] | None = None
  latents: Callable[[chex.PRNGKey], jax.Array] | None = None
  generate: Callable[..., jax.Array] | None = None
  condition: Callable[[Mapping[str, jax.Array]], PyTree] | None = None
  classes: int = 0
  traversals: tuple[Traversal, ...] = ()
  classify: Callable[[Variables, jax.Array], jax.Array] | None = None
  nll: Callable[[Variables, jax.Array, chex.PRNGKey], jax.Array] | None = None
  encode: Callable[[Variables, jax.Array, chex.PRNGKey], jax.Array] | None = None
  sample_truncated: Callable[..., jax.Array] | None = None


def conditions(game: Game, batch: Mapping[str, jax.Array]) -> PyTree | None:
  """Returns the conditions of a batch's examples, [B, ...] each; None in a game without conditions."""
  return game.condition(batch) if game.condition else None


def needs_condition(game: Game) -> bool:
  """Returns whether samples need a condition that the game cannot draw: one that is not a label."""
  return game.condition is not None and not game.classes


def condition_like(game: Game, batch: Mapping[str, Any]) -> PyTree | None:
  """Returns the shapes and types of a batch's conditions; None if samples need none.

  Args:
    game: the game.
    batch: shapes and types, see `needs_condition`.
  """
  if not needs_condition(game):
    return None
  return jax.eval_shape(functools.partial(conditions, game), dict(batch))


def condition_fields(game: Game, batch: Mapping[str, Any]) -> tuple[str, ...]:
  """Returns the names of the fields of a batch on which its conditions depend.

  Args:
    game: a game with conditions.
    batch: arrays, or their shapes and types.
  """
  assert game.condition is not None
  return tuple(path[1].key for path in jaxprs.used_inputs(game.condition, dict(batch)))


def conditions_in_turn(game: Game, batch: Mapping[str, jax.Array], num: int) -> PyTree | None:
  """Returns conditions of samples, [num, ...] each: those of a batch's examples, again and again.

  It returns None in a game whose samples need none, see `needs_condition`.
  """
  if not needs_condition(game):
    return None
  rows = np.arange(num) % len(batch['real'])
  return jax.tree.map(operator.itemgetter(rows), conditions(game, batch))


def balanced_labels(game: Game, num: int) -> np.ndarray | None:
  """Returns labels of samples, int32 [num], 0 to classes - 1 in turn; None in a game without labels."""
  return np.arange(num, dtype=np.int32) % game.classes if game.classes else None


def sample(
  game: Game,
  variables: Variables,
  key: chex.PRNGKey,
  condition: PyTree | None = None,
  truncation: float | None = None,
) -> jax.Array:
  """Returns samples of a game, [N, ...], under conditions [N, ...] each if they are given.

  The functions of a game without conditions may leave out that argument.

  Args:
    game: the game.
    variables: of its networks.
    key: [N] keys.
    condition: of the samples; None for none, and for labels that the game draws.
    truncation: of the latents, see `check_truncation`; None for latents of the prior.
  """
  given = () if condition is None else (condition,)
  if truncation is None:
    return game.sample(variables, key, *given)
  check_truncation(game, truncation)
  assert game.sample_truncated is not None
  return game.sample_truncated(variables, key, truncation, *given)


def check_truncation(game: Game, truncation: float | None, key: str = 'truncation') -> None:
  """Raises ConfigError unless a game can sample with this truncation.

  Args:
    game: the game.
    truncation: the largest absolute value of a latent, in standard deviations; None for any.
    key: what gave it, for errors.
  """
  if truncation is None:
    return
  if not numerics.is_positive(truncation):
    raise ConfigError(
      f'{key}={truncation!r}: out of range (a finite number of standard deviations above 0); change '
      f'{key}'
    )
  if game.sample_truncated is None:
    raise ConfigError(
      f'{key}={truncation!r}: this game cannot truncate its latents (only games can whose latents are '
      f'all normal, gan.prior.name=normal, without codes); leave out {key}'
    )


def sample_shape(game: Game, variables: Variables, condition: PyTree | None = None) -> tuple[int, ...]:
  """Returns the shape [1, ...] of one sample; nothing is computed.

  Args:
    game: the game.
    variables: of its networks.
    condition: one condition, [1, ...] each, or its shapes and types; None if the samples need none.
  """
  one = functools.partial(sample, game)
  return jax.eval_shape(one, variables, rng.sample_keys(0, 0, 1), condition).shape


def init_networks(
  networks: Mapping[str, nn.Module], key: chex.PRNGKey, inputs: Mapping[str, PyTree]
) -> Variables:
  """Returns the initial variables of `networks`, each with its own key.

  Args:
    networks: the modules, by name.
    key: one typed key.
    inputs: {network: an example of the inputs that it is called on, an array or a tree}.

  Raises:
    ConfigError: a network does not support the requested size.
  """
  params, state = {}, {}
  for name, network_key in zip(sorted(networks), jax.random.split(key, len(networks)), strict=True):
    try:
      collections = networks[name].init(network_key, inputs[name], train=False)
    except ConfigError as error:
      raise ConfigError(f'networks.{name}: {error}') from error
    params[name] = collections.pop('params')
    state[name] = collections
  return Variables(params, state)


def apply(
  networks: Mapping[str, nn.Module],
  variables: Variables,
  name: str,
  inputs: PyTree,
  *,
  key: chex.PRNGKey | None = None,
  train: bool = True,
) -> tuple[Any, Variables]:
  """Calls the network `name`.

  Args:
    networks: the modules; each is called as module(inputs, train=..., key=...).
    variables: of all networks.
    name: of the network.
    inputs: of the network, an array or a tree, leading axis B.
    key: [B] keys for random layers, e.g. dropout; None if the network has none.
    train: batch statistics and dropout (True), or running statistics and no dropout (False).

  Returns:
    The network's outputs, and the variables with its new state.
  """
  state = variables.state[name]
  outputs, new = networks[name].apply(
    {'params': variables.params[name], **state}, inputs, key=key, train=train, mutable=list(state)
  )
  return outputs, dataclasses.replace(variables, state={**variables.state, name: new})
