"""`python -m gan_jax VERB`, see `gan_jax.commands`."""

from gan_jax import cli

if __name__ == '__main__':
  cli.dispatch()
