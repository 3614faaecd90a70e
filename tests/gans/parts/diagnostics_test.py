"""Accuracy of a forced choice and distances within a batch, against all pairs one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.config import build
from gan_jax.config.run_config import parse
from gan_jax.game import Inputs
from gan_jax.gans.parts import diagnostics
from helpers.experiments import ROOT, experiment, first_step
from helpers.toy_networks import apart

REAL = np.asarray(jax.random.normal(jax.random.key(0), (12, 3, 2))) + 5
FAKE = 0.1 * np.asarray(jax.random.normal(jax.random.key(1), (12, 3, 2))) - 40


def inputs(real, **across):
  return Inputs({'real': jnp.asarray(real)}, jax.random.key(0), jnp.int32(0), {}, **across)


def distances(real, fake):
  found = diagnostics.distances(inputs(real), jnp.asarray(fake))
  return {name: float(value) for name, value in found.items()}


def by_hand(real, fake):
  return {'real_distance': apart(real), 'fake_distance': apart(fake)}


@pytest.mark.parametrize(
  ('real', 'fake', 'share'),
  [
    ([1.0, 2.0, 3.0, 4.0], [0.0, 3.0, 2.0, 3.9], 0.75),
    ([1.0, 2.0], [0.0, 1.0], 1.0),
    ([0.0, 1.0], [1.0, 2.0], 0.0),
    # Equal outputs for all examples give chance accuracy.
    ([7.0, 7.0, 7.0], [7.0, 7.0, 7.0], 0.5),
    ([1.0, 2.0, 5.0, 5.0], [1.0, 1.0, 6.0, 6.0], 0.375),
    ([1e30, np.inf], [-1e30, 0.0], 1.0),
    ([3.0], [2.0], 1.0),
  ],
)
def test_accuracy_is_the_fraction_of_pairs_with_higher_real_output(real, fake, share):
  assert float(diagnostics.accuracy(jnp.array(real), jnp.array(fake))) == pytest.approx(share)


def test_accuracy_of_nan_outputs_is_nan():
  assert np.isnan(diagnostics.accuracy(jnp.array([1.0, np.nan]), jnp.array([0.0, 0.0])))


@pytest.mark.parametrize('shapes', [((3,), (2,)), ((3, 1), (3, 1)), ((3,), ())])
def test_unpaired_outputs_are_rejected(shapes):
  with pytest.raises(AssertionError):
    diagnostics.accuracy(*(jnp.zeros(shape) for shape in shapes))


def test_distances_average_all_pairs_of_different_examples():
  assert distances(REAL, FAKE) == pytest.approx(by_hand(REAL, FAKE), rel=1e-5)


def test_distances_are_exact_far_from_the_origin():
  # In float32 a mean square less a squared mean would be noise here.
  far = np.array([[1000.0], [1000.25], [1000.5]])
  assert distances(far, far + 1000) == pytest.approx(by_hand(far, far), rel=1e-6)


def test_distances_of_one_or_equal_examples_are_zero():
  assert distances(REAL[:1], FAKE[:1]) == {'real_distance': 0, 'fake_distance': 0}
  assert distances(REAL, np.ones_like(REAL))['fake_distance'] == 0


def test_examples_of_other_shapes_are_rejected():
  with pytest.raises(AssertionError):
    distances(REAL, FAKE[:6])


def test_diagnostics_of_batch_parts_average_to_the_whole():
  def part(real, fake):
    mean = lambda x: jax.lax.pmean(x, 'parts')
    gather = lambda x: jax.lax.all_gather(x, 'parts', tiled=True)
    return diagnostics.distances(inputs(real, mean=mean, gather=gather), fake)

  parts = (x.reshape(4, 3, *x.shape[1:]) for x in (REAL, FAKE))
  found = jax.vmap(part, axis_name='parts')(*parts)
  for name, value in by_hand(REAL, FAKE).items():
    np.testing.assert_allclose(found[name], [value] * 4, rtol=1e-5)


def test_diagnostics_have_no_gradient():
  def total(real, fake):
    flat = real.reshape(len(real), -1).sum(axis=1), fake.reshape(len(fake), -1).sum(axis=1)
    return diagnostics.accuracy(*flat) + sum(diagnostics.distances(inputs(real), fake).values())

  for slope in jax.grad(total, argnums=(0, 1))(jnp.asarray(REAL), jnp.asarray(FAKE)):
    assert not np.asarray(slope).any()


# With one update a step: metrics are means over a player's updates, which see a batch each.
@pytest.mark.parametrize('name', ['gan', 'ebgan', 'pacgan'])
def test_step_reports_the_distance_of_its_real_batch(name):
  path = ROOT / 'experiments' / f'{name}.py'
  config = experiment(path, 'ring-test')
  real = build.make_batch(build.make_source(parse(config).data), config['batch_size'])['real']
  found = first_step(path, 'ring-test')['discriminator/real_distance']
  assert found == pytest.approx(apart(real), rel=1e-4)
