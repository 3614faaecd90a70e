"""GAN variants, one per file: make(networks, **hyperparameters) -> Game."""
