"""A reader of PyTorch weights, files .pth and .pt, that needs no torch and executes nothing.

PyTorch stores a tree of tensors as a pickle, with the numbers beside it. Since version 1.6 a file is a
zip archive of the pickle and one file of numbers per storage. Older files hold the same as one stream;
pytorch-fid's weights are such a file. A pickle can name any function of any module. This reader accepts
only the few names in `_ACCEPTED`, and replaces each by its own code.
"""

import io
import os
import pathlib
import pickle
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

import jax.numpy as jnp
import numpy as np

from gan_jax.common.errors import ConfigError

_MAGIC = 0x1950A86A20F9469CFC6C
"""The number at the beginning of a file that is not an archive."""

_PROTOCOL = 1001
"""The version of such a file; others are unknown."""

_DTYPES = {
  'FloatStorage': np.float32,
  'DoubleStorage': np.float64,
  'HalfStorage': np.float16,
  'BFloat16Storage': jnp.bfloat16,
  'LongStorage': np.int64,
  'IntStorage': np.int32,
  'ShortStorage': np.int16,
  'CharStorage': np.int8,
  'ByteStorage': np.uint8,
  'BoolStorage': np.bool_,
}


class _RefusedError(Exception):
  """The file is not one of plain tensors; the text says why."""


class _Storage(NamedTuple):
  """A reference to numbers: their key in the file, their type, and how many they are."""

  key: str
  dtype: np.dtype
  count: int


class _Tensor(NamedTuple):
  """A reference to a tensor: a strided view of a storage, in elements."""

  storage: _Storage
  offset: int
  shape: tuple[int, ...]
  strides: tuple[int, ...]


class _Dict(dict):
  """A dictionary whose further state, PyTorch's versions of layers, is dropped."""

  def __setstate__(self, state: Any) -> None:
    pass


class _RebuildTensor:
  """Returns a reference to a tensor. A pickle can set no attribute of it, as it could of a function."""

  __slots__ = ()

  def __call__(self, storage: Any, offset: Any, shape: Any, strides: Any, *unused: Any) -> _Tensor:
    if not isinstance(storage, _Storage):
      raise _RefusedError('a tensor has no storage')
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _RebuildParameter:
  """Returns the tensor of a parameter. A pickle can set no attribute of it either."""

  __slots__ = ()

  def __call__(self, tensor: Any, *unused: Any) -> Any:
    return tensor


_ACCEPTED: Mapping[tuple[str, str], Any] = {
  ('collections', 'OrderedDict'): _Dict,
  ('torch._utils', '_rebuild_tensor_v2'): _RebuildTensor(),
  ('torch._utils', '_rebuild_parameter'): _RebuildParameter(),
  **{('torch', name): name for name in _DTYPES},
}
"""{(module, name) in a pickle: our own object in its place}."""


class _Unpickler(pickle.Unpickler):
  """Reads a pickle that names nothing besides `_ACCEPTED`."""

  def find_class(self, module: str, name: str) -> Any:
    if (module, name) not in _ACCEPTED:
      raise _RefusedError(f'it names {module}.{name}, which is not a tensor')
    return _ACCEPTED[module, name]

  def persistent_load(self, pid: Any) -> _Storage:
    kind, name, key, _, count, *view = pid
    if kind != 'storage' or name not in _DTYPES or not isinstance(key, str):
      raise _RefusedError('it has a storage of an unknown kind')
    if any(view):
      raise _RefusedError('it has a storage that is a part of another')
    return _Storage(key, np.dtype(_DTYPES[name]), _whole(count))


def _whole(number: Any) -> int:
  if isinstance(number, bool) or not isinstance(number, int) or number < 0:
    raise _RefusedError(f'it has a size or an offset of {number!r}')
  return number


def read(path: str | os.PathLike) -> dict[str, np.ndarray]:
  """Returns the tensors in a file of PyTorch weights, as `torch.save` writes a `state_dict`.

  Args:
    path: a file whose pickle is a dictionary of names and tensors.

  Returns:
    {name: array} of the type that the file has; tensors that share a storage share it here.

  Raises:
    ConfigError: the file cannot be read, is not such a file, or names anything besides tensors.
  """
  path = pathlib.Path(path)
  try:
    with open(path, 'rb') as file:
      return _read_archive(file) if zipfile.is_zipfile(file) else _read_stream(file)
  except OSError as error:
    raise ConfigError(f'cannot read {path} ({error.strerror})') from error
  except _RefusedError as error:
    raise ConfigError(f'{path}: {error}; nothing in it was executed: get the file again') from error
  except Exception as error:
    # A corrupt pickle or archive can raise anything.
    reason = f'{type(error).__name__}: {error}'
    raise ConfigError(f'{path} is not a file of PyTorch weights ({reason:.100})') from error


def _read_archive(file: BinaryIO) -> dict[str, np.ndarray]:
  with zipfile.ZipFile(file) as archive:
    names = archive.namelist()
    (index,) = (name for name in names if name.split('/')[1:] == ['data.pkl'])
    folder = index.removesuffix('data.pkl')
    order = archive.read(f'{folder}byteorder') if f'{folder}byteorder' in names else b'little'
    storages: dict[str, np.ndarray] = {}

    def numbers(storage: _Storage) -> np.ndarray:
      name = f'{folder}data/{storage.key}'
      # A compressed member could state more than memory holds.
      if archive.getinfo(name).file_size != storage.count * storage.dtype.itemsize:
        raise _RefusedError(f'{name} has another size than its tensors')
      if storage.key not in storages:
        storages[storage.key] = _decoded(archive.read(name), storage.dtype, order == b'big')
      return storages[storage.key]

    state = _Unpickler(io.BytesIO(archive.read(index))).load()
    return _arrays(state, numbers)


def _read_stream(file: BinaryIO) -> dict[str, np.ndarray]:
  file.seek(0)
  if _Unpickler(file).load() != _MAGIC or _Unpickler(file).load() != _PROTOCOL:
    raise _RefusedError('it does not begin as such a file')
  is_big = not _Unpickler(file).load()['little_endian']
  state = _Unpickler(file).load()
  keys = _Unpickler(file).load()
  known = {tensor.storage.key: tensor.storage for tensor in _tensors(state).values()}
  storages = {}
  for key in keys:
    (count,) = np.frombuffer(file.read(8), '>i8' if is_big else '<i8')
    if key not in known or known[key].count != count:
      raise _RefusedError(f'the storage {key!r} belongs to no tensor')
    content = file.read(known[key].count * known[key].dtype.itemsize)
    storages[key] = _decoded(content, known[key].dtype, is_big)
  return _arrays(state, lambda storage: storages[storage.key])


def _decoded(content: bytes, dtype: np.dtype, is_big: bool) -> np.ndarray:
  array = np.frombuffer(content, dtype)
  return array.byteswap() if is_big else array


def _tensors(state: Any) -> dict[str, _Tensor]:
  """Returns the tensors of a pickled state."""
  if not isinstance(state, dict):
    raise _RefusedError(f'it holds {type(state).__name__}, not a dictionary of tensors')
  for name, value in state.items():
    if not isinstance(name, str) or not isinstance(value, _Tensor):
      raise _RefusedError(f'its entry {name!r:.80} is not a tensor')
  return dict(state)


def _arrays(state: Any, numbers: Callable[[_Storage], np.ndarray]) -> dict[str, np.ndarray]:
  return {
    name: _view(numbers(tensor.storage), tensor.offset, tensor.shape, tensor.strides)
    for name, tensor in _tensors(state).items()
  }


def _view(storage: np.ndarray, offset: int, shape: Sequence[int], strides: Sequence[int]) -> np.ndarray:
  """Returns a strided view of a storage, after a check that it lies inside.

  Args:
    storage: [K].
    offset: index of the first element.
    shape: shape of the view; it may not have more elements than the storage.
    strides: for each axis, the distance of neighbors in elements.
  """
  whole = [_whole(number) for number in (offset, *shape, *strides)]
  count = int(np.prod([int(size) for size in shape], dtype=object))
  last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
  if count and (last >= len(storage) or count > len(storage)):
    raise _RefusedError(f'a tensor {whole} lies outside its storage of {len(storage)}')
  if not count:
    return np.empty(tuple(shape), storage.dtype)
  steps = tuple(stride * storage.itemsize for stride in strides)
  return np.lib.stride_tricks.as_strided(storage[offset:], tuple(shape), steps)
