"""Bounds of the mutual information of codes: goldens, channels whose information is known, extremes."""

import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses

ENTROPY = math.log(2)
"""The entropy of a code that is uniform on [-1, 1]."""

NORMAL_ENTROPY = 0.5 * math.log(2 * math.pi * math.e)

# Three codes, which are right, wrong, and 2 away: (mean, std, code).
GAUSSIAN = ([[0.5, 0.0, -1.0]], [[1.0, 0.5, 2.0]], [[0.5, 0.5, 1.0]])


@pytest.mark.parametrize('compiled', [False, True])
def test_categorical_information_matches_hand_computation(compiled):
  score = jax.jit(losses.categorical_information) if compiled else losses.categorical_information
  # softmax([ln 2, 0, 0]) = (1/2, 1/4, 1/4): ln 1/2 + ln 3, ln 1/4 + ln 3.
  logits = jnp.array([[math.log(2), 0, 0], [math.log(2), 0, 0]])
  found = score(logits, jnp.array([0, 2]))
  np.testing.assert_allclose(found, np.log([3 / 2, 3 / 4]), rtol=1e-6)


@pytest.mark.parametrize('classes', [1, 2, 10, 1000])
def test_uniform_logits_have_no_information_and_perfect_logits_all_of_it(classes):
  codes = jnp.array([0, classes - 1])
  for level in (0.0, -30.0):
    found = losses.categorical_information(jnp.full((2, classes), level), codes)
    np.testing.assert_allclose(found, 0, atol=1e-6)
  perfect = 1e4 * jax.nn.one_hot(codes, classes)
  np.testing.assert_allclose(
    losses.categorical_information(perfect, codes), math.log(classes), rtol=1e-6
  )


def test_mean_at_the_posterior_of_a_symmetric_channel_is_its_capacity():
  # The sample equals the code with probability 0.7, and is each of the 2 others with 0.15.
  channel = np.full((3, 3), 0.15) + 0.55 * np.eye(3)
  capacity = math.log(3) + 0.7 * math.log(0.7) + 0.3 * math.log(0.15)
  codes, samples = (grid.ravel() for grid in np.meshgrid(np.arange(3), np.arange(3), indexing='ij'))
  weights = channel[codes, samples] / 3
  mean = lambda logits: (
    weights * losses.categorical_information(jnp.array(logits)[samples], jnp.array(codes))
  ).sum()
  posterior = np.log(channel)
  np.testing.assert_allclose(mean(posterior), capacity, rtol=1e-6)
  # Other predictions have less, and a uniform one has none.
  assert mean(0.5 * posterior) < capacity
  np.testing.assert_allclose(mean(0 * posterior), 0, atol=1e-6)


def test_confident_errors_are_not_clipped():
  # Softmax gives the code the logarithm -50.
  found = losses.categorical_information(jnp.array([[50.0, 0.0]]), jnp.array([1]))
  np.testing.assert_allclose(found, math.log(2) - 50, rtol=1e-6)


@pytest.mark.parametrize('compiled', [False, True])
def test_gaussian_information_matches_hand_computation(compiled):
  score = jax.jit(losses.gaussian_information) if compiled else losses.gaussian_information
  found = score(*map(jnp.array, GAUSSIAN), ENTROPY)
  # -1/2 ln 2 pi + ln 2 = -0.2257914. Then 0, ln 2 - (0.5 / 0.5)^2 / 2, and -ln 2 - (2 / 2)^2 / 2.
  base = -0.2257914
  np.testing.assert_allclose(found, [[base, base + 0.1931472, base - 1.1931472]], atol=1e-6)


def test_gaussian_information_accepts_an_entropy_for_each_code():
  given = jnp.array([ENTROPY, 0.0, NORMAL_ENTROPY])
  found = losses.gaussian_information(*map(jnp.array, GAUSSIAN), given)
  alone = losses.gaussian_information(*map(jnp.array, GAUSSIAN), 0.0)
  np.testing.assert_allclose(found - alone, given[None], rtol=1e-5, atol=1e-6)


def linear_gaussian(noise):
  """Codes N(0, 1) and samples c + noise N(0, 1), with weights that give exact means of squares."""
  # Two nodes are exact for polynomials of degree 3.
  nodes, weights = np.polynomial.hermite_e.hermegauss(2)
  codes, errors = (grid.ravel() for grid in np.meshgrid(nodes, nodes))
  return codes, codes + noise * errors, np.outer(weights, weights).ravel() / (2 * np.pi)


@pytest.mark.parametrize('noise', [0.1, 0.5, 3.0])
def test_expectation_at_the_gaussian_posterior_is_the_mutual_information(noise):
  codes, samples, weights = linear_gaussian(noise)
  # The posterior is N(x, noise^2) with both divided by 1 + noise^2; I = 1/2 ln(1 + 1 / noise^2).
  mean, std = samples / (1 + noise**2), noise / math.sqrt(1 + noise**2)
  information = 0.5 * math.log(1 + noise**-2)

  def expected(mean, std):
    columns = (jnp.array(x, jnp.float32)[:, None] for x in (mean, np.full_like(mean, std), codes))
    return float((weights[:, None] * losses.gaussian_information(*columns, NORMAL_ENTROPY)).sum())

  assert expected(mean, std) == pytest.approx(information, rel=1e-5)
  # Twice the std: less by KL(N(0, 1) || N(0, 4)) = ln 2 + 1/8 - 1/2.
  loss = math.log(2) - 3 / 8
  assert expected(mean, 2 * std) == pytest.approx(information - loss, rel=1e-5, abs=1e-6)
  # A prediction of N(0, 1) that ignores the sample has no information.
  assert expected(0 * mean, 1.0) == pytest.approx(0, abs=1e-6)


def test_only_the_entropy_of_the_prior_gives_a_bound():
  # Midpoints: the mean of the square is 1/3 to 1e-7. The prediction ignores the sample, N(0, 1/3).
  codes = jnp.array((np.arange(2000) + 0.5) / 1000 - 1, jnp.float32)[:, None]
  blind = lambda entropy: losses.gaussian_information(
    jnp.zeros_like(codes), jnp.full_like(codes, 3**-0.5), codes, entropy
  ).mean()
  # ln 2 - 1/2 ln(2 pi e / 3) = -0.1765, below the information, which is 0.
  assert blind(ENTROPY) == pytest.approx(-0.176485, abs=1e-5)
  # With E[-ln N(c; 0, 1)] = 1/2 ln 2 pi + 1/6 in place of the entropy, 1/6 + 1/2 ln 3 - 1/2 = 0.2160.
  assert blind(0.5 * math.log(2 * math.pi) + 1 / 6) == pytest.approx(0.215973, abs=1e-5)


def test_gradients_match_finite_differences():
  check = lambda score, *arrays: chex.assert_numerical_grads(
    score, arrays, order=1, atol=1e-7, rtol=1e-5, modes=['rev']
  )
  with jax.enable_x64(True):
    codes = jnp.array([2, 0])
    weights = jnp.array([1.0, -2.0])
    check(
      lambda x: (weights * losses.categorical_information(x, codes)).sum(),
      jnp.array([[0.3, -0.8, 0.1], [1.1, 0.4, -0.6]]),
    )
    check(
      lambda *x: (jnp.arange(1.0, 4) * losses.gaussian_information(*x, ENTROPY)).sum(),
      *(jnp.array(x, jnp.float64) for x in GAUSSIAN),
    )


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_extreme_inputs_have_finite_values_and_gradients(dtype):
  logits = jnp.array([[-1e38, 1e38], [1e38, -1e38], [0.0, 1e38]], dtype)
  codes = jnp.array([0, 0, 1])
  found = jax.value_and_grad(lambda x: losses.categorical_information(x, codes).mean())(logits)
  chex.assert_tree_all_finite(found)
  far = [jnp.array([[x]], dtype) for x in (1e12, 1e-3, -1e12)]
  found = jax.value_and_grad(lambda *x: losses.gaussian_information(*x, 0.0).sum(), (0, 1, 2))(*far)
  chex.assert_tree_all_finite(found)


def test_bfloat16_inputs_give_the_values_of_the_same_float32_numbers():
  logits = jnp.array([[0.3, -0.8, 0.1], [1.1, 0.4, -0.6]], jnp.bfloat16)
  arrays = [jnp.array(x, jnp.bfloat16) for x in GAUSSIAN]
  wide = lambda x: x.astype(jnp.float32)
  pairs = [
    (losses.categorical_information(x, jnp.array([2, 0])) for x in (logits, wide(logits))),
    (losses.gaussian_information(*x, ENTROPY) for x in (arrays, map(wide, arrays))),
  ]
  for found, wanted in pairs:
    assert found.dtype == jnp.float32
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
  ('logits', 'codes'),
  [((3, 2), np.zeros(2, int)), ((3, 2), np.zeros((3, 2), int)), ((3, 2), np.zeros(3)), ((3,), [0])],
)
def test_other_shapes_and_types_of_categorical_codes_are_rejected(logits, codes):
  with pytest.raises(AssertionError):
    losses.categorical_information(jnp.zeros(logits), jnp.array(codes))


@pytest.mark.parametrize(
  'shapes', [((2, 3), (2, 3), (2, 1)), ((2, 3), (3,), (2, 3)), ((2,), (2,), (2,))]
)
def test_other_shapes_of_gaussian_codes_are_rejected(shapes):
  with pytest.raises(AssertionError):
    losses.gaussian_information(*map(jnp.ones, shapes), 0.0)
