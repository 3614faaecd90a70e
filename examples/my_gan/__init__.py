"""An extension of gan_jax: a part of every kind, in the layout that `gan_jax.extend` reads."""
