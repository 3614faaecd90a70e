"""The defaults that every experiment starts from, and the check of a config before anything runs."""

import json
import math
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from gan_jax.common import renamed
from gan_jax.common.errors import ConfigError
from gan_jax.common.types import Plain

PLACEMENTS = ('auto', 'resident', 'stream')
"""Where the images of a dataset are during training, see `pipeline.placement`."""

STATISTICS = ('global', 'device')
"""The batch of which statistics are taken: of all devices, or of each device."""

COMPUTE_DTYPES = ('float32', 'bfloat16')
"""Types in which networks compute."""

WEIGHTS = ('raw', 'averaged')
"""The weights of another run with which a network can start."""

ORDERS = ('alternating', 'simultaneous', 'extragradient')
"""Orders of the updates in a step, see `update_schedule.UpdateSchedule`."""


def default() -> ConfigDict:
  """Returns a config with every top-level key.

  Keys:
    seed: of weights, latents and the order of the data.
    steps: generator updates in all.
    batch_size: global, divided among all devices.
    microbatches: equal parts of the batch of each device, whose gradients are computed one after the
      other, and averaged: less memory, more time. A loss that is a mean over examples is the same up to
      rounding. Statistics of a batch, see `batch_statistics`, are those of a part.
    steps_per_call: steps in one call of the compiled program; intervals are multiples of it.
    scan_unroll: steps of a call that are compiled as one piece, a divisor of steps_per_call. Two take
      longer to compile; on CPU some dense networks then train faster, such as the mlp of `make bench`.
    update_rule: 'alternating', each player starts from the updates of those before it in the same step,
      'simultaneous', all start from the state at the beginning of the step, or 'extragradient', see
      `UpdateSchedule`.
    gan: {'name': a module of gan_jax.gans, **hyperparameters of its make}. A number may be a schedule
      of the step, {'schedule': a name in optax, **its arguments}, unless it belongs to the prior or
      decides how the program is built.
    batch_statistics: 'global' or 'device'. Statistics of a batch are those of batch norm, DRAGAN's
      standard deviation, MMD, EBGAN's repelled codes, and relativistic averages. With 'global' they are
      of the batch of all devices, so that results do not depend on the number of devices. With 'device'
      each device takes them over its shard, and sends less. The papers of DCGAN, DRAGAN, MMD GAN and
      most others used one device, where both are the same. BigGAN (Brock et al. 2019,
      arXiv:1809.11096, section 3) takes the generator's over all devices.
    compute_dtype: 'float32', or 'bfloat16': activations and products in networks; parameters, losses,
      penalties, statistics and optimizers stay float32, see `networks.wrappers`. For TPU and GPU.
    networks: {network: {'name': 'module.Class' in gan_jax.networks, **its fields}}.
    start_from: {network: folder of another run}, whose newest weights and network state are the first
      ones of the network of the same name here, or {network: {'run': folder, 'weights': 'raw' or
      'averaged'}}. A resumed run does not read the other run again.
    players: {player: {'optimizer': a name in optax, **its arguments, 'updates_per_step': 1 or more,
      'gradient_transforms', 'update_transforms', 'weight_constraints', and 'frozen'}}. The transforms
      are {transformation: its arguments} of gan_jax.training.transforms or optax. They act on
      gradients, on the optimizer's updates, and last on the updated weights, each in the order of
      names. An argument that is a number may be a schedule of the player's updates. It is then logged.
      'frozen' lists names of layers, or patterns such as 'generator.Dense_*', that are not trained.
    ema: {network: decay} of the networks of which an average of the weights is kept. A decay may be a
      schedule of the step.
    data: {'name': a module of gan_jax.data, or 'module:which' as 'tfds:cifar10', 'folder:pictures',
      **settings of its load}.
    placement: 'resident': images are in the memory of the devices, 'stream': they are read from the
      disk when they are needed, or 'auto': by their size. The batches are the same.
    log_every, sample_every, checkpoint_every: steps between lines of metrics, pictures and
      checkpoints.
    keep_checkpoints: how many of the newest checkpoints are kept.
    evaluate_every: steps between evaluations; 0 for none.
    evaluate: {'features': a module of gan_jax.metrics.features, 'scores': names of functions in
      gan_jax.evaluation.scores, 'num': samples, 'seed': of their latents, 'best': the metric by which
      the best checkpoint is chosen, e.g. 'frechet_digits', or '' for none}.
    on_alert: 'warn' or 'stop': the reaction to a failure of the run, see `run.failure_detection`.
    remat: names of networks whose activations are computed again in the backward pass, not kept: less
      memory, more time, results that differ by rounding.
    compiler_options: {'cpu', 'gpu' or 'tpu': {option of XLA: value}} for the train step. A run of
      several processes ignores them. Results then differ by rounding.
  """
  return ConfigDict(
    {
      'seed': 0,
      'steps': 10_000,
      'batch_size': 64,
      'microbatches': 1,
      'steps_per_call': 1,
      'scan_unroll': 1,
      'update_rule': 'alternating',
      'batch_statistics': 'global',
      'compute_dtype': 'float32',
      'gan': {},
      'networks': {},
      'start_from': {},
      'players': {},
      'ema': {},
      'data': {},
      'placement': 'auto',
      'log_every': 50,
      'sample_every': 500,
      'checkpoint_every': 500,
      'keep_checkpoints': 3,
      'evaluate_every': 0,
      'evaluate': {
        'features': '',
        'scores': ('frechet_distance',),
        'num': 2_500,
        'seed': 0,
        'best': '',
      },
      'on_alert': 'warn',
      'remat': (),
      'compiler_options': {},
    }
  )


WATCHING = ('evaluate_every', 'evaluate', 'on_alert')
"""Keys of evaluation and alerts."""

COUNTS = ('steps', 'batch_size', 'microbatches', 'steps_per_call', 'scan_unroll', 'keep_checkpoints')
"""Keys that are whole numbers from 1, besides `INTERVALS`."""

INTERVALS = ('log_every', 'sample_every', 'checkpoint_every')
"""Keys that are numbers of steps between repeated actions."""

MAY_CHANGE = (
  'steps',
  'placement',
  'scan_unroll',
  'remat',
  'compiler_options',
  *INTERVALS,
  'keep_checkpoints',
  *WATCHING,
)
"""Keys that do not change what a run computes; a resumed run may have other values."""

PLACES = ('folder',)
"""Kinds of data whose name states only a location. A digest identifies the data itself."""

PLATFORMS = ('cpu', 'gpu', 'tpu')
"""Platforms for which the compiler takes options."""

ON_ALERT = ('warn', 'stop')
"""Reactions to an alert."""


def plain(config: ConfigDict) -> Plain:
  """Returns the config as JSON holds it: dicts, lists, strings, numbers, booleans.

  Raises:
    ConfigError: a value that JSON cannot hold.
  """
  try:
    return json.loads(json.dumps(config.to_dict()))
  except TypeError as error:
    raise ConfigError(
      f'the config has a value that JSON cannot hold ({error}); write numbers, texts, lists and dicts'
    ) from error


def _whole(config: Mapping[str, Any], key: str, least: int) -> None:
  value = config[key]
  if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**32:
    raise ConfigError(
      f'{key}={value!r}: out of range (a whole number from {least} to 2**32 - 1); change it'
    )


def check(config: Plain, devices: int) -> None:
  """Checks everything that can be checked before any object is built.

  Args:
    config: from `plain`.
    devices: the number of devices that share the batch.

  Raises:
    ConfigError: names the key and the remedy.
  """
  wanted = default().to_dict()
  renamed.check(config)
  for key in wanted.keys() ^ config.keys():
    fault, remedy = ('missing', 'add it') if key in wanted else ('unknown', 'remove it')
    raise ConfigError(f'{key}: {fault} (the keys of a config: {", ".join(wanted)}); {remedy}')
  for key, value in wanted.items():
    if isinstance(value, dict) and not isinstance(config[key], dict):
      raise ConfigError(f'{key}={config[key]!r}: of the wrong kind (a dict); change it')
  for key in (*COUNTS, *INTERVALS):
    _whole(config, key, 1)
  for key in ('seed', 'evaluate_every'):
    _whole(config, key, 0)
  choices = {
    'update_rule': ORDERS,
    'placement': PLACEMENTS,
    'on_alert': ON_ALERT,
    'batch_statistics': STATISTICS,
    'compute_dtype': COMPUTE_DTYPES,
  }
  for key, known in choices.items():
    if config[key] not in known:
      raise ConfigError(f'{key}={config[key]!r}: unknown (one of: {", ".join(known)}); choose one')
  if not isinstance(config['remat'], list):
    raise ConfigError(f'remat={config["remat"]!r}: of the wrong kind (a list of networks); change it')
  for platform, options in config['compiler_options'].items():
    if platform not in PLATFORMS or not isinstance(options, dict):
      raise ConfigError(
        f'compiler_options.{platform}={options!r}: not options of a platform (one of: '
        f'{", ".join(PLATFORMS)}); write {{platform: {{option: value}}}}'
      )
  _check_start_from(config['start_from'])
  _check_divisions(config, devices)


def _check_start_from(start_from: Mapping[str, Any]) -> None:
  for network, donor in start_from.items():
    spec = {'run': donor} if isinstance(donor, str) else donor
    is_valid = (
      isinstance(spec, dict)
      and isinstance(spec.get('run'), str)
      and spec['run']
      and spec.get('weights', 'raw') in WEIGHTS
      and spec.keys() <= {'run', 'weights'}
    )
    if not is_valid:
      raise ConfigError(
        f'start_from.{network}={donor!r}: not a run (its folder, or {{"run": FOLDER, "weights": '
        f'{" or ".join(WEIGHTS)}}}); write one of these'
      )


def _check_divisions(config: Plain, devices: int) -> None:
  batch_size, per_call = config['batch_size'], config['steps_per_call']
  if batch_size % devices:
    near = max(batch_size // devices, 1) * devices
    raise ConfigError(
      f'batch_size={batch_size}: not divisible by the {devices} devices; set it to {near}'
    )
  parts = config['microbatches']
  if batch_size // devices % parts:
    raise ConfigError(
      f'microbatches={parts}: the batch of a device has {batch_size // devices} examples (a divisor of '
      f'that number); set it to {math.gcd(batch_size // devices, parts)}'
    )
  if per_call % config['scan_unroll']:
    raise ConfigError(
      f'scan_unroll={config["scan_unroll"]}: not a divisor of steps_per_call={per_call}; set it to 1'
    )
  for key in ('steps', *INTERVALS, 'evaluate_every'):
    if config[key] % per_call:
      near = -(-config[key] // per_call) * per_call
      raise ConfigError(
        f'{key}={config[key]}: not a multiple of steps_per_call={per_call}; set it to {near}'
      )


def changes(old: Plain, new: Plain) -> list[str]:
  """Returns the `differences` that make another run; keys that the old config lacks have defaults.

  A new location of the same kind of data is not a change. The caller must compare the digests of the
  data, see `workdir.check_data`.
  """
  ignored = dict.fromkeys(MAY_CHANGE)
  kind = place_kind(data_name(old))
  if kind and kind == place_kind(data_name(new)):
    old = with_data_at(old, data_name(new))
  return differences({**plain(default()), **old} | ignored, new | ignored)


def with_data_at(config: Plain, name: str) -> Plain:
  """Returns a copy of the config with another `data.name`."""
  return {**config, 'data': {**config['data'], 'name': name}}


def place_kind(name: Any) -> str:
  """Returns the kind of data of a `data.name`, or '' if the name is more than a location."""
  kind, colon, _ = str(name).partition(':')
  return kind if colon and kind in PLACES else ''


def data_name(config: Plain) -> Any:
  """Returns `data.name`, or None if the config names no data."""
  data = config.get('data')
  return data.get('name') if isinstance(data, dict) else None


def differences(old: Plain, new: Plain, prefix: str = '') -> list[str]:
  """Returns the keys in which two plain configs differ: 'a.b: 1 -> 2'."""
  changed = []
  for key in sorted(old.keys() | new.keys()):
    a, b = old.get(key), new.get(key)
    if isinstance(a, dict) and isinstance(b, dict):
      changed += differences(a, b, f'{prefix}{key}.')
    elif a != b:
      changed.append(f'{prefix}{key}: {a!r} -> {b!r}')
  return changed
