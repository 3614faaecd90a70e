"""Signs of failure in the metrics of a run: a pure fold over its logged lines.

It looks for three kinds of failure, and reports each once in a run:

- 'collapse': the examples of a generated batch are nearly the same. A generator that makes two of
  eight modes is not found this way, because its examples lie apart; `gan_jax.metrics.mode_coverage`
  counts modes.
- 'discriminator_won': the discriminator tells every pair of a real and a fake example apart. The
  generator's gradient has vanished, so that the generator no longer learns.
- 'divergence': logits, losses or gradients are orders of magnitude larger than they were.

A kind is reported when most lines show it for some time. Noise and short episodes are not failures. A
game may lack the metrics that show a kind, as MMD GAN has no accuracy; then that kind is never
reported. A line without these metrics, such as one of an evaluation, changes nothing. The same lines
give the same alerts, so a resumed run reproduces its own.
"""

import math
import numbers
from collections.abc import Mapping
from typing import Any, NamedTuple

Line = Mapping[str, Any]

LINES, STEPS = 5, 500
"""How long a sign must last, in lines and in steps. A line without the sign cancels two lines with it,
so that two of three lines must show it: norms of gradients of one batch are noisy."""

ALIKE = 0.1
"""Fraction of the distance between real examples below which the samples of a generator have
collapsed. For one of the eight modes of the ring it is 0.014, for two neighboring modes 0.38."""

BEGINNING = 2000
"""Steps for which samples may be alike if they were alike from the first line on. A generator may
begin so: in 1,200 dimensions the fraction for DCGAN is 0.02 to 0.06 for 700 steps, and larger later."""

WON = 0.99
"""The least accuracy of a discriminator that has won. Accuracy alone does not show a failure: on
digits DCGAN's reaches 1, and its generator still learns."""

VANISHED = 0.01
"""Fraction of the highest norm of the generator's gradient, kept for two lines, below which the
gradient has vanished. In a game that ends well it may become as small, but only with a low accuracy."""

FAINT = 0.01
"""Lower bound of that highest norm: a gradient may have vanished before the first line."""

GROWN = 1000.0
"""Factor by which a metric has diverged from its first line. In games that end well, the
discriminator's gradient has lines of 200 times on digits (DCGAN) and of 400 times on the ring
(f-GAN)."""

SMALL, LARGE = 1.0, 1000.0
"""Bounds to which the value of the first line is clipped. Networks begin with logits near 0 and learn,
and float32 resolves logits beyond a million only to 1/16."""

_GAP = 'discriminator/score_gap'
_DIVERGING = ('loss', 'gradient_norm', 'real_score', 'fake_score', 'score_gap')


class Alert(NamedTuple):
  """A failure.

  Attributes:
    name: 'collapse', 'discriminator_won' or 'divergence'.
    text: what the metrics show, what it usually means, and what to try.
  """

  name: str
  text: str


class State(NamedTuple):
  """The summary of the lines so far, in plain values.

  Attributes:
    shown: {kind: (lines that show it, less two for each that does not, step of the first)}.
    spread: whether the samples of any line were not alike.
    first: {metric: its absolute value in its first line}.
    last_norm: the norm of the generator's gradient in the last line.
    peak: the highest norm that it kept for two lines.
    reported: the kinds that were reported.
  """

  shown: Mapping[str, tuple[int, int]]
  spread: bool
  first: Mapping[str, float]
  last_norm: float
  peak: float
  reported: tuple[str, ...]


def start() -> State:
  """Returns the state before the first line."""
  return State(shown={}, spread=False, first={}, last_norm=0.0, peak=FAINT, reported=())


def watch(state: State, line: Line) -> tuple[State, tuple[Alert, ...]]:
  """Updates the state with the next line.

  Args:
    state: of the lines before.
    line: {'step': steps done, '<player>/<name>': the value of a metric, ...}. Other keys are ignored,
      and a value that is not a number counts as missing.

  Returns:
    The state with this line, and the failures that it shows for the first time.
  """
  line = _with_gap(line)
  state, alerts = _updated(state, line), []
  for name, find in _FINDERS.items():
    sign = find(state, line)
    if sign is None or name in state.reported:
      continue
    lines, since = _lasting(state, name, sign, line['step'])
    state = state._replace(shown={**state.shown, name: (lines, since)})
    lasts = sign.text and lines >= LINES and line['step'] - since >= STEPS
    if sign.at_once or lasts:
      state = state._replace(reported=(*state.reported, name))
      alerts.append(Alert(name, f'since step {since} {sign.text}'))
  return state, tuple(alerts)


class _Sign(NamedTuple):
  """The sign of a failure in a line: its text, '' without a sign, and whether one line is enough."""

  text: str = ''
  at_once: bool = False


def _lasting(state: State, name: str, sign: _Sign, step: int) -> tuple[int, int]:
  """The number of lines that a kind has lasted, and its first step, at a line of this step."""
  lines, since = state.shown.get(name, (0, step))
  if not sign.text:
    return max(lines - 2, 0), since
  return lines + 1, since if lines else step


def _collapse(state: State, line: Line) -> _Sign | None:
  real, fake = (_number(line, f'discriminator/{kind}_distance') for kind in ('real', 'fake'))
  if real is None or fake is None:
    return None
  begins = line['step'] <= BEGINNING and not state.spread
  if begins or not fake < ALIKE * real:
    return _Sign()
  return _Sign(
    f'the examples of a generated batch are only {fake:.3g} apart, and real ones {real:.3g}: the '
    'generator makes nearly one example of all latents (collapse). Try a lower learning rate for the '
    'generator, a penalty such as r1 in gan.penalties, another loss, or packs of examples (pacgan).'
  )


def _won(state: State, line: Line) -> _Sign | None:
  accuracy, norm = _number(line, 'discriminator/accuracy'), _number(line, 'generator/gradient_norm')
  if accuracy is None or norm is None:
    return None
  if not (accuracy >= WON and norm <= VANISHED * state.peak):
    return _Sign()
  return _Sign(
    f'the discriminator tells {accuracy:.1%} of real examples from generated ones. The norm of the '
    f"generator's gradient is {norm:.3g}, of up to {state.peak:.3g} before: the discriminator has won, "
    'and the generator learns no more. Try a loss that does not saturate (non_saturating, hinge), a '
    'lower learning rate for the discriminator, a penalty such as r1, or noise (gan.noise).'
  )


def _divergence(state: State, line: Line) -> _Sign | None:
  sizes = _sizes(line)
  if not sizes:
    return None
  for name, size in sizes.items():
    if not math.isfinite(size):
      return _Sign(f'{name} is {line[name]}: {_DIVERGED}', at_once=True)
  usual = {name: min(max(state.first[name], SMALL), LARGE) for name in sizes}
  name = max(sizes, key=lambda name: sizes[name] / usual[name])
  if sizes[name] <= GROWN * usual[name]:
    return _Sign()
  first = state.first[name]
  already = ', which was too large already' if first > GROWN * LARGE else ''
  return _Sign(f'{name} is {line[name]:.3g}, of a size of {first:.3g} at first{already}: {_DIVERGED}')


_DIVERGED = (
  'the players drive each other away (divergence). Try lower learning rates, a critic that is bounded '
  '(gradient_penalty in gan.penalties, spectral norm, clipped weights), or clipped gradients.'
)

_FINDERS = {'collapse': _collapse, 'discriminator_won': _won, 'divergence': _divergence}


def _updated(state: State, line: Line) -> State:
  """The state with the values of a line that later lines are compared with."""
  sizes = {name: size for name, size in _sizes(line).items() if math.isfinite(size)}
  norm = sizes.get('generator/gradient_norm')
  real, fake = (_number(line, f'discriminator/{kind}_distance') for kind in ('real', 'fake'))
  return state._replace(
    spread=state.spread or real is not None and fake is not None and fake >= ALIKE * real,
    first={**sizes, **state.first},
    last_norm=state.last_norm if norm is None else norm,
    peak=state.peak if norm is None else max(state.peak, min(state.last_norm, norm)),
  )


def _with_gap(line: Line) -> Line:
  """The line with the difference between the mean logits of real and of generated examples."""
  real, fake = (_number(line, f'discriminator/{kind}_score') for kind in ('real', 'fake'))
  return line if real is None or fake is None else {**line, _GAP: real - fake}


def _sizes(line: Line) -> dict[str, float]:
  """The absolute values of the metrics that can diverge."""
  values = {name: _number(line, name) for name in line if name.rpartition('/')[2] in _DIVERGING}
  return {name: abs(value) for name, value in values.items() if value is not None}


def _number(line: Line, name: str) -> float | None:
  value = line.get(name)
  return float(value) if isinstance(value, numbers.Real) else None
