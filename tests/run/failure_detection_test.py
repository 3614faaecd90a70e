"""Signs of failure: on lines made up, and on games of points that are made to fail."""

import dataclasses
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax.config.run_config import parse
from gan_jax.gans import two_player
from gan_jax.run import failure_detection, setup
from gan_jax.runtime import devices
from gan_jax.training.step import make_step
from helpers.experiments import ROOT, experiment

HEALTHY = {
  'discriminator/loss': 1.2,
  'discriminator/gradient_norm': 2.0,
  'discriminator/real_score': 0.5,
  'discriminator/fake_score': -0.5,
  'discriminator/accuracy': 0.7,
  'discriminator/real_distance': 2.0,
  'discriminator/fake_distance': 1.8,
  'generator/loss': 0.8,
  'generator/gradient_norm': 4.0,
  'generator/fake_score': -0.5,
}
ALIKE = {'discriminator/fake_distance': 0.1}
LOST = {'discriminator/accuracy': 1.0, 'generator/gradient_norm': 0.01}
WILD = {'discriminator/loss': -5000.0}
SIGNS = {'collapse': ALIKE, 'discriminator_won': LOST, 'divergence': WILD}


def run(*parts, every=100):
  """The lines of a run: for each part (count, changes), `count` lines with these metrics."""
  changes = [change for count, change in parts for _ in range(count)]
  return [{'step': every * (i + 1), **HEALTHY, **change} for i, change in enumerate(changes)]


def fold(lines):
  """The state after the lines, and the alerts with the steps at which they came."""
  state, found = failure_detection.start(), []
  for line in lines:
    state, alerts = failure_detection.watch(state, line)
    found += [(line['step'], alert) for alert in alerts]
  return state, found


def named(lines):
  return [(step, alert.name) for step, alert in fold(lines)[1]]


def without(lines, *names):
  return [{key: v for key, v in line.items() if key not in names} for line in lines]


def test_healthy_run_has_no_alerts():
  assert named(run((50, {}))) == []


@pytest.mark.parametrize('name', SIGNS)
def test_lasting_sign_is_reported_once(name):
  # From the fourth line on, at step 400: 500 steps later.
  assert named(run((3, {}), (50, SIGNS[name]))) == [(900, name)]


@pytest.mark.parametrize('name', SIGNS)
def test_returning_sign_is_not_reported_again(name):
  assert named(run((3, {}), (10, SIGNS[name]), (10, {}), (30, SIGNS[name]))) == [(900, name)]


@pytest.mark.parametrize('name', SIGNS)
def test_brief_sign_is_not_reported(name):
  assert named(run((3, {}), *((5, SIGNS[name]), (5, {})) * 9)) == []
  assert named(run((3, {}), *((2, SIGNS[name]), (1, {})) * 30)) == []


@pytest.mark.parametrize('name', SIGNS)
def test_lasting_sign_survives_a_single_healthy_line(name):
  # At 400, 500, 600, not at 700, 800 and on: 3 - 2 + 4 lines at 1100.
  assert named(run((3, {}), (3, SIGNS[name]), (1, {}), (30, SIGNS[name]))) == [(1100, name)]
  # From 36 on it is 500 steps at 540, but what is named must be seen.
  assert named(run((3, {}), (56, SIGNS[name]), (1, {}), (30, SIGNS[name]), every=9)) == [(549, name)]


@pytest.mark.parametrize('name', SIGNS)
@pytest.mark.parametrize(
  ('every', 'step'),
  [
    # 501 lines, 51, 11, 6; then at least 5 lines.
    (1, 504),
    (10, 540),
    (50, 700),
    (100, 900),
    (500, 4000),
  ],
)
def test_lasting_sign_needs_both_lines_and_steps(name, every, step):
  assert named(run((3, {}), (600, SIGNS[name]), every=every)) == [(step, name)]


def test_two_signs_are_both_reported():
  assert named(run((3, {}), (3, ALIKE), (20, ALIKE | WILD))) == [
    (900, 'collapse'),
    (1200, 'divergence'),
  ]


def test_similar_samples_at_the_start_are_not_a_collapse():
  assert named(run((20, ALIKE), (30, {}))) == []
  assert named(run((60, ALIKE))) == [(2600, 'collapse')]
  assert named(run((1, {}), (60, ALIKE))) == [(700, 'collapse')]


@pytest.mark.parametrize(
  ('changes', 'name'),
  [
    ({'discriminator/fake_distance': 0.199}, 'collapse'),
    ({'discriminator/fake_distance': 0.2}, None),
    ({'discriminator/fake_distance': 0.0}, 'collapse'),
    # A batch of one.
    ({'discriminator/fake_distance': 0.0, 'discriminator/real_distance': 0.0}, None),
    # An accuracy of 1 with a gradient, and a faint gradient of a discriminator that cannot tell.
    ({**LOST, 'generator/gradient_norm': 0.041}, None),
    ({**LOST, 'generator/gradient_norm': 0.0399}, 'discriminator_won'),
    ({**LOST, 'discriminator/accuracy': 0.99}, 'discriminator_won'),
    ({**LOST, 'discriminator/accuracy': 0.98}, None),
    # From 1.2, -0.5 (which counts as 1) and 4 on.
    ({'discriminator/loss': 1201.0}, 'divergence'),
    ({'discriminator/loss': -1199.0}, None),
    ({'generator/fake_score': -1001.0}, 'divergence'),
    ({'generator/fake_score': 999.0}, None),
    # Neither score alone, but how far they are apart.
    ({'discriminator/real_score': 600.0, 'discriminator/fake_score': -600.0}, 'divergence'),
    ({'discriminator/real_score': 900.0, 'discriminator/fake_score': 900.0}, None),
    ({'generator/gradient_norm': 4001.0}, 'divergence'),
    ({'generator/gradient_norm': 3999.0}, None),
    ({'discriminator/r1': 1e9}, None),
  ],
)
def test_threshold_separates_alert_from_no_alert(changes, name):
  found = named(run((3, {}), (30, changes)))
  assert [kind for _, kind in found] == ([name] if name else [])


def test_limit_of_large_outputs_is_a_million():
  # Those of the first line count as 1000, whatever they were.
  large = {'discriminator/real_score': 5e4}
  assert named(run((3, large), (30, {'discriminator/real_score': 9e5}))) == []
  assert named(run((3, large), (30, {'discriminator/real_score': 1.1e6}))) == [(900, 'divergence')]


def test_value_too_large_from_the_first_line_is_reported_as_such():
  [(_, alert)] = fold(run((30, {'generator/gradient_norm': 2e7})))[1]
  assert 'is 2e+07, of a size of 2e+07 at first, which was too large already: the' in alert.text


def test_single_high_gradient_does_not_set_the_reference():
  tells = {'discriminator/accuracy': 1.0}
  spike = {**tells, 'generator/gradient_norm': 1e3}
  assert named(run((3, tells), (1, spike), (30, tells))) == []
  assert named(run((3, tells), (2, spike), (30, tells))) == [(1100, 'discriminator_won')]


def test_gradient_vanished_before_the_first_line_is_reported():
  assert named(run((30, {**LOST, 'generator/gradient_norm': 0.9e-4}))) == [(600, 'discriminator_won')]
  assert named(run((30, {**LOST, 'generator/gradient_norm': 1.1e-4}))) == []


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
def test_nonfinite_value_is_reported_at_once(value):
  assert named(run((3, {}), (5, {'generator/loss': value}))) == [(400, 'divergence')]
  assert named(run((5, {'discriminator/real_score': value}))) == [(100, 'divergence')]


@pytest.mark.parametrize(
  ('missing', 'name'),
  [
    ('discriminator/accuracy', 'discriminator_won'),
    ('generator/gradient_norm', 'discriminator_won'),
    ('discriminator/real_distance', 'collapse'),
    ('discriminator/fake_distance', 'collapse'),
  ],
)
def test_missing_metrics_are_ignored(missing, name):
  lines = run((3, {}), (30, ALIKE | LOST | WILD))
  assert {kind for _, kind in named(lines)} == set(SIGNS)
  assert {kind for _, kind in named(without(lines, missing))} == set(SIGNS) - {name}


def test_lines_without_metrics_are_ignored():
  lines = run((3, {}), (30, ALIKE | LOST | WILD))
  others = [
    {'step': 450, 'modes/captured': 3.0},
    {'step': 650, 'frechet_digits': None, 'card': {'data': 'x'}},
    {'step': 850, 'alerts': [{'name': 'collapse', 'text': ''}], 'discriminator/loss': None},
  ]
  mixed = sorted(lines + others, key=lambda line: line['step'])
  assert fold(mixed) == fold(lines)
  # Such a line does not keep up the gradient of the one before.
  tells = {'discriminator/accuracy': 1.0}
  lines = run((3, tells), (1, {**tells, 'generator/gradient_norm': 1e3}), (30, tells))
  assert named([*lines[:4], {'step': 450, 'modes/captured': 3.0}, *lines[4:]]) == []


def test_state_is_rebuilt_from_the_metrics_file():
  lines = run((3, {}), (4, ALIKE), (2, {}), (10, ALIKE | LOST), (20, WILD), (3, {}), every=90)
  state, found = fold(lines)
  assert [alert.name for _, alert in found] == ['collapse', 'discriminator_won', 'divergence']
  written = [json.loads(json.dumps(line)) for line in lines]
  for stop in range(len(lines)):
    again, before = fold(written[:stop])
    after = []
    for line in written[stop:]:
      again, alerts = failure_detection.watch(again, line)
      after += [(line['step'], alert) for alert in alerts]
    assert (again, before + after) == (state, found)


def test_state_is_not_modified_by_watching():
  state, _ = fold(run((3, {}), (4, ALIKE | LOST | WILD)))
  before = json.dumps(state)
  failure_detection.watch(state, run((9, WILD))[-1])
  assert json.dumps(state) == before


@pytest.mark.parametrize(
  ('name', 'parts'),
  [
    ('collapse', ['since step 400', '0.1 apart, and real ones 2', 'collapse', 'pacgan']),
    ('discriminator_won', ['since step 400', '100.0%', 'is 0.01, of up to 4', 'won', 'non_saturating']),
    (
      'divergence',
      ['since step 400', 'loss is -5e+03, of a size of 1.2', 'divergence', 'learning rates'],
    ),
  ],
)
def test_alert_states_evidence_meaning_and_advice(name, parts):
  [(_, alert)] = fold(run((3, {}), (30, SIGNS[name])))[1]
  assert isinstance(alert.text, str)
  for part in parts:
    assert part in alert.text


class Away(nn.Module):
  """A generator that moves its latents, at first to where no data is."""

  @nn.compact
  def __call__(self, latents, *, train, key=None):
    return latents + self.param('place', lambda key: jnp.array([5.0, 5.0]))


class Peak(nn.Module):
  """A discriminator that knows one place, at first a mode of the ring, and scores what is near it."""

  @nn.compact
  def __call__(self, x, *, train, key=None):
    place = self.param('place', lambda key: jnp.array([1.0, 0.0]))
    return -((x - place) ** 2).sum(axis=1)


def adam(rate):
  return {'optimizer': 'adam', 'learning_rate': rate, 'updates_per_step': 1}


def trained(name, steps, rates, every=10, **networks):
  """The lines that a run on the ring would log, with these optimizers and these networks."""
  players = {f'players.{player}': spec for player, spec in rates.items()}
  sizes = {'batch_size': 64, 'steps_per_call': every}
  sizes |= {f'networks.{network}.hidden': (64, 64) for network in ('discriminator', 'generator')}
  config = experiment(ROOT / 'experiments' / f'{name}.py', 'ring', **players, **sizes)
  built, local = setup.assemble_run(parse(config)), jax.devices()[:1]
  if networks:
    arguments = {key: value for key, value in config['gan'].items() if key != 'name'}
    game = two_player.make({**built.game.networks, **networks}, **arguments)
    built = dataclasses.replace(built, game=game)
  step = make_step(built.game, built.play, built.source.batch, devices.GLOBAL_BATCH, every)
  call = devices.Program(step, local)
  state = devices.replicate(setup.initial_state(built), local)
  feed = devices.shard_batch(built.source.arrays, config['batch_size'], local)
  lines = []
  for done in range(every, steps + 1, every):
    state, metrics = call(state, feed)
    lines.append({'step': done, **{key: float(value[-1]) for key, value in metrics.items()}})
  return lines


def kinds(lines):
  """The kinds of failure that are named, from a file as a run would write it."""
  return {kind for _, kind in named([json.loads(json.dumps(line)) for line in lines])}


def test_slow_discriminator_run_reports_collapse():
  rates = {'discriminator': adam(1e-3), 'generator': adam(1e-2)}
  lines = trained('gan', 800, rates, discriminator=Peak())
  assert kinds(lines) == {'collapse'}


def test_minimax_run_far_from_the_data_reports_discriminator_won():
  # Adam would make steps of what is left of its gradient.
  generator = {'optimizer': 'sgd', 'learning_rate': 1e-2, 'updates_per_step': 1}
  lines = trained(
    'gan', 1200, {'discriminator': adam(1e-3), 'generator': generator}, 2, generator=Away()
  )
  norms = [line['generator/gradient_norm'] for line in lines]
  assert max(norms[:50]) > 100 * max(norms[-50:])
  assert kinds(lines) == {'discriminator_won'}


def test_unbounded_critic_run_reports_divergence():
  # These settings lack WGAN's constraint, clipped weights.
  lines = trained('wgan', 800, {'discriminator': adam(1e-2), 'generator': adam(1e-5)})
  assert np.isfinite([list(line.values()) for line in lines]).all()
  assert kinds(lines) == {'divergence'}


def test_converging_run_has_no_alerts():
  lines = trained('gan', 1000, {'discriminator': adam(1e-3), 'generator': adam(1e-3)})
  assert kinds(lines) == set()
