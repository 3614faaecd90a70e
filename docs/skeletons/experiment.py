"""Skeleton of an experiment: copy it to experiments/<name>.py, and name the paper here.

Say what a user gets: the time on a named machine, the expected score, and the command.

python -m gan_jax train --config=experiments/skeleton.py
python -m gan_jax train --config=experiments/skeleton.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Returns the config for the data and protocol of the preset; see `gan_jax.config.presets`."""
  config = presets.start(presets.words(preset))
  config.gan.name = 'skeleton'
  config.gan.weight = 0.1
  return config
