"""`python -m gan_jax.sample` is `python -m gan_jax sample`."""

from gan_jax import commands

if __name__ == '__main__':
  commands.execute('sample')
