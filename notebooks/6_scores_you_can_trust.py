# %% [markdown]
# # 6. Scores you can trust
#
# {badge}
#
# **You learn** what scores of samples measure, how they depend on the number of samples, how large
# their errors are, and how to find copies.
#
# **Time:** five minutes on any machine, and one minute with `GAN_JAX_QUICK=1`.

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
REPEATS = 3 if QUICK else 10

# %%
import pathlib

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import gan_jax
from gan_jax.data import mnist5k
from gan_jax.metrics import memorization

gan_jax.tune()

# %% [markdown]
# ## A perfect generator
#
# Real digits against other real digits: this is the best score that anything can reach. The Frechet
# distance is not 0, because both sets are finite.
#
# $$d^2 = \Vert \mu_1 - \mu_2 \Vert^2 + \mathrm{tr}\left(\Sigma_1 + \Sigma_2 - 2 (\Sigma_1
# \Sigma_2)^{1/2}\right)$$

# %%
digits, labels = mnist5k.digits()
order = np.random.default_rng(0).permutation(len(digits))
digits, labels = digits[order][..., None], labels[order]
real, held_out, kinds = digits[:2500], digits[2500:], labels[2500:]
perfect = gan_jax.score(real, held_out, features='digits')
for name, value in perfect.items():
  print(f'{name:28} {value if value is None else round(value, 3)}')

# %% [markdown]
# ## The number of samples
#
# The Frechet distance of few samples is too large: it has a *bias*, and not only noise. Never
# compare scores of different numbers of samples. For many samples, the bias is about proportional
# to
# $1 / N$, so the points below lie near a line.

# %%
counts = np.array([200, 300, 500, 1000, 2500])
by_count = [
  gan_jax.score(real, held_out, features='digits', scores=['frechet_distance'], num=int(count))
  for count in counts
]
values = [scores['frechet_digits'] for scores in by_count]
plt.plot(1 / counts, values, 'o-')
for count, value in zip(counts, values, strict=True):
  plt.annotate(f'N = {count}', (1 / count, value), xytext=(8, -8), textcoords='offset points')
plt.xlabel('1 / N')
plt.ylabel('frechet_digits of real digits')
plt.xlim(0, 0.006)
plt.show()

# %% [markdown]
# The kernel distance has no such bias, so its value can be below 0. Its error comes from subsets.

# %%
gan_jax.score(real, held_out, features='digits', scores=['kernel_distance'], num=2000)

# %% [markdown]
# ## Errors
#
# One number without an error says little. Draw other samples and score again. The spread is the
# error of *this* generator's score. The error over training seeds is usually larger. Notebook 3
# measures it.
#
# The GAN trains only on the first half of the digits. The other half stays unseen, for the test of
# copies below.

# %%
config = gan_jax.load_config(
  'dcgan', steps=STEPS, sample_every=STEPS // 2, checkpoint_every=STEPS, log_every=STEPS // 10
)
config.data = gan_jax.from_arrays(real)
config.evaluate_every = 0
config.ema.generator = 0.95 if QUICK else 0.999
config.networks.generator.width = WIDTH
config.networks.discriminator.width = WIDTH
config.batch_size = BATCH
for player in config.players.values():
  player.learning_rate = RATE
run = gan_jax.train(config, 'runs/scored')

# %%
values = [
  gan_jax.score(real, run.sample(1000, seed=seed), features='digits', scores=['frechet_distance'])
  for seed in range(REPEATS)
]
values = np.array([each['frechet_digits'] for each in values])
error = values.std(ddof=1) / np.sqrt(REPEATS)
print(f'frechet_digits of 1,000 samples: {values.mean():.1f} ± {error:.1f} ({REPEATS} seeds)')

# %% [markdown]
# ## Two folders
#
# Samples of any program can be scored: folders, zip archives, .npz files or arrays.

# %%
for name, images in (('real', real[:500]), ('fake', run.sample(500))):
  folder = pathlib.Path(name)
  folder.mkdir(exist_ok=True)
  for number, image in enumerate(images):
    Image.fromarray(image[..., 0]).save(folder / f'{number:04}.png')
gan_jax.score('real', 'fake', features='digits', scores=['frechet_distance', 'precision_recall'])

# %% [markdown]
# ## Quality and variety
#
# *Precision* is the fraction of samples that lie near real data. *Recall* is the fraction of real
# data that lies near samples. One number cannot show both.
#
# Here is a generator that draws only ones and zeros, perfectly: precision stays high, and recall
# falls.
#
# Noise leaves precision high, too, because the feature network never saw such pictures. Recall
# shows it.

# %%
random = np.random.default_rng(1)
noisy = lambda images, std: np.clip(images + random.normal(0, std, images.shape), 0, 255).astype(
  np.uint8
)
sets = {
  'all digits': held_out[:500],
  'only 0 and 1': held_out[kinds < 2][:500],
  'noisy digits': noisy(held_out[:500], 60),
  'the GAN': run.sample(500),
}
for name, images in sets.items():
  scores = gan_jax.score(real, images, features='digits', scores=['precision_recall'])
  print(name, {key: round(value, 2) for key, value in scores.items()})

# %% [markdown]
# ## Memorization
#
# A generator that copies its training data gets excellent scores. Compare distances: are samples
# closer to the training data than other real data are?

# %%
flat = lambda images: images.reshape(len(images), -1).astype(np.float32)
sets = {
  'real digits': held_out[:500],
  'the GAN': run.sample(500),
  'noisy copies': noisy(real[:500], 5),
}
for name, images in sets.items():
  result = memorization.memorization(flat(images), flat(real), held_out=flat(held_out[500:]))
  print(f'{name:14} copied {result.copied:.3f}, of real ones {result.expected:.3f}; z = {result.z:.1f}')

# %% [markdown]
# ## Checklist
#
# - Report the feature network, the number of samples, and the split. `scores.jsonl` in a run's
#   folder records them.
# - Compare only scores of the same protocol.
# - Give an error over training seeds.
# - Show precision and recall beside the Frechet distance.
# - Look at uncurated samples and at their nearest training examples.
