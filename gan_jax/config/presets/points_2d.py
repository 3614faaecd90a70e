"""Point datasets of the presets, and the networks and settings of experiments on them."""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from gan_jax.config import schema
from gan_jax.config.presets import players

PLANE = ('ring', 'grid', 'swiss_roll')
"""Words of the datasets of 2-D points."""

POINTS = (*PLANE, 'mixture_1200')
"""Words of all point datasets."""

CLASSES = {'ring': 8, 'grid': 25, 'mixture_1200': 10}
"""The number of labels of the datasets that have labels: the modes of a mixture."""

SMALL_PRODUCTS = {'cpu': {'xla_cpu_experimental_ynn_fusion_type': ''}}
"""Compiler options that leave matrix products to Eigen: faster for small networks, slower for large."""


def point_config(name: str, discriminator: Mapping[str, Any], is_test: bool) -> ConfigDict:
  """Returns a config with dense networks; learning rates decay to 0 in the second half of the run.

  The networks and settings are not from a paper.

  Args:
    name: the dataset, one of POINTS.
    discriminator: fields of the discriminator, of `mlp_2d.Discriminator` unless they include a name.
    is_test: whether to use narrow networks.
  """
  config = schema.default()
  hidden = (16, 16) if is_test else (128, 128, 128)
  config.steps = 10_000
  config.batch_size = 128
  config.steps_per_call = 100
  config.log_every = 500
  config.sample_every = 1_000
  config.checkpoint_every = 5_000
  config.data = {'name': name}
  config.compiler_options = SMALL_PRODUCTS
  config.gan = {'prior': {'name': 'normal', 'size': 2}}
  size = 1200 if name == 'mixture_1200' else 2
  config.networks = {
    'generator': {'name': 'mlp_2d.Generator', 'size': size, 'hidden': hidden},
    'discriminator': {'hidden': hidden, 'name': 'mlp_2d.Discriminator', **discriminator},
  }
  config.players = {'generator': players.adam(1e-3), 'discriminator': players.adam(1e-3)}
  for player in config.players:
    players.fade_out(config, player)
  config.ema = {'generator': 0.999}
  config.evaluate.features = 'coordinates'
  return config
