"""GAN variants, one a file: make(networks, **hyperparameters) -> Game."""

HELPERS = ()
"""Modules that a config cannot name, because they are not games."""
