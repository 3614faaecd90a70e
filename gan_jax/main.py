"""`python -m gan_jax.main` is `python -m gan_jax train`."""

from gan_jax import cli

if __name__ == '__main__':
  cli.execute('train')
