"""The reader of PyTorch weights reads tensors, and refuses other pickles without running them."""

import os
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from gan_jax.common.errors import ConfigError
from gan_jax.metrics.features import torch_file
from helpers.torch_files import FORMATS, Tensor, archive, stream

BASE = np.arange(24, dtype=np.float32)
STATE = {
  'single': Tensor(np.float32([[1.5, -2], [0, 3]])),
  'half': Tensor(np.float16([0.1, 65504])),
  'count': Tensor(np.array(7, np.int64)),
  # Rows 1 and 2 of a 4x6 matrix, transposed: element (i, j) is number 6 + 6 j + i.
  'part': Tensor(BASE, 6, (6, 2), (1, 6)),
  'same storage': Tensor(BASE, 0, (24,)),
  'empty': Tensor(np.zeros((0, 3), np.float32)),
}


@pytest.mark.parametrize('write', FORMATS.values(), ids=FORMATS)
def test_read_returns_every_type_offset_and_stride(write, tmp_path):
  state = OrderedDict(STATE)
  # PyTorch adds the versions of layers as an attribute.
  state._metadata = OrderedDict({'': {'version': 1}})
  write(tmp_path / 'a.pth', state)
  arrays = torch_file.read(tmp_path / 'a.pth')
  assert list(arrays) == list(STATE)
  np.testing.assert_array_equal(arrays['single'], [[1.5, -2], [0, 3]])
  np.testing.assert_array_equal(arrays['half'], np.float16([0.1, 65504]))
  assert arrays['half'].dtype == np.float16
  assert (arrays['count'].shape, arrays['count'].dtype, int(arrays['count'])) == ((), np.int64, 7)
  np.testing.assert_array_equal(arrays['part'], BASE.reshape(4, 6)[1:3].T)
  np.testing.assert_array_equal(arrays['same storage'], BASE)
  assert arrays['empty'].shape == (0, 3)


class Malicious:
  """Runs a command where it is unpickled."""

  def __init__(self, path):
    self.path = path

  def __reduce__(self):
    return os.system, (f'touch {self.path}',)


@pytest.mark.parametrize('protocol', [0, 2, 4])
def test_malicious_pickle_is_refused_and_executes_nothing(protocol, tmp_path):
  trace = tmp_path / 'trace'
  index = pickle.dumps({'a': Malicious(trace)}, protocol=protocol)
  archive(tmp_path / 'a.pth', {}, index)
  with pytest.raises(
    ConfigError, match=r'a.pth: it names (posix|nt).system, .* nothing in it was exec'
  ):
    torch_file.read(tmp_path / 'a.pth')
  (tmp_path / 'b.pth').write_bytes(index)
  with pytest.raises(ConfigError, match='it names'):
    torch_file.read(tmp_path / 'b.pth')
  assert not trace.exists()
  pickle.loads(index)
  assert trace.exists()


@pytest.mark.parametrize('name', ['builtins.eval', 'torch._utils._rebuild_tensor', 'numpy.load'])
def test_every_name_besides_tensors_is_refused(name, tmp_path):
  module, _, attribute = name.rpartition('.')
  archive(tmp_path / 'a.pth', {}, f'c{module}\n{attribute}\n.'.encode())
  with pytest.raises(ConfigError, match=f'it names {name}'):
    torch_file.read(tmp_path / 'a.pth')


@pytest.mark.parametrize('name', ['_rebuild_tensor_v2', '_rebuild_parameter'])
@pytest.mark.parametrize('attribute', ['__doc__', '__call__', '__class__', 'x'])
def test_pickle_that_changes_a_function_is_refused(name, attribute, tmp_path):
  accepted = torch_file._ACCEPTED['torch._utils', name]
  before = [getattr(accepted, each, None) for each in ('__doc__', '__class__', 'x')]
  # The name of the function, an empty first state, a second one with the attribute, and BUILD.
  index = f"ctorch._utils\n{name}\nN(S'{attribute}'\nS'changed'\nd\x86b."
  archive(tmp_path / 'a.pth', {}, index.encode('latin-1'))
  with pytest.raises(ConfigError, match='is not a file of PyTorch weights'):
    torch_file.read(tmp_path / 'a.pth')
  assert [getattr(accepted, each, None) for each in ('__doc__', '__class__', 'x')] == before


BEYOND = {
  'offset': Tensor(BASE, 20, (5,)),
  'stride': Tensor(BASE, 0, (2, 2), (24, 1)),
  'negative stride': Tensor(BASE, 5, (3,), (-1,)),
  'negative offset': Tensor(BASE, -1, (1,)),
  'repeated': Tensor(BASE, 0, (10**12,), (0,)),
}


@pytest.mark.parametrize('case', BEYOND)
@pytest.mark.parametrize('write', FORMATS.values(), ids=FORMATS)
def test_views_outside_their_storage_are_refused(case, write, tmp_path):
  write(tmp_path / 'a.pth', {'x': BEYOND[case]})
  with pytest.raises(ConfigError, match='lies outside its storage|a size or an offset of -1'):
    torch_file.read(tmp_path / 'a.pth')


@pytest.mark.parametrize('write', FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize('state', [[1], {'a': 3}, {1: Tensor(BASE)}], ids=['list', 'number', 'key'])
def test_files_of_other_things_are_refused(write, state, tmp_path):
  write(tmp_path / 'a.pth', state)
  with pytest.raises(ConfigError, match='not a dictionary of tensors|is not a tensor'):
    torch_file.read(tmp_path / 'a.pth')


@pytest.mark.parametrize('length', [0, 1, 50, 200, 400])
def test_incomplete_files_are_refused(length, tmp_path):
  for name, write in FORMATS.items():
    write(tmp_path / name, STATE)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:length])
    with pytest.raises(ConfigError, match=f'{name}.* (not a file of PyTorch|get the file again)'):
      torch_file.read(tmp_path / name)


def test_stream_that_ends_inside_its_numbers_is_refused(tmp_path):
  stream(tmp_path / 'a.pth', {'x': Tensor(BASE)})
  content = (tmp_path / 'a.pth').read_bytes()
  (tmp_path / 'a.pth').write_bytes(content[:-4])
  with pytest.raises(ConfigError, match='outside its storage of 23'):
    torch_file.read(tmp_path / 'a.pth')


def test_compressed_storage_of_another_size_is_refused(tmp_path):
  archive(tmp_path / 'a.pth', {'x': Tensor(BASE)})
  with zipfile.ZipFile(tmp_path / 'a.pth') as file:
    index = file.read('archive/data.pkl')
  with zipfile.ZipFile(tmp_path / 'b.pth', 'w', zipfile.ZIP_DEFLATED) as file:
    file.writestr('archive/data.pkl', index)
    file.writestr('archive/data/0', bytes(10**6))
  with pytest.raises(ConfigError, match='data/0 has another size'):
    torch_file.read(tmp_path / 'b.pth')


def test_missing_file_is_named(tmp_path):
  with pytest.raises(ConfigError, match='cannot read .*absent.pth'):
    torch_file.read(tmp_path / 'absent.pth')
