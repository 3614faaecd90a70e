"""`python -m gan_jax.main` is `python -m gan_jax train`."""

from gan_jax import commands

if __name__ == '__main__':
  commands.execute('train')
