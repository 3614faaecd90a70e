"""`python -m gan_jax.sample` is `python -m gan_jax sample`."""

from gan_jax import cli

if __name__ == '__main__':
  cli.execute('sample')
