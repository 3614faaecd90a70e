# %% [markdown]
# # 7. Using a TPU well
#
# {badge}
#
# **You learn** to train in bfloat16, to run several steps per call, to read a trace, to keep
# checkpoints on Drive, and to export a generator.
#
# **Time:** 10 minutes on a TPU, and two minutes with `GAN_JAX_QUICK=1`. On Colab, choose *Runtime >
# Change runtime type > TPU*. All cells run without one, too.
#
# A TPU belongs to one process. Train in this kernel, not in a subprocess, which would wait for the
# chip without end.

# %%
import importlib.util

if importlib.util.find_spec('gan_jax') is None:
  # %pip install --quiet 'gan_jax[export]'
  importlib.invalidate_caches()

# %%
import os

QUICK = os.environ.get('GAN_JAX_QUICK', '0') == '1'
STEPS = 60 if QUICK else 2_000
WIDTH = 8 if QUICK else 128

# %%
import pathlib
import sys
import time

import jax
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import gan_jax
from gan_jax import export
from gan_jax.common import plots

gan_jax.tune()
jax.devices()

# %% [markdown]
# ## Drive
#
# A Colab machine disappears with all of its files. A run on Drive stays, and the same cell
# continues it on the next machine.
# Training prints a line if it continues. A run is bit-identical whether it was interrupted or not,
# on the same kind of device.

# %%
folder = pathlib.Path('runs')
if 'google.colab' in sys.modules:
  from google.colab import drive

  drive.mount('/content/drive')
  folder = pathlib.Path('/content/drive/MyDrive/gan_jax')

# %% [markdown]
# ## Several steps per call
#
# Each call of the compiled program costs some time on the host. `steps_per_call` puts several steps
# into one call. The results do not change: a step is the same function.
#
# `compute_dtype = 'bfloat16'` computes the layers with 8 bits of mantissa, for which a TPU is
# built. Weights, losses and optimizers stay in float32. On CPU, it is slower.


# %%
def make_config(**changes):
  return gan_jax.load_config(
    'dcgan',
    steps=STEPS,
    batch_size=32 if QUICK else 128,
    log_every=STEPS // 2,
    sample_every=STEPS,
    checkpoint_every=STEPS,
    evaluate_every=0,
    **{'networks.generator.width': WIDTH, 'networks.discriminator.width': WIDTH},
    **changes,
  )


def speed(config):
  """Returns the steps per second after the first call, which compiles."""
  began, first, last = 0.0, 0, 0
  for step, metrics in gan_jax.Trainer(config):
    last = step
    if not began:
      # Reading a metric waits for the device.
      metrics['generator/loss']
      began, first = time.perf_counter(), step
  metrics['generator/loss']
  return (last - first) / (time.perf_counter() - began)


rates = {}
for dtype in ('float32', 'bfloat16'):
  for steps_per_call in (1, 10):
    config = make_config(compute_dtype=dtype, steps_per_call=steps_per_call)
    rates[f'{dtype}, {steps_per_call} per call'] = speed(config)

# %%
plt.barh(list(rates), list(rates.values()))
plt.xlabel('steps per second')
plt.show()

# %% [markdown]
# ## A trace
#
# `profile='STEP,COUNT'` records what the device does in some steps. Open the file at
# <https://ui.perfetto.dev>, or the folder in TensorBoard.
# Gaps between the calls on the device mean that the host is too slow: raise `steps_per_call`.

# %%
config = make_config(steps_per_call=10)
run = gan_jax.train(config, folder / 'traced', profile='20,20')
for path in sorted((run.folder / 'profile').rglob('*')):
  if path.is_file():
    print(path.relative_to(run.folder), f'{path.stat().st_size / 1e6:.2f} MB')

# %% [markdown]
# ## Export
#
# The exported file needs only JAX. It holds the weights and the program for CPU, CUDA and TPU, and
# takes any number of latents.

# %%
paths, model = export.write(run.folder, 'generator.stablehlo')
print([path.name for path in paths], model.step, model.weights)

# %%
load = lambda path: jax.jit(jax.export.deserialize(bytearray(pathlib.Path(path).read_bytes())).call)
generate, latents = load('generator.stablehlo'), load('generator.latents.stablehlo')
# Samples 0 to 31 of seed 0.
pairs = np.stack([np.zeros(32), np.arange(32)], axis=1).astype(np.uint32)
images = np.asarray(generate(latents(pairs)))
print(images.shape, images.dtype)
Image.fromarray(plots.grid(((images + 1) * 127.5).round().astype(np.uint8), columns=8))

# %% [markdown]
# Weights as safetensors need no program to read, and reading them executes no code.

# %%
paths, _ = export.write(run.folder, 'generator.safetensors')
game, variables, step = export.load(paths[0])
print(step, game.sample(variables, jax.random.split(jax.random.key(0), 4)).shape)
