# %% [markdown]
# # 5. Your own pictures, few of them
#
# {badge}
#
# **You learn** to train on your own pictures, and what adaptive augmentation (ADA) does if there
# are few of them.
#
# **Time:** 15 minutes on a TPU or a GPU, and two minutes with `GAN_JAX_QUICK=1`. On CPU, the full
# length takes hours.

# %%
import importlib.util

if importlib.util.find_spec('gan_jax') is None:
  # %pip install --quiet gan_jax
  importlib.invalidate_caches()

# %%
import os

QUICK = os.environ.get('GAN_JAX_QUICK', '0') == '1'
STEPS = 60 if QUICK else 5_000
WIDTH = 8 if QUICK else 32
# DCGAN has networks for 28, 32, 64 and 128 pixels.
SIZE = 32

# %%
import colorsys
import pathlib

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw

import gan_jax
from gan_jax.common import plots

gan_jax.tune()

# %% [markdown]
# ## One hundred pictures
#
# This cell draws 100 pictures of suns over hills. To use your own, fill the folder with PNG or JPEG
# files and skip the cell. On Colab, mount Drive:
#
# ```python
# from google.colab import drive
# drive.mount('/content/drive')
# folder = pathlib.Path('/content/drive/MyDrive/pictures')
# ```

# %%
folder = pathlib.Path('pictures')
folder.mkdir(exist_ok=True)
random = np.random.default_rng(0)


def color(hue, saturation, value):
  return tuple(int(255 * channel) for channel in colorsys.hsv_to_rgb(hue, saturation, value))


for number in range(100):
  picture = Image.new('RGB', (128, 128), color(random.uniform(0.5, 0.65), 0.5, 0.95))
  draw = ImageDraw.Draw(picture)
  left, top, radius = random.uniform(25, 100), random.uniform(20, 55), random.uniform(10, 20)
  box = (left - radius, top - radius, left + radius, top + radius)
  draw.ellipse(box, fill=color(random.uniform(0.08, 0.16), 0.9, 1.0))
  for _ in range(3):
    left, top, radius = random.uniform(-20, 148), random.uniform(80, 110), random.uniform(40, 80)
    box = (left - radius, top, left + radius, top + 2 * radius)
    draw.ellipse(box, fill=color(random.uniform(0.25, 0.4), 0.7, random.uniform(0.4, 0.8)))
  picture.save(folder / f'{number:03}.png')

# %% [markdown]
# ## From pictures to data
#
# `from_arrays` takes an array. The key `data.name = 'folder:PATH'` reads a folder, which may be
# larger than the memory.

# %%
files = sorted(folder.glob('*.png'))
images = np.stack([np.asarray(Image.open(path).convert('RGB').resize((SIZE, SIZE))) for path in files])
print(images.shape, images.dtype)
Image.fromarray(plots.grid(images[:40], columns=10))

# %% [markdown]
# ## ADA off and on
#
# With few pictures, the discriminator learns them one by one. Then it rejects every generated
# picture, and the generator learns nothing.
#
# ADA shows the discriminator only augmented pictures, real and generated ones. It measures
# overfitting by $r_t = E[\mathrm{sign}\, D(x)]$ on real pictures. If $r_t$ is above the target, it
# augments with a higher probability.


# %%
def make_config(augment):
  config = gan_jax.load_config(
    'ada:folder',
    data=gan_jax.from_arrays(images),
    steps=STEPS,
    batch_size=16,
    steps_per_call=5,
    log_every=STEPS // 6,
    sample_every=STEPS // 3,
    checkpoint_every=STEPS // 3,
    evaluate_every=0,
  )
  config.networks.generator.update({'size': SIZE, 'channels': 3, 'width': WIDTH})
  config.networks.discriminator.width = WIDTH
  if augment:
    # ADA reaches the full probability after this number of images at the earliest.
    config.gan.augment.images = 2_000 if QUICK else 50_000
  else:
    config.gan.augment = {}
  return config


# %%
without = gan_jax.train(make_config(False), 'runs/without_ada')

# %%
with_ada = gan_jax.train(make_config(True), 'runs/with_ada')

# %% [markdown]
# ## Compare
#
# Watch the accuracy of the discriminator. Near 1 it has won, and its gradients help the generator
# little.

# %%
for name, run in (('without ADA', without), ('with ADA', with_ada)):
  steps, values = run.metrics['discriminator/accuracy']
  plt.plot(steps, values, label=name)
plt.xlabel('step')
plt.ylabel("discriminator's accuracy")
plt.ylim(0, 1.05)
plt.legend()
plt.show()

# %%
steps, values = with_ada.metrics['discriminator/augmentation']
plt.plot(steps, values)
plt.xlabel('step')
plt.ylabel('probability of augmentation')
plt.show()

# %%
sheets = {'without': plots.grid(without.sample(25)), 'with ADA': plots.grid(with_ada.sample(25))}
Image.fromarray(plots.captioned(sheets))

# %% [markdown]
# ## Copies
#
# With 100 pictures, ask whether the generator only repeats them. Notebook 6 measures this. Here are
# samples, each above the nearest training picture in pixels.

# %%
samples = with_ada.sample(8)
flat = lambda pictures: pictures.reshape(len(pictures), -1).astype(np.float32)
distances = ((flat(samples)[:, None] - flat(images)[None]) ** 2).sum(axis=-1)
Image.fromarray(plots.grid(np.concatenate([samples, images[distances.argmin(axis=1)]]), columns=8))
