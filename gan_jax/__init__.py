"""GANs in JAX."""
