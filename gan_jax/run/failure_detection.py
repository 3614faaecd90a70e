"""Signs of failure in the metrics of a run: a pure fold over its logged lines.

It looks for three kinds, and names each once in a run:

'collapse': the examples of a generated batch are nearly the same. A batch of two or more kinds that
lie apart does not look like that, so a generator that makes two of eight modes goes unseen; what
counts modes is `gan_jax.metrics.modes`.
'discriminator_won': the discriminator tells every pair of a real and a fake example, and the
generator's gradient has vanished, so that it learns no more.
'divergence': scores, losses or gradients are beyond what they were by orders of magnitude.

A kind is named when most lines have looked like it for some time: noise, and what is soon over, is no
failure. Where a game does not report what a kind is seen by, as MMD GAN no accuracy, that kind is never
named; a line without these metrics, as one of scores, is passed over. The same lines give the same
alerts, so a run that goes on replays its own.
"""

import math
import numbers
from collections.abc import Mapping
from typing import Any, NamedTuple

Line = Mapping[str, Any]

LINES, STEPS = 5, 500
"""How long a sign must last: over so many steps, and so many lines, of which one that does not show it
takes away two. Most lines is thus two of three: norms of gradients of one batch are noisy."""

ALIKE = 0.1
"""Of the distance between real examples: the samples of a collapsed generator are less far apart. One
of the eight modes of the ring is 0.014 of it, two next to each other are 0.38."""

BEGINNING = 2000
"""Steps that a generator has whose samples were alike from the first line on, since so it may begin: in
1,200 dimensions those of DCGAN are at 0.02 to 0.06 for 700 steps, and later well apart."""

WON = 0.99
"""The least accuracy of a discriminator that has won. Alone it is no failure: on digits DCGAN's reaches
1, and its generator learns on."""

VANISHED = 0.01
"""Of the highest norm that the generator's gradient kept for two lines: below, it has vanished. In a
game that ends well it may become as small, but of a discriminator that cannot tell."""

FAINT = 0.01
"""The least that is taken for that highest norm: a gradient may have vanished before the first line."""

GROWN = 1000.0
"""Times what a metric was in its first line: beyond, it has diverged. In games that end well the
discriminator's gradient has lines of 200 times on digits (DCGAN) and of 400 on the ring (f-GAN)."""

SMALL, LARGE = 1.0, 1000.0
"""What a metric was in its first line is taken for at least, and at most, this: networks begin with
scores near 0 and learn, and of scores beyond a million float32 keeps nothing finer than 1/16."""

_GAP = 'discriminator/score_gap'
_DIVERGING = ('loss', 'gradient_norm', 'real_score', 'fake_score', 'score_gap')


class Alert(NamedTuple):
  """A failure.

  Attributes:
    name: 'collapse', 'discriminator_won' or 'divergence'.
    text: what was seen, what it usually means, and what to try, for a person.
  """

  name: str
  text: str


class State(NamedTuple):
  """What is remembered of the lines so far, all of it plain.

  Attributes:
    held: {kind: (lines that look like it, less two for each that does not, step of the first)}.
    spread: whether the samples of any line were not alike.
    first: {metric: its size when it was first seen}.
    before: the norm of the generator's gradient in the last line.
    peak: the highest that it kept for two lines.
    told: the kinds that were named.
  """

  held: Mapping[str, tuple[int, int]]
  spread: bool
  first: Mapping[str, float]
  before: float
  peak: float
  told: tuple[str, ...]


def start() -> State:
  """The state before the first line."""
  return State(held={}, spread=False, first={}, before=0.0, peak=FAINT, told=())


def watch(state: State, line: Line) -> tuple[State, tuple[Alert, ...]]:
  """Looks at the next line.

  Args:
    state: of the lines before.
    line: {'step': steps done, '<player>/<name>': the value of a metric, ...}; what else is in it is
      not looked at, and values that are no numbers are as missing.

  Returns:
    The state with this line, and the failures that it shows for the first time.
  """
  line = _with_gap(line)
  state, alerts = _remembered(state, line), []
  for name, look in _LOOKS.items():
    seen = look(state, line)
    if seen is None or name in state.told:
      continue
    lines, since = _lasting(state, name, seen, line['step'])
    state = state._replace(held={**state.held, name: (lines, since)})
    lasts = seen.text and lines >= LINES and line['step'] - since >= STEPS
    if seen.at_once or lasts:
      state = state._replace(told=(*state.told, name))
      alerts.append(Alert(name, f'since step {since} {seen.text}'))
  return state, tuple(alerts)


class _Seen(NamedTuple):
  """What a line shows of a kind of failure: '' if nothing, and whether one line is proof enough."""

  text: str = ''
  at_once: bool = False


def _lasting(state: State, name: str, seen: _Seen, step: int) -> tuple[int, int]:
  """How many lines a kind has lasted, and since when, at a line of this step."""
  lines, since = state.held.get(name, (0, step))
  if not seen.text:
    return max(lines - 2, 0), since
  return lines + 1, since if lines else step


def _collapse(state: State, line: Line) -> _Seen | None:
  real, fake = (_number(line, f'discriminator/{kind}_distance') for kind in ('real', 'fake'))
  if real is None or fake is None:
    return None
  begins = line['step'] <= BEGINNING and not state.spread
  if begins or not fake < ALIKE * real:
    return _Seen()
  return _Seen(
    f'the examples of a generated batch are only {fake:.3g} apart, and real ones {real:.3g}: the '
    'generator makes nearly one example of all latents (collapse). Try a lower learning rate for the '
    'generator, a penalty such as r1 in gan.penalties, another loss, or packs of examples (pacgan).'
  )


def _won(state: State, line: Line) -> _Seen | None:
  accuracy, norm = _number(line, 'discriminator/accuracy'), _number(line, 'generator/gradient_norm')
  if accuracy is None or norm is None:
    return None
  if not (accuracy >= WON and norm <= VANISHED * state.peak):
    return _Seen()
  return _Seen(
    f'the discriminator tells {accuracy:.1%} of real examples from generated ones, and the norm of the '
    f"generator's gradient is {norm:.3g}, of up to {state.peak:.3g} before: the discriminator has won, "
    'and the generator learns no more. Try a loss that does not saturate (non_saturating, hinge), a '
    'lower learning rate for the discriminator, a penalty such as r1, or noise (gan.noise).'
  )


def _divergence(state: State, line: Line) -> _Seen | None:
  sizes = _sizes(line)
  if not sizes:
    return None
  for name, size in sizes.items():
    if not math.isfinite(size):
      return _Seen(f'{name} is {line[name]}: {_DIVERGED}', at_once=True)
  usual = {name: min(max(state.first[name], SMALL), LARGE) for name in sizes}
  name = max(sizes, key=lambda name: sizes[name] / usual[name])
  if sizes[name] <= GROWN * usual[name]:
    return _Seen()
  first = state.first[name]
  already = ', which was too large already' if first > GROWN * LARGE else ''
  return _Seen(f'{name} is {line[name]:.3g}, of a size of {first:.3g} at first{already}: {_DIVERGED}')


_DIVERGED = (
  'the players drive each other away (divergence). Try lower learning rates, a critic that is bounded '
  '(gradient_penalty in gan.penalties, spectral norm, clipped weights), or clipped gradients.'
)

_LOOKS = {'collapse': _collapse, 'discriminator_won': _won, 'divergence': _divergence}


def _remembered(state: State, line: Line) -> State:
  """The state with what later lines are compared with."""
  sizes = {name: size for name, size in _sizes(line).items() if math.isfinite(size)}
  norm = sizes.get('generator/gradient_norm')
  real, fake = (_number(line, f'discriminator/{kind}_distance') for kind in ('real', 'fake'))
  return state._replace(
    spread=state.spread or real is not None and fake is not None and fake >= ALIKE * real,
    first={**sizes, **state.first},
    before=state.before if norm is None else norm,
    peak=state.peak if norm is None else max(state.peak, min(state.before, norm)),
  )


def _with_gap(line: Line) -> Line:
  """The line with how far the mean score of real examples is above that of generated ones."""
  real, fake = (_number(line, f'discriminator/{kind}_score') for kind in ('real', 'fake'))
  return line if real is None or fake is None else {**line, _GAP: real - fake}


def _sizes(line: Line) -> dict[str, float]:
  """The sizes of the metrics that diverge."""
  found = {name: _number(line, name) for name in line if name.rpartition('/')[2] in _DIVERGING}
  return {name: abs(value) for name, value in found.items() if value is not None}


def _number(line: Line, name: str) -> float | None:
  value = line.get(name)
  return float(value) if isinstance(value, numbers.Real) else None
