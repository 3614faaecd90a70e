"""ACGAN: Odena et al. 2017 (arXiv:1610.09585).

The discriminator also predicts the label of an example, real or fake. The preset `modified` leaves out
the labels of fake examples, which otherwise lower the variety of samples; the loss is then the hinge
loss, as in later code.

python -m gan_jax.main --config=experiments/acgan.py
python -m gan_jax.main --config=experiments/acgan.py:ring
python -m gan_jax.main --config=experiments/acgan.py:modified

Expected score (`make mixtures`, means over ten seeds):

- ring: 8.0 of 8 modes, 69.7 % of the samples of high quality,
  69.7 % at the mode of their label
- grid: 22.4 of 25 modes, 92.1 % of the samples of high quality,
  82.5 % at the mode of their label

Resolved hyperparameters:

- update_rule: alternating
- steps: 10000
- batch_size: 64
- gan.classes: 10
- gan.classify_fakes: true
- gan.loss.name: non_saturating
- gan.name: acgan
- gan.prior.name: uniform
- gan.prior.size: 100
- gan.weight: 1.0
- networks.discriminator.name: dcgan.Discriminator
- networks.discriminator.outputs: 11
- networks.discriminator.width: 32
- networks.generator.channels: 1
- networks.generator.name: dcgan.Generator
- networks.generator.size: 28
- networks.generator.width: 32
- players.discriminator.b1: 0.5
- players.discriminator.learning_rate: 0.0002
- players.discriminator.optimizer: adam
- players.discriminator.updates_per_step: 1
- players.generator.b1: 0.5
- players.generator.learning_rate: 0.0002
- players.generator.optimizer: adam
- players.generator.updates_per_step: 1
- ema.generator: 0.999
"""

from ml_collections import ConfigDict, FieldReference

from gan_jax.config import presets

WORDS = ('modified',)


def get_config(preset: str = '') -> ConfigDict:
  """Returns the config of a preset, see `gan_jax.config.presets`, or of the word `modified`."""
  words = presets.words(preset, *WORDS)
  classes = FieldReference(presets.classes(words))
  outputs = {'outputs': classes + 1}
  config = presets.start(words, images=outputs, points=outputs)
  config.gan.name = 'acgan'
  config.gan.classes = classes
  config.gan.weight = 1.0
  config.gan.classify_fakes = 'modified' not in words
  config.gan.loss = {'name': 'hinge'} if 'modified' in words else {'name': 'non_saturating'}
  presets.score_also(config, 'label_accuracy')
  presets.last_for(config, words, images=10_000, points=10_000)
  return config
