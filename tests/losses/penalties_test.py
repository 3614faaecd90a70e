"""Penalties by hand, on critics whose gradients are known, and gradients by finite differences."""

import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from gan_jax.divergences import mmd
from gan_jax.losses import penalties

SHAPES = [(2,), (4, 4, 3)]
KEYS = jax.random.split(jax.random.key(7), 64)


@pytest.fixture(autouse=True)
def precise():
  with jax.enable_x64(True):
    yield


def examples(count, *shape):
  return np.random.default_rng(0).normal(size=(count, *shape))


def flat(x):
  return x.reshape(len(x), -1)


def linear(weights):
  """x -> w . x, whose gradient is w everywhere."""
  return lambda x: flat(x) @ weights.ravel()


def bowl(x):
  """|x|^2 / 2, whose gradient is x."""
  return 0.5 * (flat(x) ** 2).sum(axis=-1)


# The gradient's norm and what is made of it.


@pytest.mark.parametrize('count', [1, 2])
@pytest.mark.parametrize('shape', SHAPES, ids=str)
def test_gradient_norm_of_a_linear_critic_is_the_weight_norm(shape, count):
  weights, *points = examples(1 + count, *shape)
  critic, length = linear(weights), np.linalg.norm(weights)

  @jax.jit
  def measure(points):
    near = penalties.gradient_penalty(critic, points, 0.25)
    squares = penalties.zero_centered(critic, points)
    return (
      penalties.gradient_norm(critic, points),
      penalties.gradient_penalty(critic, points),
      near,
      squares,
    )

  by_hand = [length, (length - 1) ** 2, (length - 0.25) ** 2, length**2]
  for got, value in zip(measure(np.stack(points)), by_hand, strict=True):
    chex.assert_shape(got, (count,))
    np.testing.assert_allclose(got, value, rtol=1e-9)


def test_gradient_penalties_match_hand_computation():
  # Norms 5, 0.5 and 0.
  points = jnp.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
  np.testing.assert_allclose(penalties.gradient_norm(bowl, points), [5, 0.5, 0], rtol=1e-6)
  np.testing.assert_allclose(penalties.gradient_penalty(bowl, points), [16, 0.25, 1], rtol=1e-5)
  np.testing.assert_allclose(penalties.gradient_penalty(bowl, points, 3.0), [4, 6.25, 9], rtol=1e-5)
  np.testing.assert_allclose(penalties.gradient_penalty(bowl, points, 0.0), [25, 0.25, 0], rtol=1e-5)
  one_sided = penalties.gradient_penalty(bowl, points, one_sided=True)
  np.testing.assert_allclose(one_sided, [16, 0, 0], rtol=1e-5)
  np.testing.assert_allclose(penalties.zero_centered(bowl, points), [25, 0.25, 0], rtol=1e-5)


@pytest.mark.parametrize('shape', SHAPES, ids=str)
def test_gradient_norms_are_per_example(shape):
  points = examples(3, *shape)
  norms = jax.jit(lambda points: penalties.gradient_norm(bowl, points))
  together = norms(points)
  np.testing.assert_allclose(together, np.linalg.norm(flat(points), axis=1), rtol=1e-9)
  assert len(set(together.tolist())) == 3
  alone = [norms(points[i : i + 1])[0] for i in range(3)]
  np.testing.assert_allclose(together, alone, rtol=1e-9)


def test_critic_with_several_outputs_per_example_is_rejected():
  for critic in (lambda x: x, lambda x: x.sum(), lambda x: x.sum(axis=1, keepdims=True)):
    for penalty in (penalties.gradient_norm, penalties.gradient_penalty, penalties.zero_centered):
      with pytest.raises(AssertionError):
        penalty(critic, jnp.ones((3, 2)))


def test_gradient_of_the_norm_at_zero_is_zero():
  points = jnp.array([[0.0, 0.0], [3.0, 4.0]])
  np.testing.assert_allclose(penalties.norm(points), [0, 5], rtol=1e-6)
  slope = jax.grad(lambda x: penalties.norm(x).sum())(points)
  np.testing.assert_allclose(slope, [[0, 0], [0.6, 0.8]], rtol=1e-6)


@pytest.mark.parametrize('count', [1, 2])
def test_constant_critic_has_finite_penalties_and_gradients(count):
  points = jnp.ones((count, 3))

  def penalty(weights):
    critic = lambda x: x @ weights
    both_sides = penalties.gradient_penalty(critic, points)
    one_side = penalties.gradient_penalty(critic, points, one_sided=True)
    return (both_sides + one_side + penalties.zero_centered(critic, points)).sum()

  value, slope = jax.jit(jax.value_and_grad(penalty))(jnp.zeros(3))
  # (0 - 1)^2 an example, 0 and 0.
  assert value == count
  np.testing.assert_array_equal(slope, [0, 0, 0])


# Points.


@pytest.mark.parametrize('count', [1, 64])
@pytest.mark.parametrize('shape', SHAPES, ids=str)
def test_interpolates_use_one_epsilon_per_example(shape, count):
  # From fake = 2 to real = 5: 2 + 3 e everywhere in an example.
  real, fake = np.full((count, *shape), 5.0), np.full((count, *shape), 2.0)
  share = (np.asarray(penalties.interpolate(KEYS[:count], real, fake)) - 2) / 3
  chex.assert_shape(share, real.shape)
  assert (share >= 0).all()
  assert (share <= 1).all()
  np.testing.assert_allclose(flat(share), flat(share)[:, :1].repeat(np.prod(shape), axis=1), atol=1e-6)
  assert len(set(flat(share)[:, 0].round(5).tolist())) == count


def test_interpolates_lie_on_the_segment():
  real, fake = examples(2, 64, 3)
  points = penalties.interpolate(KEYS, real, fake)
  # The ways to both ends add up to the whole way.
  ways = np.linalg.norm(points - real, axis=1) + np.linalg.norm(points - fake, axis=1)
  np.testing.assert_allclose(ways, np.linalg.norm(real - fake, axis=1), rtol=1e-5)
  # The shares are spread over [0, 1), with a mean within 4 standard errors, 4 * 0.289 / 8 = 0.144.
  share = np.linalg.norm(points - fake, axis=1) / np.linalg.norm(real - fake, axis=1)
  assert abs(share.mean() - 0.5) < 0.144
  assert share.min() < 0.1
  assert share.max() > 0.9


def test_unequal_real_and_fake_shapes_are_rejected():
  with pytest.raises(AssertionError):
    penalties.interpolate(KEYS[:3], jnp.ones((3, 2)), jnp.ones((3, 1)))


def moved(keys, real):
  return penalties.dragan_points(keys, real, 2.0, scale=0.5)


@pytest.mark.parametrize('points', [moved, lambda keys, x: penalties.interpolate(keys, x, -x)])
def test_point_depends_only_on_its_key_and_example(points):
  points, real = jax.jit(points), examples(4, 3, 2)
  whole = points(KEYS[:4], real)
  np.testing.assert_allclose(points(KEYS[2:4], real[2:]), whole[2:], rtol=1e-12)
  np.testing.assert_allclose(points(KEYS[:1], real[:1]), whole[:1], rtol=1e-12)


@pytest.mark.parametrize('shape', SHAPES, ids=str)
def test_dragan_points_lie_in_the_box_above_real_examples(shape):
  points, real = jax.jit(penalties.dragan_points), examples(64, *shape)
  shift = flat(np.asarray(points(KEYS, real, 2.0, 0.25)) - real)
  # Sides of scale * std = 0.5.
  assert (shift >= -1e-6).all()
  assert (shift < 0.5).all()
  assert shift.max() > 0.3
  # Every coordinate has separate noise.
  assert (shift.std(axis=1) > 1e-4).all()
  # A product of two uniform draws has the mean 1/4, and the variance 1/9 - 1/16, of which the
  # examples' own share is 1/4 * 1/12: 4 standard errors over 64 examples are at most 0.11.
  assert abs(shift.mean() / 0.5 - 0.25) < 0.11
  np.testing.assert_array_equal(points(KEYS, real, 0.0, 0.25), real)


def test_dragan_points_interpolate_to_one_noisy_copy():
  # An example's coordinates have the interpolation fraction in common: with many of them the
  # largest is nearly fraction * 1 and the mean fraction / 2.
  shift = np.asarray(jax.jit(penalties.dragan_points)(KEYS, np.zeros((64, 4096)), 1.0, 1.0))
  np.testing.assert_allclose(shift.mean(axis=1) / shift.max(axis=1), 0.5, atol=0.02)
  assert len(set(shift.max(axis=1).round(5).tolist())) == 64


# Jacobians.


@pytest.mark.parametrize('count', [1, 2])
@pytest.mark.parametrize('shape', SHAPES, ids=str)
def test_jacobian_penalty_of_a_linear_map_is_its_squared_norm(shape, count):
  matrix = examples(int(np.prod(shape)), 3)
  squares = jax.jit(lambda points: penalties.jacobian_squared_norm(lambda x: flat(x) @ matrix, points))
  np.testing.assert_allclose(squares(examples(count, *shape)), [(matrix**2).sum()] * count, rtol=1e-9)


def test_jacobian_penalty_is_per_example_and_matches_hand_computation():
  # (x y, x^2) has the rows (y, x), (2 x, 0): y^2 + 5 x^2, which is 4 + 5, 0 and 9 + 20.
  function = lambda p: jnp.stack([p[:, 0] * p[:, 1], p[:, 0] ** 2], axis=1)
  points = jnp.array([[1.0, 2.0], [0.0, 0.0], [-2.0, 3.0]])
  squares = lambda function: jax.jit(lambda p: penalties.jacobian_squared_norm(function, p))(points)
  np.testing.assert_allclose(squares(function), [9, 0, 29], rtol=1e-9)
  # With one output it is the squared norm of the gradient, here of x.
  np.testing.assert_allclose(squares(lambda x: bowl(x)[:, None]), [5, 0, 13], rtol=1e-9)
  with pytest.raises(AssertionError):
    penalties.jacobian_squared_norm(bowl, points)


# Scores, codes and weights.


def test_lecam_matches_hand_computation():
  # (3 - 0.5)^2 + (1 + 1)^2 = 10.25;  (0 - 0.5)^2 + (-1 + 1)^2 = 0.25.
  real, fake = jnp.array([3.0, 0.0]), jnp.array([1.0, -1.0])
  got = penalties.lecam(real, fake, real_mean=jnp.float32(-1), fake_mean=jnp.float32(0.5))
  np.testing.assert_allclose(got, [10.25, 0.25], rtol=1e-6)
  with pytest.raises(AssertionError):
    penalties.lecam(real, fake[:1], jnp.float32(0), jnp.float32(0))


def test_pull_away_matches_hand_computation():
  # Cosines: 0 of (1, 0) and (0, 2); 0.6 and 0.8 of them with (3, 4). Twice each, of 6 ordered pairs:
  # 2 (0 + 0.36 + 0.64) / 6.
  codes = jnp.array([[1.0, 0.0], [0.0, 2.0], [3.0, 4.0]])
  np.testing.assert_allclose(penalties.pull_away(codes), 1 / 3, rtol=1e-6)


@pytest.mark.parametrize('count', [2, 5])
def test_pull_away_is_the_mean_over_ordered_pairs(count):
  codes = examples(count, 3)
  cosine = lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b)
  pairs = [(i, j) for i, j in itertools.product(range(count), repeat=2) if i != j]
  by_hand = sum(cosine(codes[i], codes[j]) ** 2 for i, j in pairs) / len(pairs)
  pull_away = jax.jit(penalties.pull_away)
  np.testing.assert_allclose(pull_away(codes), by_hand, rtol=1e-9)
  # Whatever their lengths.
  np.testing.assert_allclose(pull_away(codes * np.arange(1, count + 1)[:, None]), by_hand, rtol=1e-9)


def test_pull_away_ranges_from_orthogonal_0_to_parallel_1():
  code = jnp.array([[1.0, -2.0, 0.5]])
  np.testing.assert_allclose(penalties.pull_away(code.repeat(4, axis=0)), 1, rtol=1e-6)
  # Opposite codes are as bad as equal ones.
  np.testing.assert_allclose(penalties.pull_away(jnp.concatenate([code, -2 * code])), 1, rtol=1e-6)
  np.testing.assert_array_equal(penalties.pull_away(3 * jnp.eye(4)), 0)
  np.testing.assert_array_equal(penalties.pull_away(code), 0)


@pytest.mark.parametrize('codes', [np.zeros((1, 3)), np.zeros((2, 3)), np.diag([1.0, 0, 2])])
def test_pull_away_of_zero_codes_is_zero_with_finite_gradients(codes):
  value, slope = jax.jit(jax.value_and_grad(penalties.pull_away))(codes)
  assert value == 0
  chex.assert_tree_all_finite(slope)


def test_off_orthogonality_matches_hand_computation():
  # Columns (1, 3) and (2, 4): 1 * 2 + 3 * 4 = 14, above and below the diagonal: 2 * 196.
  kernel = jnp.array([[1.0, 2.0], [3.0, 4.0]])
  np.testing.assert_allclose(penalties.off_orthogonality(kernel), 392, rtol=1e-6)
  # A convolution's kernel: all axes but the last are one.
  np.testing.assert_allclose(penalties.off_orthogonality(kernel.reshape(1, 2, 1, 2)), 392, rtol=1e-6)


def test_off_orthogonality_of_orthogonal_columns_is_zero():
  columns = jnp.array([[3.0, 0.0, 4.0], [0.0, 7.0, 0.0], [-4.0, 0.0, 3.0]])
  np.testing.assert_allclose(penalties.off_orthogonality(columns), 0, atol=1e-6)
  assert penalties.off_orthogonality(columns.at[0, 1].set(1.0)) > 1
  # One column alone has nothing to be orthogonal to.
  np.testing.assert_array_equal(penalties.off_orthogonality(columns[:, :1]), 0)


# Second order: gradients in the parameters of the critic, through its gradients in its inputs.


def perceptron(parameters, x):
  """[B, 2] -> [B, 3], with one hidden layer of 4."""
  hidden = jnp.tanh(x @ parameters['in'] + parameters['shift'])
  return hidden @ parameters['out']


def scored(parameters, x):
  return perceptron(parameters, x).sum(axis=-1)


def witness_penalty(parameters, real, fake):
  features = lambda x: perceptron(parameters, x)
  gathered = features(real), features(fake)
  critic = lambda x: mmd.witness(mmd.rational_quadratic(), features(x), *gathered)
  points = penalties.interpolate(KEYS[: len(real)], real, fake)
  return penalties.gradient_penalty(critic, points, target=0.5)


def dragan_penalty(parameters, real, fake):
  points = penalties.dragan_points(KEYS[: len(real)], real, real.std())
  return penalties.gradient_penalty(lambda x: scored(parameters, x), points)


def of_critic(penalty, **arguments):
  """(parameters, real, fake) -> the penalty between real and fake."""

  def at(parameters, real, fake):
    points = penalties.interpolate(KEYS[: len(real)], real, fake)
    return penalty(lambda x: scored(parameters, x), points, **arguments)

  return at


SCALARS = {
  'lecam': lambda x, y: penalties.lecam(x[:, 0], y[:, 0], 0.3, -0.7).sum(),
  'pull_away': lambda x, y: penalties.pull_away(x) + penalties.pull_away(y),
  'off_orthogonality': lambda x, y: penalties.off_orthogonality(x) + penalties.off_orthogonality(y),
  'norm': lambda x, y: penalties.norm(x).sum() + penalties.norm(y).mean(),
}


@pytest.mark.parametrize('penalty', SCALARS.values(), ids=SCALARS)
def test_gradients_of_critic_free_penalties_match_finite_differences(penalty):
  x, y = np.random.default_rng(0).normal(size=(2, 3, 4))
  chex.assert_numerical_grads(penalty, (x, y), order=1, atol=1e-7, rtol=1e-6, modes=['rev'])


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_penalties_of_extreme_outputs_and_codes_are_finite(dtype):
  far = jnp.array([[1e4, -1e4], [-1e4, -1e4], [1e4, 1e4], [0, 1e4]], dtype)
  means = jnp.array(1e4, dtype), jnp.array(-1e4, dtype)
  lecam = lambda x: penalties.lecam(x[:, 0], x[:, 1], *means).mean()
  # A critic whose outputs and gradients have that magnitude.
  critic = lambda points: 1e4 * jnp.tanh(points).sum(axis=1)
  steep = lambda x: penalties.gradient_penalty(critic, x / 1e4).mean()
  for function in (lecam, penalties.pull_away, steep):
    value, slope = jax.value_and_grad(function)(far)
    assert value.dtype == slope.dtype == dtype
    chex.assert_tree_all_finite((value, slope))


SECOND_ORDER = {
  'gradient_penalty': of_critic(penalties.gradient_penalty),
  'one_sided': of_critic(penalties.gradient_penalty, target=0.1, one_sided=True),
  'zero_centered': of_critic(penalties.zero_centered),
  'dragan': dragan_penalty,
  'jacobian': lambda parameters, real, fake: penalties.jacobian_squared_norm(
    lambda x: perceptron(parameters, x), real
  ),
  'witness': witness_penalty,
}


@pytest.mark.parametrize('count', [1, 2])
@pytest.mark.parametrize('penalty', SECOND_ORDER.values(), ids=SECOND_ORDER)
def test_gradients_in_the_parameters_match_finite_differences(penalty, count):
  rng, step = np.random.default_rng(0), 1e-5
  shapes = {'in': (2, 4), 'shift': (4,), 'out': (4, 3)}
  start = {name: jnp.array(rng.normal(size=shape)) for name, shape in shapes.items()}
  real, fake = rng.normal(size=(2, count, 2))
  vector, unravel = ravel_pytree(start)
  total = lambda vector: penalty(unravel(vector), real, fake).mean()
  sides = vector + step * np.concatenate([np.eye(len(vector)), -np.eye(len(vector))])
  # One program for all, as compiling takes most of the time.
  values, slopes = jax.jit(jax.vmap(jax.value_and_grad(total)))(np.stack([vector, *sides]))
  (value, above, below), slope = np.split(values, [1, 1 + len(vector)]), slopes[0]
  assert value > 1e-3
  assert abs(slope).max() > 1e-2
  np.testing.assert_allclose(slope, (above - below) / (2 * step), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize('penalty', SECOND_ORDER.values(), ids=SECOND_ORDER)
def test_penalties_have_shape_and_dtype_of_the_examples(penalty):
  keys = jax.random.split(jax.random.key(1), 4)
  shapes = ((2, 4), (4,), (4, 3), (2, 3, 2))
  first, shift, last, both = (
    jax.random.normal(k, s, 'float32') for k, s in zip(keys, shapes, strict=True)
  )
  with jax.enable_x64(False):
    found = jax.eval_shape(penalty, {'in': first, 'shift': shift, 'out': last}, *both)
  assert (found.shape, found.dtype) == ((3,), jnp.float32)
