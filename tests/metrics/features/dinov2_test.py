"""DINOv2: a plain computation of a small network, its resizer, and the conversion of its weights."""

import math

import jax
import numpy as np
import pytest
from PIL import Image

from gan_jax.common.errors import ConfigError
from gan_jax.metrics.features import convert_dinov2, dinov2, dinov2_small, dinov2_vit, weights_file
from helpers import torch_files
from parity import dinov2_inputs
from parity import inception_inputs as inputs

WIDTH, DEPTH = 128, 2


@pytest.fixture(scope='module')
def state() -> dict[str, np.ndarray]:
  return dinov2_inputs.state(WIDTH, DEPTH)


def _norm(x, weight, bias):
  return (x - x.mean()) / np.sqrt(x.var() + 1e-6) * weight + bias


def _softmax(x):
  return np.exp(x - x.max()) / np.exp(x - x.max()).sum()


def _gelu(x):
  return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def _attended(tokens, get):
  """Token by token and head by head, as the paper writes it."""
  projected = [np.split(t @ get('qkv.weight').T + get('qkv.bias'), 3) for t in tokens]
  q, k, v = zip(*projected, strict=True)
  out = []
  for query in q:
    heads = []
    for h in range(WIDTH // 64):
      at = slice(64 * h, 64 * (h + 1))
      weights = _softmax(np.array([query[at] @ key[at] / 8 for key in k]))
      heads.append(sum(w * value[at] for w, value in zip(weights, v, strict=True)))
    out.append(np.concatenate(heads) @ get('proj.weight').T + get('proj.bias'))
  return out


def plain(state, image):
  """The features [WIDTH] of one prepared image [224, 224, 3], in float64."""
  state = {name: np.float64(array) for name, array in state.items()}
  kernel = state['patch_embed.proj.weight']
  tokens = [state['cls_token'][0, 0]]
  for i in range(16):
    for j in range(16):
      patch = image[14 * i : 14 * (i + 1), 14 * j : 14 * (j + 1)].transpose(2, 0, 1)
      tokens.append((kernel * patch).sum(axis=(1, 2, 3)) + state['patch_embed.proj.bias'])
  tokens = [t + p for t, p in zip(tokens, convert_dinov2.positions(state['pos_embed']), strict=True)]
  for depth in range(DEPTH):
    get = lambda name, at=f'blocks.{depth}.': state[at + name]
    normed = [_norm(t, get('norm1.weight'), get('norm1.bias')) for t in tokens]
    attended = _attended(normed, lambda name, get=get: get(f'attn.{name}'))
    tokens = [t + get('ls1.gamma') * a for t, a in zip(tokens, attended, strict=True)]
    for i, t in enumerate(tokens):
      x = _norm(t, get('norm2.weight'), get('norm2.bias'))
      x = _gelu(x @ get('mlp.fc1.weight').T + get('mlp.fc1.bias'))
      tokens[i] = t + get('ls2.gamma') * (x @ get('mlp.fc2.weight').T + get('mlp.fc2.bias'))
  return _norm(tokens[0], state['norm.weight'], state['norm.bias'])


def test_features_match_a_plain_computation(state):
  image = inputs.parts(60, 50)
  outputs = jax.jit(dinov2_vit.apply)(convert_dinov2.converted(state), image)
  assert outputs.features.shape == (1, WIDTH)
  assert outputs.logits.shape == (1, 0)
  expected = plain(state, np.float64(dinov2_vit.prepare(image)[0]))
  assert 0.5 < expected.std() < 2
  np.testing.assert_allclose(outputs.features[0], expected, atol=2e-5)


@pytest.mark.parametrize('size', [(28, 28), (64, 48), (224, 300), (600, 512)], ids=str)
def test_resize_matches_pillow(size):
  image = inputs.parts(*size)[0]
  expected = np.int32(Image.fromarray(image).resize((224, 224), Image.Resampling.BICUBIC))
  difference = np.abs(np.int32(dinov2_vit.resize(image[None])[0]) - expected)
  # Pillow rounds its weights to 22 bits, so that a few numbers fall on the other side of a half.
  assert difference.max() <= 1
  assert (difference > 0).mean() < 2e-3


def test_images_are_scaled_by_the_statistics_of_imagenet():
  image = np.full((1, 5, 7, 1), 51, np.uint8)
  # (51 / 255 - 0.485) / 0.229 and so on.
  expected = [(0.2 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]
  prepared = dinov2_vit.prepare(image)
  assert prepared.shape == (1, 224, 224, 3)
  np.testing.assert_allclose(prepared, np.broadcast_to(expected, prepared.shape), rtol=1e-5)


def test_positions_are_read_at_multiples_of_37_over_16_1():
  # A plane: an interpolation with a = -3/4 gives its values up to 0.05. A factor of 16 / 37 would
  # read the last of these positions 0.21 further.
  row, column = np.mgrid[:37, :37].astype(np.float32)
  grid = np.stack([row, column], axis=2).reshape(1, -1, 2)
  stored = np.concatenate([np.full((1, 1, 2), 9, np.float32), grid], axis=1)
  found = convert_dinov2.positions(stored)
  assert found[0].tolist() == [9, 9]
  expected = (np.arange(16) + 0.5) * 37 / 16.1 - 0.5
  np.testing.assert_allclose(found[1:, 0].reshape(16, 16)[1:15, 3], expected[1:15], atol=0.06)
  np.testing.assert_allclose(found[1:, 1].reshape(16, 16)[3, 1:15], expected[1:15], atol=0.06)


def test_weights_of_a_cubic_interpolation_sum_to_one_and_have_a_of_three_quarters():
  weights = convert_dinov2.interpolation(8, 2, 4)
  np.testing.assert_allclose(weights.sum(axis=1), 1)
  # Position 3 is read at 3.5 / 2 - 0.5 = 1.25, at distances 1.25, 0.25, 0.75 and 1.75:
  # near(0.25) = 1.25 / 64 - 2.25 / 16 + 1, far(1.25) = -0.75 * 1.953125 + 3.75 * 1.5625 - 7.5 + 3
  np.testing.assert_allclose(weights[3], [-0.10546875, 0.87890625, 0.26171875, -0.03515625])


def _write(path, state):
  torch_files.archive(path, {name: torch_files.Tensor(array) for name, array in state.items()})


def test_converted_file_is_loaded_by_its_size(monkeypatch, tmp_path, capsys):
  variant = dinov2_vit.VARIANTS['dinov2_small']._replace(width=WIDTH, depth=DEPTH)
  monkeypatch.setitem(dinov2_vit.VARIANTS, 'dinov2_small', variant)
  monkeypatch.setenv('GAN_JAX_DINOV2_SMALL', str(tmp_path / 'small.npz'))
  state = dinov2_inputs.state(WIDTH, DEPTH)
  _write(tmp_path / 'a.pth', state | {'mask_token': np.zeros((1, WIDTH), np.float32)})
  assert convert_dinov2.main([str(tmp_path / 'a.pth')]) == 2
  assert 'accept it with --any-digest' in capsys.readouterr().err
  assert convert_dinov2.main([str(tmp_path / 'a.pth'), '--any-digest']) == 0
  printed = capsys.readouterr().out
  assert 'for --features=dinov2_small' in printed
  assert 'NOT the b938bf1b... of the authors' in printed
  network = dinov2_small.load()
  assert (network.name, network.modality) == ('dinov2_small', 'images')
  params = convert_dinov2.converted(state)
  for name, array in params.items():
    np.testing.assert_array_equal(network.params[name], array)


def test_file_of_another_size_or_network_is_rejected(tmp_path, capsys, state):
  _write(tmp_path / 'a.pth', state)
  assert convert_dinov2.main([str(tmp_path / 'a.pth'), '--any-digest']) == 2
  assert '128 features and 2 blocks (one of 384 and 12, 768 and 12,' in capsys.readouterr().err
  _write(tmp_path / 'b.pth', state | {'register_tokens': np.zeros((1, 4, WIDTH), np.float32)})
  assert convert_dinov2.main([str(tmp_path / 'b.pth'), '--any-digest']) == 2
  assert "has an unknown array 'register_tokens'" in capsys.readouterr().err


def test_missing_weights_error_names_file_size_digest_and_command(monkeypatch, tmp_path):
  monkeypatch.delenv('GAN_JAX_DINOV2', raising=False)
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  with pytest.raises(ConfigError) as error:
    dinov2.load()
  for part in (
    str(tmp_path / 'gan_jax' / 'dinov2.npz'),
    'dinov2_vitl14/dinov2_vitl14_pretrain.pth (1,217,586,395 bytes, SHA-256 d5383ea8f4877b24',
    'python -m gan_jax.metrics.features.convert_dinov2 dinov2_vitl14_pretrain.pth --out=',
  ):
    assert part in str(error.value)


def test_weights_of_another_size_are_rejected(monkeypatch, tmp_path, state):
  monkeypatch.setenv('GAN_JAX_DINOV2', str(tmp_path / 'large.npz'))
  weights_file.write(tmp_path / 'large.npz', convert_dinov2.converted(state))
  with pytest.raises(ConfigError, match=r'not float32 \(588, 1024\); it is not dinov2'):
    dinov2.load()
