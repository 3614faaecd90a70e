"""GAN variants, one a file: make(networks, **hyperparameters) -> Game."""
