"""Measures every claim of docs/theory.md, prints the numbers, and draws the figures: make theory."""

import pathlib

import critic
import densities as d
import dirac
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

HERE = pathlib.Path(__file__).parent
BLUE, ORANGE, GREEN, RED = 'tab:blue', 'tab:orange', 'tab:green', 'tab:red'


def _axes(count: int, width: float = 4.2):
  figure = Figure(figsize=(width * count, 3.2), dpi=110, layout='constrained')
  return figure, np.atleast_1d(figure.subplots(1, count))


def _save(figure: Figure, name: str) -> None:
  figure.savefig(HERE / f'{name}.png')


def say(claim: str, value: str) -> None:
  """Prints one line of the table."""
  print(f'| {claim} | {value} |', flush=True)


def optimum() -> None:
  """The best discriminator."""
  found = d.optimal_discriminator()
  say('largest error of D* where p + q > 0.001', f'{found["error"]:.4f}')
  say('V(D*, G), trained and -log 4 + 2 JSD', f'{found["value"]:.4f}, {found["theory"]:.4f}')
  figure, (left, right) = _axes(2)
  left.plot(d.X, d.P, color=BLUE, label='p, data')
  left.plot(d.X, d.Q, color=ORANGE, label='q, generator')
  right.plot(d.X, found['best'], color='0.7', linewidth=5, label='p / (p + q)')
  right.plot(d.X, found['found'], color=RED, linewidth=1.2, label='trained D')
  right.axvspan(*_mass(), color='0.95', zorder=0)
  right.set_ylim(-0.05, 1.05)
  for axes in (left, right):
    axes.set_xlabel('x')
    axes.legend(loc='upper left', fontsize=8)
  _save(figure, 'optimum')


def _mass() -> tuple[float, float]:
  inside = d.X[d.P + d.Q > d.MASS]
  return float(inside.min()), float(inside.max())


def shifts() -> None:
  """JSD and Wasserstein-1 of what is moved apart."""
  places = jnp.linspace(0, 3, 151)
  curves = d.shifted(places)
  far = d.shifted(jnp.array([3.0]))
  say('JSD of N(0, 0.1²) and N(3, 0.1²), its slope', _pair(far, 'jensen_shannon'))
  say('Wasserstein-1 of the same, its slope', _pair(far, 'wasserstein'))
  figure, axes = _axes(2)
  for axis, suffix in zip(axes, ('', ' slope'), strict=True):
    axis.plot(places, curves['jensen_shannon' + suffix], color=BLUE, label='Jensen-Shannon')
    axis.plot(places, curves['wasserstein' + suffix], color=ORANGE, label='Wasserstein-1')
    axis.set_xlabel('shift')
    axis.set_ylabel('slope in the shift' if suffix else 'distance')
    axis.legend(fontsize=8)
  _save(figure, 'shift')


def _pair(curves, name: str) -> str:
  return f'{curves[name][0]:.4f}, {curves[name + " slope"][0]:.1e}'


def generators() -> None:
  """Slopes of the generators' losses."""
  slopes = d.generator_slopes()
  ratio = slopes['non_saturating'] / slopes['saturating']
  for name in ('saturating', 'non_saturating', 'kl'):
    say(f"slope of the {name.replace('_', '-')} generator's mean", f'{slopes[name]:.2e}')
  say('non-saturating over saturating', f'{ratio:.0f}')
  say('mean D of the fakes there', f'{slopes["probability of being real"]:.1e}')
  slopes = d.kl_slopes()
  say('slopes of losses.kl in mean and log deviation', _list(slopes['loss'], 5))
  say('slopes of KL(p_g ‖ p_data) in them', _list(slopes['divergence'], 5))


def _list(values, digits: int) -> str:
  return ', '.join(f'{v:.{digits}f}' for v in values)


def bounds() -> None:
  """The f-divergences."""
  for name, row in d.f_bounds().items():
    say(f'{name}: {", ".join(row)}', _list(row.values(), 4))


def critics() -> None:
  """The WGAN-GP critic."""
  figure, (left, right) = _axes(2)
  for (name, settings), color in zip(critic.CRITICS.items(), (BLUE, ORANGE, GREEN), strict=True):
    found = critic.measure(*settings)
    off = found['estimate'] / found['exact'] - 1
    estimate = f'{found["estimate"]:.3f}, {found["exact"]:.3f} ({off:+.1%})'
    say(f'critic, {name}: estimate, exact Wasserstein-1', estimate)
    slopes = f'{found["mean slope"]:.3f}, {found["worst slope"]:.3f}'
    say(f'critic, {name}: mean slope along transport, worst distance from 1', slopes)
    left.plot(d.X, found['critic'] - found['critic'].mean(), color=color, label=name)
    right.plot(d.X, found['slope'], color=color, linewidth=1)
  right.axhline(1, color='0.6', linewidth=0.8)
  for axes, label in ((left, 'critic'), (right, '|slope|')):
    axes.set_xlabel('x')
    axes.set_ylabel(label)
  left.legend(fontsize=8)
  for density, color in zip(critic.densities(), ('0.75', '0.55'), strict=True):
    right.fill_between(d.X, density, color=color, alpha=0.5, linewidth=0)
  _save(figure, 'critic')


def diracs() -> None:
  """The Dirac-GAN: eigenvalues and trajectories."""
  figure, (left, right) = _axes(2)
  for name, (game, theory, batch) in dirac.cases().items():
    upper = dirac.eigenvalues(game, batch)[1]
    say(f'Dirac-GAN, {name}: eigenvalue, by theory', f'{upper:.3f}, {theory:.3f}')
    color = BLUE if abs(theory.real) < 1e-9 else ORANGE
    left.plot([upper.real] * 2, [upper.imag, -upper.imag], 'o', color=color)
  left.axvline(0, color='0.6', linewidth=0.8)
  left.plot([], [], 'o', color=BLUE, label='no penalty')
  left.plot([], [], 'o', color=ORANGE, label='R1, R2, consensus, noise')
  left.set(xlabel='real part', ylabel='imaginary part', xlim=(-0.5, 0.25), ylim=(-1.3, 1.6))
  left.legend(loc='upper right', fontsize=8)
  for name, color in zip(dirac.PATHS, (BLUE, ORANGE, GREEN, RED), strict=True):
    path = dirac.path(name)
    say(f'distance from the equilibrium after 500 steps, {name}', f'{dirac.distance(path):.2g}')
    right.plot(*path[:150].T, color=color, linewidth=1, label=name)
  right.plot(0, 0, 'k+')
  right.set(xlabel='psi', ylabel='theta', xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), aspect='equal')
  right.legend(loc='lower left', fontsize=6)
  _save(figure, 'dirac')


def main() -> None:
  """All of it."""
  print('| claim | measured |\n|---|---|')
  for part in (optimum, shifts, generators, bounds, critics, diracs):
    part()


if __name__ == '__main__':
  main()
