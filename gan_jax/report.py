"""`python -m gan_jax.report` is `python -m gan_jax report`."""

from gan_jax import commands

if __name__ == '__main__':
  commands.execute('report')
