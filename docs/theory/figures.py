"""Measures all numbers of docs/theory.md, prints them as a table, and draws the figures.

python docs/theory/figures.py

It takes a minute or two on two cores. It also writes the table to docs/theory.md, and the figures to
docs/theory/. All seeds are fixed: 0 for networks and games, 2 for the samples of kernel distances.
"""

import pathlib
import sys

import claims
import critic
import dirac
import equilibria
import gradients
import kernels
import matplotlib
import numpy as np
import optimal
import page
from densities import P, Q, X
from densities import critic as network
from jax.nn import sigmoid

from gan_jax.common import output

matplotlib.use('Agg')
# The user's settings would change the pictures.
matplotlib.rcdefaults()
from matplotlib import pyplot as plt  # noqa: E402

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parent / 'theory.md'
SECTIONS = {
  'Trained discriminators': optimal,
  'Gradients of generators': gradients,
  'The critic of WGAN-GP': critic,
  'Kernel distances': kernels,
  'The Dirac-GAN: eigenvalues and trajectories': equilibria,
}
BLUE, ORANGE, GREEN, GRAY = '#1f5fa8', '#d9730d', '#2a8c4a', '#777777'
STYLE = {
  'font.size': 9,
  'axes.spines.top': False,
  'axes.spines.right': False,
  'axes.titlesize': 10,
  'legend.frameon': False,
  'lines.linewidth': 1.6,
  'savefig.dpi': 130,
  'figure.constrained_layout.use': True,
}


def draw_discriminator() -> None:
  """Draws the optimal discriminator, and JSD and Wasserstein-1 of densities that separate."""
  figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.3))
  left.fill_between(X, P, color=BLUE, alpha=0.2, label='data, $p$')
  left.fill_between(X, Q, color=ORANGE, alpha=0.2, label='generator, $q$')
  left.plot(X, P / (P + Q), color=GRAY, linewidth=4, alpha=0.4, label='$p / (p + q)$')
  output = sigmoid(network(optimal.cross_entropy())(X))
  left.plot(X, np.where(P + Q > optimal.MASS, output, np.nan), color='black', label='trained $D$')
  left.set(title='The discriminator that minimax trains', xlabel='$x$', xlim=(-6, 6), ylim=(0, 1.02))
  left.legend(loc='upper right', bbox_to_anchor=(0.77, 1), fontsize=8)
  shifts = np.linspace(0.01, 1.5, 120)
  for name, color, label in (
    ('wasserstein_of_densities', GREEN, 'Wasserstein-1'),
    ('jensen_shannon', BLUE, 'Jensen-Shannon'),
  ):
    values = [float(gradients.moved(name)(shift)[0]) for shift in shifts]
    right.plot(shifts, values, color=color, label=label)
  right.axhline(np.log(2), color=GRAY, linewidth=1, linestyle=':', label='log 2')
  right.axvspan(0, 2 * gradients.WIDTH, color=GRAY, alpha=0.12, linewidth=0)
  right.text(gradients.WIDTH, 1.42, 'supports overlap', ha='center', fontsize=8, color=GRAY)
  right.set(
    title='Distance between a density and its shifted copy',
    xlabel='shift',
    xlim=(0, 1.5),
    ylim=(0, 1.5),
  )
  right.legend(loc='lower right')
  _save(figure, 'discriminator')


def draw_critic() -> None:
  """Draws the gradient norms of two critics, measured and in theory, beside the densities."""
  figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.3))
  left.fill_between(X, critic.P, color=BLUE, alpha=0.25, label='data')
  left.fill_between(X, critic.Q, color=ORANGE, alpha=0.25, label='generator')
  left.plot(X, critic.between(), color='black', label='penalized points, $r$')
  left.set(title='Densities', xlabel='$x$', xlim=(-3.5, 4), ylim=(0, 1.05))
  left.legend(loc='upper right')
  # Elsewhere there is hardly any mass to transport, and the penalty has hardly any weight.
  visible = critic.between() > 0.01
  for name, color in (('λ = 10', GREEN), ('λ = 100', BLUE)):
    theory = np.where(visible, critic.best_gradient_norm(critic.CRITICS[name][0]), np.nan)
    right.plot(X, theory, color=color, linewidth=5, alpha=0.3, label=f'{name}, theory')
    measured = np.where(visible, critic.measure(name).norms, np.nan)
    right.plot(X, measured, color=color, label=f'{name}, trained')
  right.axhline(1, color=GRAY, linewidth=1, linestyle=':')
  right.set(title="The critic's gradient norm $|f'(x)|$", xlabel='$x$', xlim=(-3.5, 4), ylim=(0.9, 1.4))
  right.legend(loc='upper right', ncols=2, fontsize=8)
  _save(figure, 'critic')


def draw_dirac() -> None:
  """Draws eigenvalues in the complex plane, and trajectories."""
  figure = plt.figure(figsize=(12, 4.8))
  plane, side = figure.subfigures(1, 2, width_ratios=(1, 2.3))
  _eigenvalues(plane.subplots())
  for panel, (name, path) in zip(side.subplots(2, 4).flat, equilibria.paths().items(), strict=True):
    panel.plot(path[:, 1], path[:, 0], color=BLUE, linewidth=0.9)
    panel.plot(1, 1, 'o', color=ORANGE, markersize=4)
    panel.plot(0, 0, '+', color='black', markersize=9)
    limit = 1.1 * max(np.abs(path).max(), 1.2)
    panel.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect='equal')
    panel.set_title(name, fontsize=9)
    panel.set_xlabel('θ', labelpad=0)
    panel.set_ylabel('ψ', rotation=0, labelpad=0)
  _save(figure, 'dirac')


def _eigenvalues(plane: plt.Axes) -> None:
  for cases, color, marker, label in (
    (equilibria.plain(), ORANGE, 'o', 'without regularization'),
    (equilibria.regularized(), BLUE, 'D', 'with a regularizer'),
  ):
    # The eigenvalue of a bias is not shown, because it does not rotate with the others.
    without_bias = [case for name, case in cases.items() if not name.endswith('bias')]
    values = np.concatenate([dirac.eigenvalues(case) for case in without_bias])
    plane.scatter(values.real, values.imag, s=22, color=color, marker=marker, alpha=0.7, label=label)
  plane.axvline(0, color=GRAY, linewidth=1)
  plane.axvspan(-2.2, 0, color=GREEN, alpha=0.08, linewidth=0)
  plane.text(-1.1, 0.6, 'attracted', ha='center', color=GREEN)
  plane.set(title='Eigenvalues at the equilibrium', xlabel='real part', ylabel='imaginary part')
  plane.set(xlim=(-2.2, 0.3), ylim=(-1.2, 1.2))
  plane.legend(loc='lower left')


def _save(figure: plt.Figure, name: str) -> None:
  figure.savefig(HERE / f'{name}.png')
  plt.close(figure)


def main() -> None:
  """Measures, prints and draws; exits with an error if a claim does not hold."""
  sections = {title: module.rows() for title, module in SECTIONS.items()}
  table = claims.table(sections)
  print(table)
  PAGE.write_text(page.with_table(PAGE.read_text(), table))
  with plt.rc_context(STYLE):
    for draw in (draw_discriminator, draw_critic, draw_dirac):
      draw()
  failed = [row.what for rows in sections.values() for row in rows if not row.holds]
  if failed:
    sys.exit('these claims do not hold: ' + '; '.join(failed))


if __name__ == '__main__':
  output.protect()
  main()
