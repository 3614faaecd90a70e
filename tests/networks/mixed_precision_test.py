"""Networks that compute in bfloat16: what is float32 all the same, and how close they come."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.common import rng
from gan_jax.config import build
from gan_jax.config.run_config import parse
from gan_jax.game import Inputs
from gan_jax.run import setup
from helpers.experiments import EXPERIMENTS, ROOT, experiment

# One of each kind of loss and network; the others are among the slow tests.
QUICK = ('r1', 'wgan_gp', 'unrolled', 'pacgan', 'hinge:test')

# The two parts of ACGAN's gradient partly cancel, so rounding turns the mean of few examples further.
BATCHES = {'acgan': 64}


def subjects():
  """All on points, and some on images."""
  named = {path.stem: (path, 'ring-test') for path in EXPERIMENTS}
  for name in ('dcgan', 'hinge', 'wgan_gp'):
    named[f'{name}:test'] = ROOT / 'experiments' / f'{name}.py', 'test'
  for name, given in named.items():
    yield pytest.param(*given, marks=[] if name in QUICK else [pytest.mark.slow], id=name)


def gradients(config, built, variables, memory):
  """{player: (loss, its gradient, the new variables)} at the first batch, each in float32."""
  batch = build.make_batch(built.source, config['batch_size'])
  keys = rng.example_keys(jax.random.key(1), np.arange(len(batch['real'])))
  found = {}
  for player in built.game.players:

    def loss(owned, player=player):
      inputs = Inputs(
        batch, keys, jnp.zeros((), jnp.int32), memory, unrolled_update=lambda _, v, *rest: v
      )
      value, aux = player.loss(variables.replace(params={**variables.params, **owned}), inputs)
      return value, aux.variables

    owned = {name: variables.params[name] for name in player.trains}
    (value, after), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(owned)
    found[player.name] = value, gradient, after
  return found


def flat(tree):
  return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


@pytest.mark.parametrize(('path', 'preset'), [*subjects()])
def test_bfloat16_losses_and_gradients_are_close_to_float32(path, preset):
  # The tests run on CPU only.
  own = {'batch_statistics': 'device', 'batch_size': BATCHES.get(path.stem, 16)}
  full, low = (experiment(path, preset, compute_dtype=t, **own) for t in ('float32', 'bfloat16'))
  built = setup.assemble_run(parse(full))
  state = setup.initial_state(built)
  variables = state.variables
  wanted = gradients(full, built, variables, state.memory)
  found = gradients(low, setup.assemble_run(parse(low)), variables, state.memory)
  for name, (value, gradient, after) in found.items():
    assert {leaf.dtype for leaf in jax.tree.leaves((value, gradient, after))} <= {np.dtype('float32')}
    other, slope, _ = wanted[name]
    assert value == pytest.approx(float(other), rel=0.05, abs=0.01)
    got, expected = flat(gradient), flat(slope)
    assert np.isfinite(got).all()
    # Rounding to 8 bits turns a gradient by some percent; a wrong one would be at right angles.
    cosine = got @ expected / np.linalg.norm(got) / np.linalg.norm(expected)
    assert cosine > 0.95, (name, cosine)
    assert (got != expected).any()


def test_bfloat16_applies_to_products_and_not_to_state():
  config = experiment(ROOT / 'experiments' / 'dcgan.py', compute_dtype='bfloat16')
  built = setup.assemble_run(parse(config))
  variables = setup.initial_state(built).variables
  keys = rng.example_keys(jax.random.key(1), np.arange(4))
  text = jax.jit(built.game.sample).lower(variables, keys).as_text()
  products = [line for line in text.splitlines() if 'dot_general' in line]
  assert products
  assert all('bf16' in line for line in products)
  assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {np.dtype('float32')}
