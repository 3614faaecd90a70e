"""`python -m gan_jax.evaluate` is `python -m gan_jax evaluate`."""

from gan_jax import cli

if __name__ == '__main__':
  cli.execute('evaluate')
