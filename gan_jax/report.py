"""`python -m gan_jax.report` is `python -m gan_jax report`."""

from gan_jax import cli

if __name__ == '__main__':
  cli.execute('report')
