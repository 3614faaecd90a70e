"""Files as PyTorch writes them, made without it."""

import io
import math
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
STORAGES = {'f4': 'FloatStorage', 'f2': 'HalfStorage', 'i8': 'LongStorage', 'f8': 'DoubleStorage'}


class Tensor:
  """A tensor: an array, and a view of it as (offset, shape, strides) in elements."""

  def __init__(self, array, offset=0, shape=None, strides=None):
    self.array = np.asarray(array, order='C')
    shape = self.array.shape if shape is None else shape
    contiguous = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    self.view = offset, shape, contiguous if strides is None else strides


class _Global:
  """Pickled as the name of an object in a module of torch."""

  def __init__(self, module, name):
    self.module = module
    self.name = name

  def __call__(self):
    raise AssertionError


class _Pickler(pickle._Pickler):
  """Pickles tensors as torch.save does."""

  dispatch = dict(pickle._Pickler.dispatch)

  def __init__(self, file, legacy):
    super().__init__(file, protocol=2)
    self.storages = {}
    self.legacy = legacy

  def persistent_id(self, obj):
    if not isinstance(obj, np.ndarray):
      return None
    key = str(len(self.storages)) if id(obj) not in self.storages else self.storages[id(obj)][0]
    self.storages[id(obj)] = key, obj
    kind = _Global('torch', STORAGES[obj.dtype.str[1:]])
    return ('storage', kind, key, 'cpu', obj.size) + ((None,) if self.legacy else ())

  def save_global_name(self, obj):
    self.write(pickle.GLOBAL + f'{obj.module}\n{obj.name}\n'.encode())

  def save_tensor(self, obj):
    offset, shape, strides = obj.view
    self.save_global_name(_Global('torch._utils', '_rebuild_tensor_v2'))
    self.save((obj.array, offset, shape, strides, False, OrderedDict()))
    self.write(pickle.REDUCE)

  dispatch[_Global] = save_global_name
  dispatch[Tensor] = save_tensor


def archive(path, state, index=None):
  """Writes a zip archive; `index` replaces the pickle."""
  buffer = io.BytesIO()
  pickler = _Pickler(buffer, legacy=False)
  pickler.dump(state)
  with zipfile.ZipFile(path, 'w') as file:
    file.writestr('archive/data.pkl', buffer.getvalue() if index is None else index)
    file.writestr('archive/byteorder', 'little')
    for key, array in pickler.storages.values():
      file.writestr(f'archive/data/{key}', array.tobytes())
    file.writestr('archive/version', '3\n')


def stream(path, state):
  """Writes the older format, one stream."""
  info = {'protocol_version': PROTOCOL, 'little_endian': sys.byteorder == 'little', 'type_sizes': {}}
  with open(path, 'wb') as file:
    for head in (MAGIC, PROTOCOL, info):
      pickle.dump(head, file, protocol=2)
    pickler = _Pickler(file, legacy=True)
    pickler.dump(state)
    pickle.dump(sorted(key for key, _ in pickler.storages.values()), file, protocol=2)
    for _, array in sorted(pickler.storages.values(), key=lambda item: item[0]):
      file.write(struct.pack('<q', array.size) + array.tobytes())


FORMATS = types.MappingProxyType({'archive': archive, 'stream': stream})
