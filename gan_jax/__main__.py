"""`python -m gan_jax VERB`, see `gan_jax.commands`."""

from gan_jax import commands

if __name__ == '__main__':
  commands.dispatch()
