# %% [markdown]
# # 1. A GAN in five minutes
#
# {badge}
#
# **You learn** how to train a GAN on handwritten digits, draw samples, score them, and continue a
# run.
#
# **Time:** about five minutes on a TPU or a GPU, 15 minutes on two CPU cores, and one minute with
# `GAN_JAX_QUICK=1`.
#
# A generator $G$ turns random numbers $z$ into pictures. A discriminator $D$ tells real pictures
# from generated ones. Both learn together:
#
# $$\min_G \max_D \; E_{x}[\log D(x)] + E_{z}[\log(1 - D(G(z)))]$$

# %%
import importlib.util

if importlib.util.find_spec('gan_jax') is None:
  # %pip install --quiet gan_jax
  importlib.invalidate_caches()

# %%
import os

QUICK = os.environ.get('GAN_JAX_QUICK', '0') == '1'
STEPS = 400 if QUICK else 3_000
WIDTH = 16 if QUICK else 32
BATCH = 32 if QUICK else 64
RATE = 1e-3 if QUICK else 2e-4
# The decay of the averaged weights: a short run averages over fewer steps.
DECAY = 0.95 if QUICK else 0.999
SAMPLES = 500 if QUICK else 5_000

# %%
import matplotlib.pyplot as plt
from PIL import Image

import gan_jax
from gan_jax.common import plots

# Settings for speed. Call this before anything else uses JAX.
gan_jax.tune()

# %% [markdown]
# ## The config
#
# A config names the data, the networks, the loss and the optimizers. `gan-jax list` shows all
# experiments. You can change any value by its key.

# %%
config = gan_jax.load_config(
  'dcgan',
  steps=STEPS,
  batch_size=BATCH,
  sample_every=STEPS // 4,
  checkpoint_every=STEPS // 4,
  log_every=STEPS // 20,
  evaluate_every=0,
  ema={'generator': DECAY},
  **{
    'networks.generator.width': WIDTH,
    'networks.discriminator.width': WIDTH,
    'players.generator.learning_rate': RATE,
    'players.discriminator.learning_rate': RATE,
  },
)
print(config.networks.generator)

# %% [markdown]
# ## Train
#
# The bar shows the speed and both losses. The pictures below it change as the generator learns. The
# left half shows averaged weights, the right half raw weights.
#
# The stop button saves a checkpoint. Run the cell again to continue from there.

# %%
run = gan_jax.train(config, 'runs/digits')

# %% [markdown]
# The run is complete now. The same call does not train again. It returns the run.

# %%
run = gan_jax.train(config, 'runs/digits')
run.step

# %% [markdown]
# ## Samples
#
# Sample number $i$ depends only on the checkpoint, the seed and $i$.

# %%
images = run.sample(64, seed=1)
print(images.shape, images.dtype)
Image.fromarray(plots.grid(images))

# %% [markdown]
# ## Between two samples
#
# Each row goes from one sample to another one. A good generator changes smoothly, and every picture
# on the way looks real.

# %%
paths = run.interpolate(num=5, steps=10)
Image.fromarray(plots.grid(paths.reshape(-1, *paths.shape[2:]), columns=10))

# %% [markdown]
# ## Losses
#
# A loss of a GAN is not a score. The two losses only show whether the players are in balance.

# %%
for player in ('generator', 'discriminator'):
  steps, values = run.metrics[f'{player}/loss']
  plt.plot(steps, values, label=player)
plt.xlabel('step')
plt.ylabel('loss')
plt.legend()
plt.show()

# %% [markdown]
# ## Scores
#
# The Frechet distance compares features of generated and real digits. Lower is better. Notebook 6
# explains the scores.

# %%
scores = run.evaluate(num=SAMPLES, scores=['frechet_distance', 'precision_recall'])
for name, value in scores.items():
  print(f'{name:24} {value:.3f}')

# %% [markdown]
# ## A page for the run
#
# The report is one HTML file with pictures, curves, alerts and all settings.

# %%
page = run.report()
print(page, f'{page.stat().st_size / 1e6:.1f} MB')

# %% [markdown]
# ## Your own loop
#
# A `Trainer` yields after each call of the compiled program. A loop that you leave saves a
# checkpoint. The data of this run are points: eight Gaussians on a ring.

# %%
config = gan_jax.load_config('gan:ring', steps=5_000, log_every=100, sample_every=500)
trainer = gan_jax.Trainer(config, 'runs/ring')
for step, metrics in trainer:
  if step >= 1_500:
    accuracy = metrics['discriminator/accuracy']
    print(f'step {step}: the discriminator is right for {accuracy:.0%} of the examples')
    break

# %% [markdown]
# A run is a folder. Load it at any time, in another process too.

# %%
gan_jax.load('runs/ring').sample(3)
