import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import testing
from gan_jax.common.errors import ConfigError
from gan_jax.config import build
from gan_jax.networks import dcgan
from gan_jax.networks.layers import minibatch
from gan_jax.networks.layers.minibatch import MinibatchStd
from gan_jax.runtime import devices
from helpers.experiments import ROOT, experiment

KEY = jax.random.key(0)
POINTS = jnp.array([[1.0, 2.0], [3.0, 2.0], [5.0, 6.0], [5.0, 0.0]])
IMAGES = jax.random.normal(KEY, (16, 2, 2, 3))


def apply(x, group, train=True, axis_name=None):
  return MinibatchStd(group, axis_name).apply({}, x, train=train)


def channel(x, group, **more):
  return np.asarray(apply(x, group, **more))[..., -1]


def test_std_of_pairs_matches_hand_computation():
  # 1 and 3 have the std 1, 6 and 0 have 3; equal values have sqrt(1e-8) = 1e-4. Means of both columns.
  expected = [0.50005, 0.50005, 1.50005, 1.50005]
  np.testing.assert_allclose(channel(POINTS, 2), expected, rtol=1e-6)
  np.testing.assert_array_equal(apply(POINTS, 2)[:, :2], POINTS)


def test_std_of_the_whole_batch_matches_hand_computation():
  # About the means 3.5 and 2.5: (6.25 + 0.25 + 2 * 2.25) / 4 and (2 * 0.25 + 12.25 + 6.25) / 4.
  expected = (np.sqrt(2.75) + np.sqrt(4.75)) / 2
  np.testing.assert_allclose(channel(POINTS, None), np.full(4, expected), rtol=1e-6)


def test_std_of_images_is_averaged_over_pixels_and_channels():
  y = apply(IMAGES, 4)
  assert y.shape == (16, 2, 2, 4)
  expected = np.asarray(IMAGES).reshape(4, 4, -1).std(axis=1).mean(axis=1)
  planes = np.broadcast_to(expected.repeat(4)[:, None, None], (16, 2, 2))
  np.testing.assert_allclose(y[..., -1], planes, rtol=1e-5)


def test_std_in_bfloat16_is_computed_in_float32():
  # The mean 257 is not a number of bfloat16.
  x = jnp.array([[256.0], [258.0]], jnp.bfloat16)
  y = apply(x, 2)
  assert y.dtype == jnp.bfloat16
  np.testing.assert_array_equal(y[:, 1], [1, 1])


def on(count, group, weights):
  """The outputs for all images, and the gradient of their weighted sum, on a number of devices."""
  shard = lambda a: a.reshape(count, len(a) // count, *a.shape[1:])

  def total(x, weights):
    y = apply(x, group, axis_name=devices.AXIS)
    return (y * weights).sum(), y

  run = jax.pmap(jax.value_and_grad(total, has_aux=True), devices.AXIS, devices=jax.devices()[:count])
  (_, y), gradient = run(shard(IMAGES), shard(weights))
  whole = lambda a: np.asarray(a).reshape(16, *a.shape[2:])
  return whole(y), whole(gradient)


@pytest.mark.parametrize('group', [4, 16, None])
def test_std_on_any_number_of_devices_matches_one(group):
  weights = jax.random.normal(jax.random.key(1), (16, 2, 2, 4))
  wanted = on(1, group, weights)
  np.testing.assert_allclose(wanted[0], apply(IMAGES, group), rtol=1e-6)
  for count in (2, 8):
    for found, expected in zip(on(count, group, weights), wanted, strict=True):
      np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(('group', 'seen'), [(4, range(4, 8)), (None, range(16))])
def test_gradient_of_one_output_flows_to_all_examples_of_its_group(group, seen):
  weights = jnp.zeros((16, 2, 2, 4)).at[5, 0, 0, 3].set(1.0)
  for count in (1, 8):
    _, gradient = on(count, group, weights)
    flows = (np.abs(gradient) > 1e-4).any(axis=(1, 2, 3))
    assert np.flatnonzero(flows).tolist() == list(seen)
    assert not gradient[~flows].any()


def test_gather_and_own_rows_are_inverse():
  def both(x):
    everything = minibatch.gather(x, devices.AXIS)
    return everything, minibatch.own_rows(everything, len(x), devices.AXIS)

  rows = jnp.arange(16.0).reshape(8, 2)
  everything, own = jax.pmap(both, devices.AXIS)(rows)
  np.testing.assert_array_equal(everything, np.tile(np.arange(16.0), (8, 1)))
  np.testing.assert_array_equal(own, rows)
  np.testing.assert_array_equal(minibatch.gather(rows, None), rows)


def test_std_outside_training_takes_any_number_of_examples_on_one_device():
  x = jnp.arange(6.0)[:, None] ** 2
  found = channel(x, 4, train=False, axis_name=devices.AXIS)
  # 0, 1, 4, 9 have the variance 98 / 4 - 3.5^2 = 12.25, and 16, 25 have 4.5^2.
  np.testing.assert_allclose(found, [3.5] * 4 + [4.5] * 2, rtol=1e-6)
  np.testing.assert_allclose(channel(x[:3], 4, train=False), np.full(3, x[:3].std()), rtol=1e-6)


def test_group_that_does_not_divide_the_batch_is_rejected_in_training():
  message = r'^group=4: the minibatch standard .* has 6 examples .a multiple of group.; change'
  with pytest.raises(ConfigError, match=message):
    apply(jnp.zeros((6, 1)), 4)
  # The variables of a network are made without an axis, from any number of examples.
  assert MinibatchStd(4, devices.AXIS).init(KEY, jnp.zeros((6, 1)), train=True) == {}


def test_dcgan_with_minibatch_std_sees_the_variation_of_a_group():
  spec = {'name': 'dcgan.Discriminator', 'width': 2, 'norm': 'none', 'minibatch_std': 4}
  network = build.make_network(spec, axis_name=None)
  images = 100 * jax.random.normal(KEY, (8, 28, 28, 1))
  images = images.at[4:].set(images[4])
  params = network.init(KEY, images, train=False)['params']
  plain = dcgan.Discriminator(width=2, norm='none').init(KEY, images, train=False)['params']
  assert plain['Dense_0']['kernel'].shape == (4 * 4 * 8, 1)
  # The logit of the last channel at one of the 4 x 4 pixels.
  kernel = jnp.zeros((4 * 4 * 9, 1)).at[-1].set(1.0)
  assert params['Dense_0']['kernel'].shape == kernel.shape
  params = {**params, 'Dense_0': {'kernel': kernel, 'bias': jnp.zeros(1)}}
  logits = network.apply({'params': params}, images, train=True)
  # Four equal images have the std sqrt(1e-8).
  np.testing.assert_allclose(logits[4:], 1e-4, rtol=1e-5)
  assert float(logits[0]) > 1e-3
  np.testing.assert_array_equal(logits[:4], np.full(4, logits[0]))


@pytest.mark.slow
def test_game_with_minibatch_std_keeps_the_contract():
  config = experiment(ROOT / 'experiments' / 'dcgan.py', 'test')
  config['networks']['discriminator']['minibatch_std'] = 4
  kernel = testing.Subject(config).start().variables.params['discriminator']['Dense_0']['kernel']
  assert len(kernel) % 4**2 == 0
  assert len(kernel) // 4**2 % 2 == 1
  testing.check_game(config)
