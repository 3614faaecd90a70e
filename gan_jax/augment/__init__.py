"""Differentiable augmentation of the images that a discriminator sees.

It changes real and fake images alike, so the discriminator cannot tell them apart by it, and gradients
pass through it. With few examples it keeps the discriminator from memorizing them. A game names one of
these factories and its arguments.
"""

from gan_jax.augment.adaptive import ada
from gan_jax.augment.base import Augmentation, flip
from gan_jax.augment.diff_augment import diffaugment, translation

FACTORIES = (ada, diffaugment, flip, translation)
"""The augmentations that a config can name."""

__all__ = ['FACTORIES', 'Augmentation', 'ada', 'diffaugment', 'flip', 'translation']
