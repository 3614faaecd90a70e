"""Differentiable augmentation of the images that a discriminator sees.

Real and fake images get the same augmentation, and gradients flow through it. It keeps a discriminator
from memorizing a small dataset. A game's config names one of these factories and its arguments.
"""

from gan_jax.augment.adaptive import ada
from gan_jax.augment.base import Augmentation, flip
from gan_jax.augment.diff_augment import diffaugment, translation

FACTORIES = (ada, diffaugment, flip, translation)
"""The augmentations that a config can name."""

__all__ = ['FACTORIES', 'Augmentation', 'ada', 'diffaugment', 'flip', 'translation']
