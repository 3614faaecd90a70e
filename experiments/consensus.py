"""Consensus optimisation: Mescheder et al. 2017 (arXiv:1705.10461), simultaneous as in the paper.

Digits: a third can be read, of all kinds; the others are blots and fragments. A step costs as much as
four others, so there are 2,000; in the last, both gradients are small (norms below 0.4).

python -m gan_jax.main --config=experiments/consensus.py
python -m gan_jax.main --config=experiments/consensus.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset)
  config = presets.start(words, images={'norm': 'none'})
  config.update_rule = 'simultaneous'
  config.gan.name = 'consensus'
  config.gan.loss = {'name': 'non_saturating', 'real_label': 1.0}
  config.gan.weight = 0.1
  presets.last_for(config, words, images=2_000, points=10_000)
  return config
