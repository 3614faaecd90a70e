"""`python -m gan_jax.evaluate` is `python -m gan_jax evaluate`."""

from gan_jax import commands

if __name__ == '__main__':
  commands.execute('evaluate')
