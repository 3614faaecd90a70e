"""MMD GAN with a gradient penalty on the witness: Binkowski et al. 2018 (arXiv:1801.01401).

The generator minimizes the maximum mean discrepancy between features. The word `scaled` selects the
scaled MMD (Arbel et al. 2018, arXiv:1805.11565).

python -m gan_jax.main --config=experiments/mmd_gan.py
python -m gan_jax.main --config=experiments/mmd_gan.py:ring

Training time: about 20 min on one core of an AMD EPYC (`make digits`).

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 70.9 % of the samples of high quality
- grid: 23.0 of 25 modes, 20.2 % of the samples of high quality

Digits: About half are readable. A quarter are torn or faint strokes.

Resolved hyperparameters:

- update_rule: alternating
- steps: 1500
- batch_size: 64
- gan.kernel.alphas: [0.2, 0.5, 1.0, 2.0, 5.0]
- gan.kernel.name: rational_quadratic
- gan.name: mmd_gan
- gan.penalty: 1.0
- gan.prior.name: uniform
- gan.prior.size: 100
- gan.scaling: 0.0
- gan.unbiased: true
- networks.discriminator.name: dcgan.Discriminator
- networks.discriminator.norm: none
- networks.discriminator.outputs: 16
- networks.discriminator.width: 32
- networks.generator.channels: 1
- networks.generator.name: dcgan.Generator
- networks.generator.size: 28
- networks.generator.width: 32
- players.discriminator.b1: 0.5
- players.discriminator.learning_rate: 0.0002
- players.discriminator.optimizer: adam
- players.discriminator.updates_per_step: 5
- players.generator.b1: 0.5
- players.generator.learning_rate: 0.0002
- players.generator.optimizer: adam
- players.generator.updates_per_step: 1
- ema.generator: 0.999
"""

from ml_collections import ConfigDict

from gan_jax.config import presets

WORDS = ('scaled',)


def get_config(preset: str = '') -> ConfigDict:
  """Returns the config of a preset, see `gan_jax.config.presets`."""
  words = presets.words(preset, *WORDS)
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
