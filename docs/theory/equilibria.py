"""Training near the equilibrium of the Dirac-GAN: measured and exact eigenvalues, and trajectories."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from claims import Row
from dirac import Case, eigenvalues, field, game, ordered, step, trajectory

from gan_jax.common import lookup
from gan_jax.divergences import f_divergences

NON_SATURATING = {'name': 'non_saturating'}
WASSERSTEIN = {'name': 'wasserstein'}
NOISE, NOISE_BATCH = 0.7, 20_000


def pair(real: float, squared: float) -> np.ndarray:
  """Returns real +- sqrt(squared), where squared may be negative."""
  root = np.sqrt(complex(squared))
  return ordered([real - root, real + root])


def plain() -> dict[str, Case]:
  """Returns losses without regularization: +- i sqrt(a b).

  Here a and b are the derivatives of both players' losses in the fake logit.
  """
  base = {'base': NON_SATURATING}
  specs = {
    'minimax': ({}, 1 / 4),
    'non_saturating': ({}, 1 / 4),
    'kl': ({}, 1 / 2),
    'wasserstein': ({}, 1),
    'hinge': ({}, 1),
    'energy_margin': ({'margin': 1.0}, 1),
    'relativistic_paired': (base, 1 / 4),
    'relativistic_average': (base, 1),
  }
  cases = {
    name: Case(game({'name': name, **arguments}), pair(0, -product), f'losses.{name}')
    for name, (arguments, product) in specs.items()
  }
  for name in lookup.factories(f_divergences):
    f = getattr(f_divergences, name)()
    product = jax.grad(f.conjugate_of_output)(0.0) * jax.grad(f.output)(0.0)
    played = game({'name': 'f_divergence', 'divergence': name})
    function = f"losses.f_divergence('{name}')"
    cases[f'f-GAN, {name}'] = Case(played, pair(0, -product), function)
  return cases | _least_squares()


def _least_squares() -> dict[str, Case]:
  """Returns least squares with labels a, b, c.

  The eigenvalues are +- sqrt(a c), or with a bias +- sqrt((a - b) (2 c - a - b)) / 2 and -2.
  """
  cases = {}
  for labels in ((-1.0, 1.0, 1.0), (0.0, 1.0, 1.0), (-1.0, 1.0, 0.0)):
    a, b, c = labels
    loss = {'name': 'least_squares', 'fake': a, 'real': b, 'target': c}
    name = f'least_squares({a:g}, {b:g}, {c:g})'
    biased = pair(0, -(b - a) * (2 * c - a - b) / 4)
    cases[name] = Case(game(loss), pair(0, a * c), 'losses.least_squares')
    with_bias = game(loss, bias=(a + b) / 2)
    theory = ordered([-2, *biased])
    cases[f'{name}, with a bias'] = Case(with_bias, theory, 'losses.least_squares')
  return cases


def regularized() -> dict[str, Case]:
  """Returns losses with a term that damps rotation."""
  return _zero_centered() | _gradient_penalties() | _others()


def _penalized(loss, penalties, theory, **arguments) -> Case:
  """Returns the case of a loss with penalties; its function is the last penalty."""
  played = game(loss, penalties=penalties)
  return Case(played, theory, f'regularizers.{list(penalties)[-1]}', **arguments)


def _zero_centered() -> dict[str, Case]:
  """Returns cases with -gamma / 2 +- sqrt(gamma^2 / 4 - f'(0)^2).

  The weight is gamma / 2, and f'(0) is 1/2 or 1.
  """
  paired = {'name': 'relativistic_paired', 'base': NON_SATURATING}
  both = {'r1': {'weight': 0.15}, 'r2': {'weight': 0.15}}
  weak, strong = {'weight': 0.3}, {'weight': 1.0}
  damped = pair(-0.3, 0.09 - 0.25)
  return {
    'non_saturating, R1, γ = 0.6': _penalized(NON_SATURATING, {'r1': weak}, damped),
    'non_saturating, R2, γ = 0.6': _penalized(NON_SATURATING, {'r2': weak}, damped),
    'non_saturating, R1, γ = 2': _penalized(NON_SATURATING, {'r1': strong}, pair(-1, 1 - 0.25)),
    'wasserstein, R1, γ = 0.6': _penalized(WASSERSTEIN, {'r1': weak}, pair(-0.3, 0.09 - 1)),
    'relativistic_paired, R1 and R2, γ = 0.3 each': _penalized(paired, both, damped),
  }


def _gradient_penalties() -> dict[str, Case]:
  """Returns gradient penalties: with target 0 as R1; one-sided with target 1 as without a penalty."""
  cases = {}
  for kind, name in (('gradient_penalty', 'gradient penalty'), ('dragan', 'DRAGAN')):
    # The gradient of a norm at 0 is defined as 0, so the squared norm has no curvature there.
    cases[f'non_saturating, {name} with target 0'] = _penalized(
      NON_SATURATING, {kind: {'weight': 0.3, 'target': 0.0}}, pair(-0.3, 0.09 - 0.25), off=1e-4
    )
    cases[f'wasserstein, one-sided {name}'] = _penalized(
      WASSERSTEIN, {kind: {'weight': 10.0, 'one_sided': True}}, pair(0, -1)
    )
  return cases


def _others() -> dict[str, Case]:
  """LeCam, consensus and instance noise."""
  # The penalty is of fourth order in psi and theta if both averages are 0.
  lecam = _penalized(NON_SATURATING, {'lecam': {'weight': 10.0}}, pair(0, -1 / 4))
  # -gamma f'(0)^2 +- i f'(0).
  damped = np.array([-0.25 - 0.5j, -0.25 + 0.5j])
  consensus = Case(game(NON_SATURATING, weight=1.0), damped, 'gans.consensus')
  # f''(0) s^2 +- sqrt(f''(0)^2 s^4 - f'(0)^2), with f''(0) = -1/4; by Monte Carlo.
  shrink = -(NOISE**2) / 4
  noisy = game(NON_SATURATING, noise={'scale': NOISE, 'steps': 10})
  theory = pair(shrink, shrink**2 - 0.25)
  return {
    'non_saturating, LeCam': lecam,
    'non_saturating, consensus, γ = 1': consensus,
    'non_saturating, instance noise of 0.7': Case(
      noisy, theory, 'gans.two_player, noise', NOISE_BATCH, 0.01
    ),
  }


def penalized_force(psi: float, weight: float = 1.0) -> float:
  """Returns the force on psi at theta = 0 in WGAN-GP, which is 2 weight (1 - |psi|), away from 0."""
  played = game(WASSERSTEIN, penalties={'gradient_penalty': {'weight': weight}})
  return float(field(played)(jnp.array([psi, 0.0]))[0])


RATE = 0.1
STEPS = 500
PENALTY = {'gradient_penalty': {'weight': 1.0}}
WEAK = {'gradient_penalty': {'weight': 0.3}}
PLAYED = {
  'Wasserstein': (game(WASSERSTEIN), 'simultaneous'),
  'Wasserstein, alternating': (game(WASSERSTEIN), 'alternating'),
  'Wasserstein, extragradient': (game(WASSERSTEIN), 'extragradient'),
  'minimax': (game({'name': 'minimax'}), 'simultaneous'),
  'WGAN-GP, λ = 0.3': (game(WASSERSTEIN, penalties=WEAK), 'simultaneous'),
  'WGAN-GP, λ = 1': (game(WASSERSTEIN, penalties=PENALTY), 'simultaneous'),
  'Wasserstein, R1': (game(WASSERSTEIN, penalties={'r1': {'weight': 0.3}}), 'simultaneous'),
  'Wasserstein, consensus': (game(WASSERSTEIN, weight=0.3), 'simultaneous'),
}


@functools.cache
def paths() -> dict[str, np.ndarray]:
  """Returns {name: trajectory} of PLAYED."""
  return {
    name: trajectory(step(played, order, RATE), STEPS) for name, (played, order) in PLAYED.items()
  }


def factor(order: str) -> float:
  """Returns the factor by which a step multiplies the distance from the equilibrium near it.

  It is the largest |eigenvalue|.
  """
  advance = step(game({'name': 'minimax'}), order, RATE)
  jacobian = jax.jacobian(advance)(jnp.zeros(2))
  return float(np.abs(np.linalg.eigvals(np.asarray(jacobian, np.float64))).max())


def rows() -> list[Row]:
  """Returns the claims."""
  claims = [
    Row(name, case.function, eigenvalues(case), case.theory, case.within)
    for name, case in (plain() | regularized()).items()
  ]
  what, function = 'WGAN-GP, λ = 1: force on ψ at ψ = {:g}, θ = 0', 'regularizers.gradient_penalty'
  claims += [
    Row(what.format(psi), function, penalized_force(psi), theory, 1e-3)
    for psi, theory in ((0.001, 1.998), (-0.001, -1.998))
  ]
  return claims + _orders() + _ends()


def _orders() -> list[Row]:
  """Returns claims about minimax, with a = rate f'(0).

  The eigenvalues are 1 +- i a, of modulus 1, and 1 - a^2 +- i a.
  """
  a = RATE / 2
  theory = {
    'simultaneous': np.hypot(1, a),
    'alternating': 1.0,
    'extragradient': np.hypot(1 - a**2, a),
  }
  what, function = 'minimax, {}: growth of the distance in a step', 'training.step.make_step'
  return [
    Row(what.format(order), function, factor(order) - 1, value - 1, 1e-5)
    for order, value in theory.items()
  ]


def _ends() -> list[Row]:
  """Returns claims about the final distances from the equilibrium.

  Wasserstein's dynamics are linear, so its distances are known.
  """
  theory = {
    'Wasserstein': (np.sqrt(2) * (1 + RATE**2) ** (STEPS / 2), 0.01),
    'Wasserstein, extragradient': (np.sqrt(2) * np.hypot(1 - RATE**2, RATE) ** STEPS, 0.01),
    'Wasserstein, R1': (0.0, 0.01),
    'Wasserstein, consensus': (0.0, 0.01),
    # For psi > 0 the field is (2 weight (1 - psi) - theta, psi), with a fixed point at (0, 2 weight).
    'WGAN-GP, λ = 1': (2.0, 0.01),
    'WGAN-GP, λ = 0.3': (0.0, None),
    'minimax': (0.0, None),
  }
  ends = {name: float(np.hypot(*path[-1])) for name, path in paths().items()}
  what, function = f'{{}}: distance after {STEPS} steps from (1, 1)', 'training.step.make_step'
  return [Row(what.format(name), function, ends[name], *known) for name, known in theory.items()]
