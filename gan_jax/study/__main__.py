"""`python -m gan_jax.study` is `python -m gan_jax study`."""

from gan_jax import cli

if __name__ == '__main__':
  cli.execute('study')
