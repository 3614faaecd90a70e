"""GAN variants, one per file: make(networks, **hyperparameters) -> Game."""

HELPERS = ()
"""Modules that a config cannot name, because they are not games."""
