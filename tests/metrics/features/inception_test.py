"""The network of the FID: what others make of the same weights; its files, its conversion."""

import hashlib
import pathlib

import jax
import numpy as np
import pytest

from gan_jax.common import hashing, lookup
from gan_jax.common.errors import ConfigError
from gan_jax.metrics import features
from gan_jax.metrics.features import (
  convert_inception,
  inception,
  inception_v3,
  random_inception,
  weights_file,
)
from helpers import torch_files
from parity import inception_inputs as inputs

# parity/make_inception_vectors.py wrote it, with pytorch-fid 0.3.0, torch-fidelity 0.4.0, torch 2.13.0.
VECTORS = np.load(pathlib.Path(__file__).parents[2] / 'parity' / 'inception_vectors.npz')
SIZES = [name for name in VECTORS if 'x' in name]
# Every test compiles this one program at most.
network = jax.jit(inception_v3.apply)


@pytest.fixture(scope='module')
def state() -> dict[str, np.ndarray]:
  return inputs.state()


@pytest.fixture(scope='module')
def params(state) -> dict[str, np.ndarray]:
  return convert_inception.converted(state)


@pytest.fixture(scope='module')
def pictures() -> np.ndarray:
  return inputs.parts(200, 160, 2)


@pytest.fixture(scope='module')
def weights(params, tmp_path_factory) -> pathlib.Path:
  path = tmp_path_factory.mktemp('cache') / 'inception.npz'
  weights_file.write(path, params)
  return path


def test_photograph_matches_the_stored_vectors():
  assert hashing.of_array(inputs.photograph()) == str(VECTORS['photograph'])


def test_features_and_logits_match_pytorch_fid_and_torch_fidelity(params, pictures):
  found = network(params, pictures)
  assert found.features.shape == (2, 2048)
  assert found.logits.shape == (2, 1008)
  for name, values in found._asdict().items():
    assert values.dtype == np.float32
    expected = VECTORS[name]
    scale = np.sqrt((expected**2).mean())
    assert 0.5 < scale < 5
    np.testing.assert_allclose(values[:, ::16], expected, rtol=0, atol=1e-4 * min(1, scale))


def test_output_row_depends_only_on_its_image(params, pictures):
  found, swapped = network(params, pictures), network(params, pictures[::-1])
  np.testing.assert_allclose(found.features, swapped.features[::-1], atol=1e-5)
  assert np.abs(found.features[0] - found.features[1]).max() > 0.1


def test_random_weights_are_fixed_with_activations_of_order_one(pictures):
  loaded = random_inception.load()
  assert loaded.digest.startswith('0c78e414cf503a40')
  found = network(loaded.params, pictures)
  for values in found:
    assert 0.2 < np.sqrt((values**2).mean()) < 5


def test_feature_networks_are_the_modules_with_load():
  known = lookup.modules(features, 'load')
  assert {'inception', 'random_inception'} <= known.keys()
  assert not {'inception_v3', 'convert_inception'} & known.keys()


@pytest.mark.parametrize('size', SIZES)
def test_resize_matches_torch_fidelity(size):
  images = inputs.parts(*map(int, size.split('x')))
  found = np.asarray(inception_v3.resize(images))
  np.testing.assert_allclose(found[0, ::37, ::41], VECTORS[size], atol=1e-4)


def test_resize_samples_pixel_i_at_i_times_size_over_299():
  # Two columns, 0 and 255: pixel i is at 2 i / 299, between them up to 1 and then beyond the last.
  images = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1)
  expected = 255 * np.minimum(2 * np.arange(299) / 299, 1)
  found = inception_v3.resize(images)
  np.testing.assert_allclose(found[0, :, :, 0], np.tile(expected, (299, 1)), atol=1e-4)


def test_images_are_scaled_to_the_range_of_the_network():
  # (0 - 128) / 128, (128 - 128) / 128, (255 - 128) / 128
  for value, expected in ((0, -1), (128, 0), (255, 0.9921875)):
    assert (inception_v3.prepare(np.full((1, 3, 5, 3), value, np.uint8)) == expected).all()


def test_gray_images_are_repeated_to_three_channels():
  gray = inputs.parts(32, 32)[..., :1]
  found = inception_v3.prepare(gray)
  assert found.shape == (1, 299, 299, 3)
  np.testing.assert_array_equal(found, inception_v3.prepare(gray.repeat(3, axis=3)))


@pytest.mark.parametrize(
  'images',
  [np.zeros((1, 8, 8, 3), np.float32), np.zeros((8, 8, 3), np.uint8), np.zeros((1, 8, 8, 2), np.uint8)],
  ids=['float', 'one picture', 'two channels'],
)
def test_inputs_that_are_not_images_are_rejected(images):
  with pytest.raises(AssertionError):
    inception_v3.prepare(images)


def test_pooling_ignores_pixels_beyond_the_edge():
  x = -np.arange(1, 10, dtype=np.float32).reshape(1, 3, 3, 1)
  # The corner is the mean of -1, -2, -4, -5, the edge below it of -1, -2, -4, -5, -7, -8.
  averages = inception_v3._averaged(x)[0, ..., 0]
  np.testing.assert_allclose(averages, [[-3, -3.5, -4], [-4.5, -5, -5.5], [-6, -6.5, -7]], rtol=1e-6)
  largest = inception_v3._largest(x)[0, ..., 0]
  np.testing.assert_array_equal(largest, [[-1, -1, -2], [-1, -1, -2], [-4, -4, -5]])


@pytest.mark.parametrize('stride', [1, 2])
def test_unpadded_convolution_matches_lax(stride):
  x = np.random.RandomState(0).randn(2, 7, 9, 3).astype(np.float32)
  kernel = np.random.RandomState(1).randn(3, 3, 3, 4).astype(np.float32)
  windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::stride, ::stride]
  expected = np.einsum('nhwcij,ijco->nhwo', windows, kernel)
  found = inception_v3._convolved(x, kernel, stride, 'VALID')
  np.testing.assert_allclose(found, expected, atol=1e-4)


def test_batch_norm_is_folded_into_its_convolution():
  norm = {'weight': 3.0, 'bias': 0.5, 'running_mean': 2.0, 'running_var': 0.249}
  state = {f'a.bn.{name}': np.float32([value]) for name, value in norm.items()}
  state['a.conv.weight'] = np.arange(6, dtype=np.float32).reshape(1, 3, 2, 1)
  kernel, bias = convert_inception.folded(state, 'a')
  # 3 / sqrt(0.249 + 0.001) = 6; 0.5 - 2 * 6 = -11.5
  np.testing.assert_allclose(kernel[:, :, :, 0], 6 * np.array([[[0, 2, 4]], [[1, 3, 5]]]), rtol=1e-6)
  np.testing.assert_allclose(bias, [-11.5], rtol=1e-6)


def test_converted_weights_round_trip(weights, params):
  loaded = inception.load(weights)
  assert loaded.name == 'inception'
  assert '299' in loaded.resizer
  assert loaded.digest == hashing.of_tree(params)


def test_missing_weights_error_names_file_digest_and_command(monkeypatch, tmp_path):
  monkeypatch.delenv(inception.VARIABLE, raising=False)
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  with pytest.raises(ConfigError) as error:
    inception.load()
  for part in (
    str(tmp_path / 'gan_jax' / 'inception.npz'),
    'pt_inception-2015-12-05-6726825d.pth',
    'weights-inception-2015-12-05-6726825d.pth',
    '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2',
    'python -m gan_jax.metrics.features.convert_inception pt_inception-2015-12-05-6726825d.pth --out=',
  ):
    assert part in str(error.value)
  monkeypatch.setenv(inception.VARIABLE, 'elsewhere.npz')
  with pytest.raises(ConfigError, match='elsewhere.npz: the weights of inception are missing'):
    inception.load()


def _cut(path: pathlib.Path, content: bytes) -> None:
  path.write_bytes(content[: len(content) // 2])


def _flipped(path: pathlib.Path, content: bytes) -> None:
  middle = len(content) // 2
  path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


BROKEN = {
  'cut off': _cut,
  'a flipped bit': _flipped,
  'empty': lambda path, _: path.write_bytes(b''),
  'text': lambda path, _: path.write_text('weights'),
  'one array': lambda path, _: path.write_bytes(b'') or np.save(path.open('wb'), np.zeros(3)),
  'a folder': lambda path, _: path.mkdir(),
}


@pytest.mark.parametrize('case', BROKEN)
def test_corrupt_weights_error_names_a_fix(case, weights, tmp_path):
  path = tmp_path / 'inception.npz'
  BROKEN[case](path, weights.read_bytes())
  with pytest.raises(ConfigError, match='cannot be read .* convert it again: python -m'):
    inception.load(path)


@pytest.mark.parametrize(
  ('change', 'said'),
  [
    ({'fc.kernel': None}, "lacks 'fc.kernel'"),
    ({'fc.bias': np.zeros(1008, np.float32)}, "has an unknown array 'fc.bias'"),
    ({'fc.kernel': np.zeros((2048, 1000), np.float32)}, r'float32 \(2048, 1000\), not float32'),
    ({'Conv2d_3b_1x1.bias': np.zeros(80)}, r'bias is float64 \(80,\), not float32'),
    ({'Conv2d_3b_1x1.bias': np.full(80, np.nan, np.float32)}, 'bias is not finite'),
  ],
)
def test_weights_of_another_network_are_rejected_by_name(change, said, params):
  changed = {name: value for name, value in (params | change).items() if value is not None}
  with pytest.raises(ConfigError, match=f'a.npz: .*{said}.*; it is not the network of the FID'):
    inception.check(changed, 'a.npz')


def test_file_of_other_arrays_is_rejected(tmp_path):
  np.savez(tmp_path / 'a.npz', images=np.zeros(3))
  with pytest.raises(ConfigError, match="a.npz: it lacks 'Conv2d_1a_3x3.kernel'"):
    inception.load(tmp_path / 'a.npz')


@pytest.fixture(scope='module')
def source(tmp_path_factory, state) -> pathlib.Path:
  """A file of the state, in the older format of PyTorch, as that of pytorch-fid is."""
  path = tmp_path_factory.mktemp('downloads') / 'source.pth'
  counted = state | {'Conv2d_1a_3x3.bn.num_batches_tracked': np.zeros((), np.int64)}
  torch_files.stream(path, {name: torch_files.Tensor(array) for name, array in counted.items()})
  return path


def test_convert_with_the_known_digest_writes_weights(source, params, monkeypatch, capsys, tmp_path):
  digest = hashlib.sha256(source.read_bytes()).hexdigest()
  monkeypatch.setattr(inception, 'DOWNLOAD', inception.DOWNLOAD._replace(digest=digest))
  out = tmp_path / 'inception.npz'
  assert convert_inception.main([str(source), f'--out={out}']) == 0
  printed = capsys.readouterr().out
  assert digest in printed
  assert 'NOT' not in printed
  assert inception.load(out).digest == hashing.of_tree(params)
  assert [path.name for path in tmp_path.iterdir()] == ['inception.npz']


def test_convert_with_another_digest_needs_a_flag_and_warns(source, capsys, tmp_path):
  out = tmp_path / 'inception.npz'
  arguments = [str(source), f'--out={out}']
  assert convert_inception.main(arguments) == 2
  assert 'and not 6726825d0af5f729' in capsys.readouterr().err
  assert not out.exists()
  assert convert_inception.main([*arguments, '--any-digest']) == 0
  assert 'NOT the 6726825d... of the FID literature' in capsys.readouterr().out
  assert out.exists()


def _fails(path: pathlib.Path, out: pathlib.Path, capsys) -> str:
  assert convert_inception.main([str(path), f'--out={out}', '--any-digest']) == 2
  return capsys.readouterr().err


def test_convert_of_another_network_is_rejected(capsys, tmp_path):
  path, out = tmp_path / 'other.pth', tmp_path / 'inception.npz'
  torch_files.archive(path, {'fc.weight': torch_files.Tensor(np.zeros((1000, 2048), np.float32))})
  assert 'fc.weight is (1000, 2048), expected (1008, 2048)' in _fails(path, out, capsys)
  assert not out.exists()


def test_convert_of_a_file_without_weights_is_rejected(capsys, tmp_path):
  path, out = tmp_path / 'other.pth', tmp_path / 'inception.npz'
  path.write_bytes(b'as downloaded')
  assert 'is not a file of PyTorch weights (UnpicklingError' in _fails(path, out, capsys)
  assert not out.exists()


def test_convert_with_unreadable_or_unwritable_files_is_rejected(source, capsys, tmp_path):
  assert 'cannot read' in _fails(tmp_path / 'absent.pth', tmp_path / 'inception.npz', capsys)
  assert '--out: cannot write' in _fails(source, source / 'inception.npz', capsys)
