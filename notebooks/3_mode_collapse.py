# %% [markdown]
# # 3. Mode collapse, and how certain a comparison is
#
# {badge}
#
# **You learn** to compare losses over many seeds in one compiled program each, with errors and
# tests.
#
# **Time:** 10 minutes on a TPU or a GPU, 20 minutes on two CPU cores, and two minutes with
# `GAN_JAX_QUICK=1`.
#
# The data are eight Gaussians on a ring. A generator that covers only some of them has *collapsed*.
# One run proves little, because the next seed can end elsewhere.

# %%
import importlib.util

if importlib.util.find_spec('gan_jax') is None:
  # %pip install --quiet gan_jax
  importlib.invalidate_caches()

# %%
import os

QUICK = os.environ.get('GAN_JAX_QUICK', '0') == '1'
STEPS = 200 if QUICK else 3_000
SEEDS = 2 if QUICK else 10

# %%
import json
import pathlib

import matplotlib.pyplot as plt
from IPython import display
from PIL import Image

import gan_jax
from gan_jax.commands import study

gan_jax.tune()

# %% [markdown]
# ## Six losses
#
# | experiment | loss |
# |---|---|
# | `gan` | minimax: $\log(1 - D)$ |
# | `gan`, non-saturating | $-\log D$ |
# | `lsgan` | least squares |
# | `hinge` | hinge, with spectral norm |
# | `wgan_gp` | Wasserstein, with a gradient penalty |
# | `r3gan` | relativistic pairing, with R1 and R2 |
#
# The first cost that you see is an estimate. Each loss is one program, and the program trains all
# of its seeds. A study runs in this kernel. Stop it, and run the cell again to continue.

# %%
experiments = [
  'gan:ring',
  'gan:ring-non_saturating',
  'lsgan:ring',
  'hinge:ring',
  'wgan_gp:ring',
  'r3gan:ring',
]
out = pathlib.Path('runs/losses')
flags = [f'--seeds={SEEDS}', f'--out={out}', f'--sweep=steps={STEPS}', '--sweep=evaluate.num=2000']
if QUICK:
  flags += [
    '--sweep=log_every=100',
    '--sweep=sample_every=200',
    '--sweep=checkpoint_every=200',
  ]
code = study.main(['study', *(f'--config={name}' for name in experiments), *flags])

# %% [markdown]
# ## Modes
#
# A mode counts as captured if at least one sample is near its center. Every point below is one
# seed.

# %%
results = json.loads((out / 'study.json').read_text())
labels = [setting['label'] for setting in results['settings']]
figure, panels = plt.subplots(1, 2, figsize=(11, 3.5), sharey=True)
for panel, score in zip(panels, ('modes/captured', 'modes/high_quality'), strict=True):
  for row, setting in enumerate(results['settings']):
    values = [run['scores'][score] for run in setting['runs']]
    panel.plot(values, [row] * len(values), 'o', alpha=0.5)
    mean = setting['summary'][score]
    panel.plot(mean['mean'], row, 'k|', markersize=18)
  panel.set(xlabel=score, yticks=range(len(labels)), yticklabels=labels)
# Both panels share the axis.
panels[0].invert_yaxis()
figure.tight_layout()
plt.show()

# %% [markdown]
# ## Intervals and comparisons
#
# The table above has intervals. Each says where the mean over infinitely many seeds lies, with 95 %
# confidence. Runs of equal seeds form pairs, and random signs of their differences test each pair
# of losses. The p-values are corrected for the number of pairs.
#
# With $n$ seeds, the smallest p-value is $2 / 2^n$. Fewer than six seeds cannot show a significant
# difference.

# %%
rows = ['| setting | minus | difference of high quality | p, corrected |', '|---|---|---|---|']
for pair in results['comparisons']:
  if pair['score'] == 'modes/high_quality':
    difference = f'{pair["difference"]:.3f} ± {pair["error"]:.3f}'
    rows.append(f'| {pair["setting"]} | {pair["less"]} | {difference} | {pair["p_holm"]:.3g} |')
display.Markdown('\n'.join(rows))

# %% [markdown]
# ## Every seed, uncurated

# %%
for label in labels[:3]:
  sheet = out / 'sheets' / f'{label}.png'
  display.display(display.Markdown(f'**{label}**'), Image.open(sheet))

# %% [markdown]
# Each run of a study is a run like any other.

# %%
run = gan_jax.load(out / labels[0] / 'seed_0')
print(run.sample(3))
run

# %% [markdown]
# The page `study.html` in the folder has all tables, curves and samples in one page.
