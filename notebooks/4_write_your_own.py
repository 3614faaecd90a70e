# %% [markdown]
# # 4. Write your own loss, penalty, network and game
#
# {badge}
#
# **You learn** to add your own parts in the cells of a notebook, to train with them, and to check a
# game.
#
# **Time:** five minutes on two CPU cores, and one minute with `GAN_JAX_QUICK=1`.

# %%
import importlib.util

if importlib.util.find_spec('gan_jax') is None:
  # %pip install --quiet gan_jax
  importlib.invalidate_caches()

# %%
import os

QUICK = os.environ.get('GAN_JAX_QUICK', '0') == '1'
STEPS = 1_000 if QUICK else 5_000
# The decay of the averaged weights: a short run averages over fewer steps.
DECAY = 0.98 if QUICK else 0.999

# %%
import jax.numpy as jnp
import matplotlib.pyplot as plt
from flax import linen as nn

import gan_jax
from gan_jax.common import rng
from gan_jax.game import Aux
from gan_jax.gans import two_player
from gan_jax.gans.parts.generator_discriminator import make_game, make_pair

gan_jax.tune()

# %% [markdown]
# ## A loss
#
# A loss is a pair of functions of the logits of real and fake examples. Each returns one value for
# each example. The game takes the mean.
#
# The exponential loss uses $T = c \tanh(\mathrm{logit} / c)$, because the exponential of an
# unbounded logit explodes:
#
# $$L_D = e^{-T(x)} + e^{T(G(z))}, \qquad L_G = e^{-T(G(z))}$$


# %%
def exponential(limit: float = 5.0):
  bounded = lambda logits: limit * jnp.tanh(logits / limit)
  return gan_jax.losses.AdversarialLoss(
    discriminator=lambda real, fake: jnp.exp(-bounded(real)) + jnp.exp(bounded(fake)),
    generator=lambda real, fake: jnp.exp(-bounded(fake)),
  )


# %% [markdown]
# Look at it before you train with it. A loss is a plain function.

# %%
logits = jnp.linspace(-4, 4, 201)
zero = jnp.zeros_like(logits)
for name, loss in (
  ('exponential', exponential()),
  ('non-saturating', gan_jax.losses.non_saturating()),
  ('hinge', gan_jax.losses.hinge()),
):
  plt.plot(logits, loss.generator(zero, logits), label=name)
plt.xlabel('logit of a fake')
plt.ylabel("generator's loss")
plt.ylim(-5, 10)
plt.legend()
plt.show()

# %% [markdown]
# ## A penalty
#
# A penalty sees examples, logits and the critic $D$. This one keeps logits small near the data:
# $D(x)^2 + D(G(z))^2$.


# %%
def small_logits():
  return gan_jax.regularizers.Regularizer(lambda inputs: inputs.real_logits**2 + inputs.fake_logits**2)


# %% [markdown]
# ## A network
#
# A network is a Flax module. A discriminator returns one logit for each example. `key` has one
# random key for each example, for dropout and noise.


# %%
class Waves(nn.Module):
  width: int = 64

  @nn.compact
  def __call__(self, points, *, train, key=None):
    angles = nn.Dense(self.width)(points)
    waves = jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)
    return nn.Dense(1)(nn.relu(nn.Dense(self.width)(waves)))[:, 0]


# %% [markdown]
# ## Train with all three
#
# `extend` gives your parts names. A config uses the names, and every key of a part is a key of the
# config. If you run the cell again, it replaces your parts.

# %%
gan_jax.extend(losses=[exponential], penalties=[small_logits], networks=[Waves])

config = gan_jax.load_config('gan:ring', steps=STEPS, sample_every=STEPS // 5, checkpoint_every=STEPS)
config.log_every = STEPS // 10
config.ema.generator = DECAY
config.gan = {
  'name': 'two_player',
  'loss': {'name': 'exponential', 'limit': 4.0},
  'penalties': {'small_logits': {'weight': 0.05}},
  'prior': {'name': 'normal', 'size': 2},
}
config.networks.discriminator = {'name': 'Waves', 'width': 64}
run = gan_jax.train(config, 'runs/own_parts')

# %%
run.evaluate(num=2_000, scores=['modes'])

# %% [markdown]
# ## A game
#
# A game is a function of networks that returns a `Game`: players, their networks and their losses.
# A loss maps `(variables, inputs)` to a scalar and an `Aux`.
#
# The step lets a player change only its own networks. Optimizers, learning rates and devices do not
# belong to a game.
#
# This game rewards the generator for the distance of its samples from each other, besides the loss
# of the first GAN:
#
# $$L_G = -\log D(G(z)) - \lambda \, \Vert G(z) - G(z') \Vert$$


# %%
def spread(networks, *, prior, weight: float = 0.1):
  pair = make_pair(networks, prior)
  loss = gan_jax.losses.non_saturating()

  def forward(variables, inputs):
    keys = rng.split(inputs.key, 5)
    fake, variables = pair.generate(variables, keys[0], keys[1])
    other, variables = pair.generate(variables, keys[2], keys[3])
    real_logits, variables = pair.discriminate(variables, inputs.batch['real'], keys[4])
    fake_logits, variables = pair.discriminate(variables, fake, keys[4])
    return real_logits, fake_logits, jnp.linalg.norm(fake - other, axis=-1), variables

  def discriminator(variables, inputs):
    real, fake, _, variables = forward(variables, inputs)
    return loss.discriminator(real, fake).mean(), Aux(variables, {})

  def generator(variables, inputs):
    real, fake, distance, variables = forward(variables, inputs)
    metrics = {'distance': distance.mean()}
    return (loss.generator(real, fake) - weight * distance).mean(), Aux(variables, metrics)

  return make_game(pair, discriminator, generator)


gan_jax.extend(games={'spread': spread})

config = gan_jax.load_config('gan:ring', steps=STEPS, sample_every=STEPS // 5, checkpoint_every=STEPS)
config.log_every = STEPS // 10
config.ema.generator = DECAY
config.gan = {'name': 'spread', 'prior': {'name': 'normal', 'size': 2}, 'weight': 0.05}

# %% [markdown]
# ## Check it
#
# `check_game` trains a few steps and tests the contract: finite steps, each player trains only its
# own networks, samples depend only on their key, and more.

# %%
gan_jax.testing.check_game(config)

# %% [markdown]
# A broken game fails, and the error names the rule. This generator ignores its loss.


# %%
def broken(networks, *, prior):
  game = two_player.make(networks, loss={'name': 'minimax'}, prior=prior)
  stuck = lambda variables, inputs: (jnp.zeros(()), Aux(variables, {}))
  players = [p._replace(loss=stuck) if p.name == 'generator' else p for p in game.players]
  return game._replace(players=tuple(players))


gan_jax.extend(games=[broken])
wrong = gan_jax.load_config(config, gan={'name': 'broken', 'prior': {'name': 'normal', 'size': 2}})
try:
  gan_jax.testing.check_game(wrong)
except AssertionError as error:
  print(error)

# %% [markdown]
# ## Train the game
#
# A `Trainer` is a loop of yours. Here it records the mean distance of two samples.

# %%
distances = []
trainer = gan_jax.Trainer(config, 'runs/spread')
for step, metrics in trainer:
  distances.append((step, metrics['generator/distance']))
steps, values = zip(*distances, strict=True)
plt.plot(steps, values)
plt.xlabel('step')
plt.ylabel('mean distance of two samples')
plt.show()

# %%
gan_jax.load('runs/spread')

# %% [markdown]
# To share your parts, put them into a package. The flag `--extend=PACKAGE` makes them known to all
# commands. The page "Extending" of the documentation shows its layout.
