"""Command that converts the weights of the FID network once; it needs torch, as no other module does.

    python -m gan_jax.metrics.features.convert_inception pt_inception-2015-12-05-6726825d.pth

It also accepts torch-fidelity's weights-inception-2015-12-05-6726825d.pth, which has the same names and
shapes.
"""

import argparse
import contextlib
import hashlib
import os
import pathlib
import sys
from collections.abc import Mapping, Sequence

import numpy as np

from gan_jax.common import output
from gan_jax.common.errors import ConfigError
from gan_jax.metrics.features import inception, inception_v3

EPSILON = 0.001
"""The constant that batch norm adds to a variance in this network."""


def folded(state: Mapping[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
  """Returns a convolution and its batch norm as one convolution, computed in float64.

  w' = w g / sqrt(v + 0.001), b' = b - m g / sqrt(v + 0.001).

  Args:
    state: 'NAME.conv.weight' [outputs, inputs, height, width], and the arrays [outputs] of 'NAME.bn':
      weight (g), bias (b), running_mean (m), running_var (v).
    name: name of the layer.

  Returns:
    kernel, float32 [height, width, inputs, outputs], and bias, float32 [outputs].
  """
  kernel = np.asarray(state[f'{name}.conv.weight'], np.float64).transpose(2, 3, 1, 0)
  norm = ('weight', 'bias', 'running_mean', 'running_var')
  gain, bias, mean, variance = (np.asarray(state[f'{name}.bn.{key}'], np.float64) for key in norm)
  scale = gain / np.sqrt(variance + EPSILON)
  return (kernel * scale).astype(np.float32), (bias - mean * scale).astype(np.float32)


def source_shapes() -> dict[str, tuple[int, ...]]:
  """Returns the names and shapes in the state of pytorch-fid's and torch-fidelity's network.

  Counts of batches are not included.
  """
  shapes: dict[str, tuple[int, ...]] = {'fc.weight': (1008, 2048), 'fc.bias': (1008,)}
  for name, shape in inception_v3.shapes().items():
    layer, kind = name.rsplit('.', 1)
    if kind == 'kernel' and layer != 'fc':
      shapes[f'{layer}.conv.weight'] = (shape[3], shape[2], *shape[:2])
      norm = ('weight', 'bias', 'running_mean', 'running_var')
      shapes |= {f'{layer}.bn.{key}': shape[3:] for key in norm}
  return shapes


def converted(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
  """Returns the state of PyTorch's network as params of inception_v3, without the bias of the logits.

  Args:
    state: arrays with the names and shapes of `source_shapes`; 'num_batches_tracked' is ignored.

  Raises:
    ConfigError: it is the state of another network.
  """
  state = {name: np.asarray(a) for name, a in state.items() if not name.endswith('_tracked')}
  _check(state)
  params = {'fc.kernel': state['fc.weight'].T.astype(np.float32)}
  for layer in (name[:-5] for name in inception_v3.shapes() if name.endswith('.bias')):
    params[f'{layer}.kernel'], params[f'{layer}.bias'] = folded(state, layer)
  return {name: np.ascontiguousarray(params[name]) for name in inception_v3.shapes()}


def _check(state: Mapping[str, np.ndarray]) -> None:
  known = source_shapes()
  for name in [*known, *state]:
    actual = state[name].shape if name in state else 'missing'
    expected = known.get(name, 'unknown')
    if actual != expected:
      raise ConfigError(f'this is another network: {name} is {actual}, expected {expected}')


def digest(path: pathlib.Path) -> str:
  """Returns the SHA-256 of a file.

  Raises:
    ConfigError: it cannot be read.
  """
  try:
    with open(path, 'rb') as file:
      return hashlib.file_digest(file, 'sha256').hexdigest()
  except OSError as error:
    raise ConfigError(f'cannot read {path} ({error.strerror})') from error


def _read(path: pathlib.Path) -> dict[str, np.ndarray]:
  """Returns the state in a file of PyTorch, without executing anything in it."""
  try:
    # pyrefly: ignore[missing-import]  the package does without it
    import torch
  except ImportError as error:
    raise ConfigError('torch is not installed; run pip install torch, or convert elsewhere') from error
  try:
    state = torch.load(path, map_location='cpu', weights_only=True)
    return {name: tensor.detach().numpy() for name, tensor in state.items()}
  except Exception as error:  # Unpickling a file of another kind can raise anything.
    raise ConfigError(f'{path} is not a file of PyTorch weights ({type(error).__name__})') from error


def write(path: pathlib.Path, params: inception_v3.Params) -> None:
  """Writes params to a file atomically.

  Raises:
    ConfigError: it cannot be written.
  """
  draft = path.with_name(f'.{path.name}.{os.getpid()}.draft')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(draft, 'wb') as file:
      # pyrefly: ignore[bad-argument-type]  no weight is called allow_pickle
      np.savez(file, **params)
    draft.replace(path)
  except OSError as error:
    raise ConfigError(f'--out: cannot write {path} ({error.strerror})') from error
  finally:
    with contextlib.suppress(OSError):
      draft.unlink()


def convert(path: pathlib.Path, out: pathlib.Path, any_digest: bool) -> str:
  """Converts a file and returns a line for the terminal.

  Raises:
    ConfigError: it is not the known file and `any_digest` is False, or it is another network.
  """
  actual = digest(path)
  known = actual == inception.DIGEST
  if not known and not any_digest:
    raise ConfigError(
      f'the SHA-256 of {path} is {actual} and not {inception.DIGEST}: the file is incomplete or holds '
      'other weights; download it again, or accept it with --any-digest'
    )
  params = converted(_read(path))
  inception.check(params, str(path))
  write(out, params)
  text = f'{out}: {len(params)} arrays of {path}, SHA-256 {actual}'
  if known:
    return text
  return f'{text}, NOT the {inception.DIGEST[:8]}... of the FID literature: its scores are not FID'


def main(argv: Sequence[str] | None = None) -> int:
  """Runs the command and returns the exit code."""
  parser = argparse.ArgumentParser(prog=inception.COMMAND.rsplit(' ', 1)[0], description=__doc__)
  parser.formatter_class = argparse.RawDescriptionHelpFormatter
  parser.add_argument('file', type=pathlib.Path, help=' or '.join(inception.FILES.values()))
  parser.add_argument('--out', type=pathlib.Path, help=f'by default {inception.weights_path()}')
  parser.add_argument('--any-digest', action='store_true', help='accept a file with another SHA-256')
  given = parser.parse_args(argv)
  try:
    print(convert(given.file, given.out or inception.weights_path(), given.any_digest))
  except ConfigError as error:
    print(f'error: {" ".join(str(error).split())}', file=sys.stderr)
    return 2
  return 0


if __name__ == '__main__':
  output.protect()
  sys.exit(main())
