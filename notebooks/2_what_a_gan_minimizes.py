# %% [markdown]
# # 2. What a GAN minimizes
#
# {badge}
#
# **You learn** what the best discriminator is, which divergence a generator descends, and why
# training can go in circles.
#
# **Time:** two minutes on any machine.

# %%
import importlib.util

if importlib.util.find_spec('gan_jax') is None:
  # %pip install --quiet gan_jax
  importlib.invalidate_caches()

# %%
import os

QUICK = os.environ.get('GAN_JAX_QUICK', '0') == '1'
STEPS = 500 if QUICK else 3_000

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from flax import linen as nn

import gan_jax
from gan_jax import divergences, losses

gan_jax.tune()

# %% [markdown]
# ## The best discriminator
#
# Take two densities on a line: data $p$ and generator $q$. Expectations are sums over a grid,
# without sampling noise.

# %%
x = jnp.linspace(-8, 8, 2001)
cell = float(x[1] - x[0])


def normal(mean, std):
  return jnp.exp(-(((x - mean) / std) ** 2) / 2) / (std * np.sqrt(2 * np.pi))


p = (normal(-2.0, 0.7) + normal(2.0, 1.0)) / 2
q = normal(0.0, 1.5)

# %% [markdown]
# The discriminator's loss is $-E_p[\log D] - E_q[\log(1 - D)]$. A small network trains on it. The
# theory says
#
# $$D^\ast(x) = \frac{p(x)}{p(x) + q(x)}$$


# %%
class Discriminator(nn.Module):
  @nn.compact
  def __call__(self, points):
    hidden = nn.tanh(nn.Dense(64)(points[:, None]))
    hidden = nn.tanh(nn.Dense(64)(hidden))
    return nn.Dense(1)(hidden)[:, 0]


network = Discriminator()
loss = losses.minimax()


def objective(params):
  logits = network.apply(params, x)
  # The loss has a term for real and a term for fake logits. Each is weighted by its density.
  zero = jnp.full_like(logits, -1e4)
  real, fake = loss.discriminator(logits, zero), loss.discriminator(-zero, logits)
  return cell * (p * real + q * fake).sum()


optimizer = optax.adam(optax.cosine_decay_schedule(1e-2, STEPS))
params = network.init(jax.random.key(0), x)


@jax.jit
def train(params):
  def step(carry, _):
    params, state = carry
    value, gradient = jax.value_and_grad(objective)(params)
    updates, state = optimizer.update(gradient, state)
    return (optax.apply_updates(params, updates), state), value

  return jax.lax.scan(step, (params, optimizer.init(params)), length=STEPS)


(params, _), history = train(params)
trained = jax.nn.sigmoid(network.apply(params, x))
plt.plot(x, p, label='$p$')
plt.plot(x, q, label='$q$')
plt.plot(x, p / (p + q), 'k--', label='$p / (p + q)$')
plt.plot(x, trained, label='trained $D$')
plt.legend()
plt.show()

# %% [markdown]
# Its value is $-\log 4 + 2\,\mathrm{JSD}(p, q)$. A generator that plays against the best
# discriminator minimizes the Jensen-Shannon divergence.

# %%
theory = -np.log(4) + 2 * divergences.jensen_shannon(p, q, cell)
print(f'trained {-history[-1]:.4f}, in theory {theory:.4f}')

# %% [markdown]
# ## Divergences
#
# Move $q$ away from $p$, and compare. Jensen-Shannon is bounded by $\log 2$: far away it is flat,
# and a generator gets no gradient. Wasserstein-1 grows with the distance.

# %%
shifts = np.linspace(0, 5, 41)
narrow = normal(-2.5, 0.3)
curves = {
  'Jensen-Shannon': divergences.jensen_shannon,
  'total variation': divergences.total_variation,
  'squared Hellinger': divergences.squared_hellinger,
  'Wasserstein-1': divergences.wasserstein_of_densities,
}
for name, divergence in curves.items():
  plt.plot(shifts, [divergence(narrow, normal(-2.5 + s, 0.3), cell) for s in shifts], label=name)
plt.xlabel('shift')
plt.legend()
plt.show()

# %% [markdown]
# ## Which divergence a generator descends
#
# Hold the best discriminator fixed. Its logit is $\log p / q$. Then the gradients of these losses
# are known:
#
# | loss of the generator | has the gradient of |
# |---|---|
# | `minimax`: $\log(1 - D)$ | $2\,\mathrm{JSD}$ |
# | `kl`: $\log(1 - D) - \log D$ | $\mathrm{KL}(q \Vert p)$ |
# | `non_saturating`: $-\log D$ | $\mathrm{KL}(q \Vert p) - 2\,\mathrm{JSD}$ |
#
# The left column is differentiated through the samples, the right one through the density.

# %%
start = 0.7
data = normal(0.0, 1.0)
quantiles = jax.scipy.stats.norm.ppf((jnp.arange(20_000) + 0.5) / 20_000)


def by_samples(name):
  generator = getattr(losses, name)().generator
  logit = lambda points: (
    jax.scipy.stats.norm.logpdf(points) - jax.scipy.stats.norm.logpdf(points, start)
  )
  mean = lambda m: generator(jnp.zeros_like(quantiles), logit(m + quantiles)).mean()
  return jax.grad(mean)(start)


js = lambda m: divergences.jensen_shannon(data, normal(m, 1.0), cell)
kl = lambda m: divergences.kl(normal(m, 1.0), data, cell)
targets = {'minimax': lambda m: 2 * js(m), 'kl': kl, 'non_saturating': lambda m: kl(m) - 2 * js(m)}
for name, target in targets.items():
  print(f'{name:15} loss {by_samples(name):.4f}   divergence {jax.grad(target)(start):.4f}')

# %% [markdown]
# ## The Dirac-GAN
#
# All data are at 0. The generator outputs one point $\theta$, and the discriminator is $D(x) = \psi
# x$. The equilibrium is $\theta = \psi = 0$.
#
# Each player follows its own gradient. This is a flow in a plane, and near the equilibrium it turns
# in a circle: the eigenvalues are $\pm i\sqrt{ab}$.
# The R1 penalty $\frac{\gamma}{2} |\nabla D|^2$ pulls the flow to the center.


# %%
def flow(name, gamma=0.0):
  loss = getattr(losses, name)()

  def field(point):
    psi, theta = point
    zero = jnp.zeros(1)
    ours = lambda psi: loss.discriminator(zero, (psi * theta)[None]).sum() + gamma / 2 * psi**2
    theirs = lambda theta: loss.generator(zero, (psi * theta)[None]).sum()
    return -jnp.stack([jax.grad(ours)(psi), jax.grad(theirs)(theta)])

  return field


def trajectory(field, alternating=False, rate=0.1, steps=500):
  def step(point, _):
    if alternating:
      after = point.at[0].add(rate * field(point)[0])
      after = after.at[1].add(rate * field(after)[1])
    else:
      after = point + rate * field(point)
    return after, point

  return jax.lax.scan(step, jnp.ones(2), length=steps)[1]


games = {
  'minimax, simultaneous': (flow('minimax'), False),
  'minimax, alternating': (flow('minimax'), True),
  'non-saturating with R1': (flow('non_saturating', gamma=0.6), False),
}
figure, panels = plt.subplots(1, 3, figsize=(12, 4), sharex=True, sharey=True)
axis = jnp.linspace(-2.5, 2.5, 15)
plane = jnp.stack(jnp.meshgrid(axis, axis), axis=-1)
for panel, (name, (field, alternating)) in zip(panels, games.items(), strict=True):
  arrows = jax.vmap(jax.vmap(field))(plane)
  panel.quiver(plane[..., 0], plane[..., 1], arrows[..., 0], arrows[..., 1], color='silver')
  path = trajectory(field, alternating)
  panel.plot(path[:, 0], path[:, 1], linewidth=1)
  panel.plot(0, 0, 'k+')
  panel.set(title=name, xlabel=r'$\psi$', xlim=(-2.6, 2.6), ylim=(-2.6, 2.6))
  values = np.linalg.eigvals(jax.jacobian(field)(jnp.zeros(2)))
  print(f'{name:25} eigenvalues {np.round(values, 3)}')
panels[0].set_ylabel(r'$\theta$')
plt.show()

# %% [markdown]
# Simultaneous steps leave the circle, alternating steps stay on it, and the penalty reaches the
# center. The page "The theory, as code" of the documentation tests these statements and many more.
