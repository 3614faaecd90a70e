"""The training step, its state, and optimizers."""
