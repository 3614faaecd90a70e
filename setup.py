"""The packages: gan_jax, and experiments/ as gan_jax.experiments; setup.cfg has everything else."""

from setuptools import find_packages, setup

setup(
  packages=[*find_packages(include=['gan_jax*']), 'gan_jax.experiments'],
  package_dir={'gan_jax.experiments': 'experiments'},
)
