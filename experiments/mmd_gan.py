"""MMD GAN with a gradient penalty on the witness: Binkowski et al. 2018 (arXiv:1801.01401).

The word 'scaled' makes it SMMD: Arbel et al. 2018 (arXiv:1805.11565).

Digits: about half are readable; a quarter are torn or faint strokes after 1,500 steps.

python -m gan_jax.main --config=experiments/mmd_gan.py
python -m gan_jax.main --config=experiments/mmd_gan.py:ring
"""

from ml_collections import ConfigDict

from gan_jax.config import presets


def get_config(preset: str = '') -> ConfigDict:
  """Digits, or the data and protocol that the preset says; see `gan_jax.config.presets`."""
  words = presets.words(preset, 'scaled')
  config = presets.start(words, images={'norm': 'none', 'outputs': 16}, points={'outputs': 16})
  config.gan.name = 'mmd_gan'
  config.gan.kernel = {'name': 'rational_quadratic', 'alphas': (0.2, 0.5, 1.0, 2.0, 5.0)}
  config.gan.unbiased = True
  config.gan.penalty = 1.0
  config.gan.scaling = 0.0
  presets.critic_steps(config, 5, words)
  if 'scaled' in words:
    config.gan.kernel = {'name': 'rbf_mixture', 'sigmas': (1.0,)}
    config.gan.penalty = 0.0
    config.gan.scaling = 10.0
    config.networks.discriminator.outputs = 1
  return config
