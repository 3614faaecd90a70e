"""`python -m gan_jax.study` is `python -m gan_jax study`."""

from gan_jax import commands

if __name__ == '__main__':
  commands.execute('study')
