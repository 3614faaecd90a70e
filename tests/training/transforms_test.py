"""The transformations by hand, and put around an optimizer as a config does."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.common import lookup
from gan_jax.common.errors import ConfigError
from gan_jax.training import optimizers, transforms

ARGUMENTS = {
  'clip_weights': {'limit': 0.1},
  'max_norm': {'limit': 2.0},
  'add_orthogonal_gradient': {'weight': 0.5},
  'linear_decay': {'begin': 2, 'end': 6},
}
PARAMS = {'kernel': np.array([[3.0, 0.0], [4.0, 1.0]]), 'bias': np.array([9.0, -9.0])}
STILL = jax.tree.map(np.zeros_like, PARAMS)


def make(name):
  return lookup.make(transforms, {'name': name, **ARGUMENTS[name]})


def updated(transform, params, *gradients):
  """The parameters after updates with these gradients."""
  params = jax.tree.map(jnp.float32, params)
  state = transform.init(params)
  for gradient in gradients:
    changes, state = transform.update(jax.tree.map(jnp.float32, gradient), state, params)
    params = optax.apply_updates(params, changes)
  return params


def test_every_transform_is_tested():
  assert set(ARGUMENTS) == set(lookup.factories(transforms))


def test_clip_weights_matches_hand_computation():
  params = {'kernel': np.array([0.05, -0.05, 0.09, -0.5])}
  changes = {'kernel': np.array([0.02, -0.2, 0.02, 0.1])}
  # 0.07;  -0.25 -> -0.1;  0.11 -> 0.1;  -0.4, from outside -> -0.1.
  got = updated(make('clip_weights'), params, changes)['kernel']
  np.testing.assert_allclose(got, [0.07, -0.1, 0.1, -0.1], rtol=1e-6)


@pytest.mark.parametrize('optimizer', [optax.adam(0.05), optax.rmsprop(0.05), optax.sgd(1.0)])
def test_clip_weights_after_an_optimizer_keeps_the_limit(optimizer):
  transform = optax.chain(optimizer, transforms.clip_weights(0.01))
  params = {'kernel': 0.01 * jax.random.normal(jax.random.key(0), (100,)), 'bias': jnp.zeros(3)}

  def update(carry, key):
    params, state = carry
    gradient = jax.tree.map(lambda p: jax.random.normal(key, p.shape), params)
    changes, state = transform.update(gradient, state, params)
    params = optax.apply_updates(params, changes)
    return (params, state), params

  keys = jax.random.split(jax.random.key(1), 20)
  _, after = jax.jit(lambda carry: jax.lax.scan(update, carry, keys))((params, transform.init(params)))
  for weights in jax.tree.leaves(after):
    # An optimizer's change is added to the weights, so the limit is met to one rounding of 2^-24.
    assert np.abs(weights).max() <= np.float32(0.01) * (1 + 2**-23)
  edge = np.abs(after['kernel']) >= 0.01 * (1 - 1e-6)
  assert edge.mean() > 0.3
  # Weights at the limit may go back.
  assert (edge[:-1] & ~edge[1:]).any()


def test_max_norm_of_columns_matches_hand_computation():
  # Norms 5 and 1; to 2 the first is scaled by 0.4. The bias is not a kernel.
  got = updated(make('max_norm'), PARAMS, STILL)
  np.testing.assert_allclose(got['kernel'], [[1.2, 0], [1.6, 1]], rtol=1e-6, atol=1e-7)
  np.testing.assert_array_equal(got['bias'], [9, -9])


def test_max_norm_limits_the_norm_after_the_update():
  # (0.6, 0.8) + (0.6, 0.8) has the norm 2, and with (2.4, 3.2) more it has 6.
  params = {'kernel': np.array([[0.6], [0.8]])}
  once = updated(make('max_norm'), params, params)
  np.testing.assert_allclose(once['kernel'], [[1.2], [1.6]], rtol=1e-6)
  twice = updated(make('max_norm'), params, params, {'kernel': np.array([[2.4], [3.2]])})
  np.testing.assert_allclose(twice['kernel'], [[1.2], [1.6]], rtol=1e-6)


def test_max_norm_of_a_convolution_is_over_all_axes_but_the_last():
  kernel = np.arange(1.0, 25).reshape(2, 3, 2, 2)
  got = updated(make('max_norm'), {'kernel': kernel}, {'kernel': 0 * kernel})['kernel']
  scale = 2 / np.sqrt((kernel**2).sum(axis=(0, 1, 2)))
  np.testing.assert_allclose(got, kernel * scale, rtol=1e-5)


def test_max_norm_of_a_zero_unit_stays_zero():
  got = updated(make('max_norm'), {'kernel': np.zeros((2, 2))}, {'kernel': np.zeros((2, 2))})
  np.testing.assert_array_equal(got['kernel'], 0)


def test_orthogonal_gradient_matches_hand_computation():
  # Columns a = (1, 3), b = (2, 4): 2 (a.b)^2 with a.b = 14 has the gradients 4 * 14 b = (112, 224) in a
  # and 4 * 14 a = (56, 168) in b. Half of them is added to gradients of 1; the bias has its own.
  params = {'kernel': jnp.array([[1.0, 2.0], [3.0, 4.0]]), 'bias': jnp.array([5.0, 6.0])}
  transform = make('add_orthogonal_gradient')
  gradient = jax.tree.map(jnp.ones_like, params)
  got, _ = transform.update(gradient, transform.init(params), params)
  np.testing.assert_allclose(got['kernel'], [[57, 29], [113, 85]], rtol=1e-6)
  np.testing.assert_array_equal(got['bias'], [1, 1])
  # As a convolution's kernel of the same units.
  params = {'kernel': params['kernel'].reshape(1, 2, 1, 2)}
  got, _ = transform.update(jax.tree.map(jnp.zeros_like, params), transform.init(params), params)
  np.testing.assert_allclose(got['kernel'].reshape(2, 2), [[56, 28], [112, 84]], rtol=1e-6)


def test_orthogonal_gradient_descent_makes_columns_orthogonal():
  transform = optax.chain(transforms.add_orthogonal_gradient(1.0), optax.sgd(0.01))
  params = {'kernel': np.array([[1.0, 1.0], [0.0, 1.0]])}
  columns = updated(transform, params, *200 * [{'kernel': np.zeros((2, 2))}])['kernel'].T
  assert abs(float(columns[0] @ columns[1])) < 1e-3
  assert np.linalg.norm(columns, axis=1).min() > 0.5


def test_linear_decay_matches_hand_computation():
  # From update 2 to 6 in four steps of 1/4.
  transform = make('linear_decay')
  change, scales = {'weights': jnp.ones(())}, []
  state = transform.init(change)
  for _ in range(9):
    scaled, state = transform.update(change, state)
    scales.append(float(scaled['weights']))
  assert scales == pytest.approx([1, 1, 1, 0.75, 0.5, 0.25, 0, 0, 0])


@pytest.mark.parametrize('name', ['clip_weights', 'max_norm', 'add_orthogonal_gradient'])
def test_transforms_without_required_parameters_raise(name):
  transform = make(name)
  with pytest.raises(ValueError, match='params=None'):
    transform.update(STILL, transform.init(PARAMS))


@pytest.mark.parametrize(
  ('name', 'arguments', 'message'),
  [
    ('clip_weights', {'limit': 0.0}, 'limit=0.0: out of range'),
    ('clip_weights', {'limit': -1.0}, 'limit=-1.0: out of range'),
    ('max_norm', {'limit': 0.0}, 'limit=0.0: out of range'),
    ('add_orthogonal_gradient', {'weight': -1e-4}, 'weight=-0.0001: out of range'),
    ('linear_decay', {'begin': 5, 'end': 5}, 'end=5: out of range .finite, above begin=5'),
    ('linear_decay', {'begin': 5, 'end': 4}, 'end=4: out of range .finite, above begin=5'),
    ('linear_decay', {'begin': -1, 'end': 4}, 'end=4: out of range .finite, above begin=-1'),
  ],
)
def test_invalid_arguments_are_rejected(name, arguments, message):
  with pytest.raises(ValueError, match=message):
    getattr(transforms, name)(**arguments)
  with pytest.raises(ConfigError, match=f'update_transforms.{name}.{message}'):
    optimizers.make_optimizer(spec(update_transforms={name: arguments}))


# As a config writes them.


def spec(**more):
  return {'optimizer': 'sgd', 'learning_rate': 1.0, **more}


def first(params, gradient, **more):
  """The weights after one update by an optimizer of a config."""
  made, _ = optimizers.make_optimizer(spec(**more))
  return np.asarray(
    updated(made, {'weights': np.array(params)}, {'weights': np.array(gradient)})['weights']
  )


def test_gradient_transforms_see_gradients_and_update_transforms_see_updates():
  clip = {'clip': {'max_delta': 0.5}}
  rate = {'learning_rate': 0.1}
  # The gradient 3 is clipped to 0.5, times the rate 0.1; or the change 0.3 is below 0.5.
  np.testing.assert_allclose(first([1.0], [3.0], gradient_transforms=clip, **rate), [0.95], rtol=1e-6)
  np.testing.assert_allclose(first([1.0], [3.0], update_transforms=clip, **rate), [0.7], rtol=1e-6)
  np.testing.assert_allclose(first([1.0], [9.0], update_transforms=clip, **rate), [0.5], rtol=1e-6)


def test_weight_constraints_apply_after_all_updates():
  clipping, double = {'clip_weights': {'limit': 0.1}}, {'scale': {'step_size': 2.0}}
  # The weight 0.05 and a change of -0.04: twice that is -0.03, and of -0.4: -0.75, clipped to -0.1.
  constrained = {'update_transforms': double, 'weight_constraints': clipping}
  np.testing.assert_allclose(first([0.05], [0.04], **constrained), [-0.03], rtol=1e-5)
  np.testing.assert_allclose(first([0.05], [0.4], **constrained), [-0.1], rtol=1e-6)
  # In the other order the change to the limit, -0.15, is what is doubled: 0.05 - 0.3.
  turned = {'update_transforms': clipping, 'weight_constraints': double}
  np.testing.assert_allclose(first([0.05], [0.4], **turned), [-0.25], rtol=1e-6)
  # Before the optimizer it clips 0.05 + 0.4, and 0.05 - 0.05 is left.
  np.testing.assert_allclose(first([0.05], [0.4], gradient_transforms=clipping), [0.0], atol=1e-7)


def test_transforms_of_one_kind_apply_in_name_order():
  # Weight decay of 0.5 * 2 on the gradient 4, and the sum of 5 to a norm of 2.
  decay, norm = (
    {'add_decayed_weights': {'weight_decay': 0.5}},
    {'clip_by_global_norm': {'max_norm': 2.0}},
  )
  for both in ({**decay, **norm}, {**norm, **decay}):
    np.testing.assert_allclose(first([2.0], [4.0], gradient_transforms=both), [0.0], atol=1e-6)


def test_our_transforms_combine_with_optax():
  # The orthogonal gradient of the columns (1, 3), (2, 4) as above, doubled by optax's `scale`, by a
  # rate of 0.01: 2 * 0.01 * (56, 112) off the first and 2 * 0.01 * (28, 84) off the second.
  got = first(
    [[1.0, 2.0], [3.0, 4.0]],
    np.zeros((2, 2)),
    learning_rate=0.01,
    gradient_transforms={'add_orthogonal_gradient': {'weight': 0.5}, 'scale': {'step_size': 2.0}},
    weight_constraints={'max_norm': {'limit': 100.0}},
  )
  np.testing.assert_allclose(got, [[-0.12, 1.44], [0.76, 2.32]], rtol=1e-5)


def test_rate_decayed_to_zero_stops_the_player():
  made, steps = optimizers.make_optimizer(
    spec(updates_per_step=3, update_transforms={'linear_decay': {'begin': 1, 'end': 3}})
  )
  assert steps == 3
  # Changes of 1, 1, 1/2, 0, 0.
  got = updated(made, {'weights': np.zeros(1)}, *5 * [{'weights': -np.ones(1)}])
  np.testing.assert_allclose(got['weights'], [2.5], rtol=1e-6)


@pytest.mark.parametrize('place', ['gradient_transforms', 'update_transforms', 'weight_constraints'])
def test_unknown_transform_is_rejected_with_names_of_optax(place):
  message = f"{place}: unknown name 'clip_weight' .*clip_by_global_norm"
  with pytest.raises(ConfigError, match=message):
    optimizers.make_optimizer(spec(**{place: {'clip_weight': {'limit': 0.1}}}))


def test_unknown_transform_is_rejected_with_our_names():
  with pytest.raises(ConfigError) as refused:
    optimizers.make_optimizer(spec(update_transforms={'clip_weight': {'limit': 0.1}}))
  assert all(name in str(refused.value) for name in ARGUMENTS)
  assert "did you mean 'clip_weights'?" in str(refused.value)


def test_imported_names_are_not_transforms():
  for name in ('penalties', 'optax', '_stateless'):
    with pytest.raises(ConfigError, match=f"update_transforms: unknown name '{name}'"):
      optimizers.make_optimizer(spec(update_transforms={name: {}}))


def test_unexpected_transform_arguments_are_rejected():
  with pytest.raises(
    ConfigError, match="update_transforms: clip_weights: unexpected argument 'limits'.*accepted: limit"
  ):
    optimizers.make_optimizer(spec(update_transforms={'clip_weights': {'limits': 0.1}}))
  with pytest.raises(
    ConfigError, match="gradient_transforms: clip_by_global_norm: missing argument 'max_norm'"
  ):
    optimizers.make_optimizer(spec(gradient_transforms={'clip_by_global_norm': {}}))
  with pytest.raises(
    ConfigError, match='clip_by_global_norm: 1.0 is not a mapping .*; write arguments by name'
  ):
    optimizers.make_optimizer(spec(gradient_transforms={'clip_by_global_norm': 1.0}))
