"""Converts the weights of the network of the FID, once; it needs torch, which nothing else here does.

    python -m gan_jax.metrics.features.convert_inception pt_inception-2015-12-05-6726825d.pth

torch-fidelity's weights-inception-2015-12-05-6726825d.pth is as good: names and shapes are the same.
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
"""What batch norm adds to a variance in this network."""


def folded(state: Mapping[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
  """A convolution and its batch norm as one convolution, computed in float64.

  w' = w g / sqrt(v + 0.001), b' = b - m g / sqrt(v + 0.001).

  Args:
    state: 'NAME.conv.weight' [outputs, inputs, height, width], and of 'NAME.bn' [outputs] weight (g),
      bias (b), running_mean (m), running_var (v).
    name: of the layer.

  Returns:
    kernel, float32 [height, width, inputs, outputs], and bias, float32 [outputs].
  """
  kernel = np.asarray(state[f'{name}.conv.weight'], np.float64).transpose(2, 3, 1, 0)
  norm = ('weight', 'bias', 'running_mean', 'running_var')
  gain, bias, mean, variance = (np.asarray(state[f'{name}.bn.{part}'], np.float64) for part in norm)
  scale = gain / np.sqrt(variance + EPSILON)
  return (kernel * scale).astype(np.float32), (bias - mean * scale).astype(np.float32)


def source_shapes() -> dict[str, tuple[int, ...]]:
  """What the state of pytorch-fid's and of torch-fidelity's network holds, but counts of batches."""
  found: dict[str, tuple[int, ...]] = {'fc.weight': (1008, 2048), 'fc.bias': (1008,)}
  for name, shape in inception_v3.shapes().items():
    layer, kind = name.rsplit('.', 1)
    if kind == 'kernel' and layer != 'fc':
      found[f'{layer}.conv.weight'] = (shape[3], shape[2], *shape[:2])
      norm = ('weight', 'bias', 'running_mean', 'running_var')
      found |= {f'{layer}.bn.{part}': shape[3:] for part in norm}
  return found


def converted(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
  """The state of PyTorch's network as params of inception_v3; the bias of the logits is left out.

  Args:
    state: of `source_shapes`, by its names; 'num_batches_tracked' is passed over.

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
    found = state[name].shape if name in state else 'missing'
    wanted = known.get(name, 'unknown')
    if found != wanted:
      raise ConfigError(f'this is another network: {name} is {found}, and would have to be {wanted}')


def digest(path: pathlib.Path) -> str:
  """SHA-256 of a file.

  Raises:
    ConfigError: it cannot be read.
  """
  try:
    with open(path, 'rb') as file:
      return hashlib.file_digest(file, 'sha256').hexdigest()
  except OSError as error:
    raise ConfigError(f'cannot read {path} ({error.strerror})') from error


def _read(path: pathlib.Path) -> dict[str, np.ndarray]:
  """The state in a file of PyTorch; nothing in it is executed."""
  try:
    # pyrefly: ignore[missing-import]  the package does without it
    import torch
  except ImportError as error:
    raise ConfigError('torch is not installed here; pip install torch, or convert elsewhere') from error
  try:
    state = torch.load(path, map_location='cpu', weights_only=True)
    return {name: tensor.detach().numpy() for name, tensor in state.items()}
  except Exception as error:  # Of any kind: what is no such file is unpickled as if it were one.
    raise ConfigError(f'{path} holds no weights of PyTorch ({type(error).__name__})') from error


def write(path: pathlib.Path, params: inception_v3.Params) -> None:
  """Writes params whole or not at all.

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
  """Converts a file; what is to be said of it.

  Raises:
    ConfigError: it is not the known file and `any_digest` is False, or holds something else.
  """
  found = digest(path)
  known = found == inception.DIGEST
  if not known and not any_digest:
    raise ConfigError(
      f'the SHA-256 of {path} is {found} and not {inception.DIGEST}: it is incomplete or holds other '
      'weights; download it again, or accept it with --any-digest'
    )
  params = converted(_read(path))
  inception.check(params, str(path))
  write(out, params)
  text = f'{out}: {len(params)} arrays of {path}, SHA-256 {found}'
  if known:
    return text
  return f'{text}, NOT the {inception.DIGEST[:8]}... of the FID literature: its scores are no FID'


def main(argv: Sequence[str] | None = None) -> int:
  """Runs the command; the exit code."""
  parser = argparse.ArgumentParser(prog=inception.COMMAND.rsplit(' ', 1)[0], description=__doc__)
  parser.formatter_class = argparse.RawDescriptionHelpFormatter
  parser.add_argument('file', type=pathlib.Path, help=' or '.join(inception.FILES.values()))
  parser.add_argument('--out', type=pathlib.Path, help=f'by default {inception.place()}')
  parser.add_argument('--any-digest', action='store_true', help='accept a file of another SHA-256')
  given = parser.parse_args(argv)
  try:
    print(convert(given.file, given.out or inception.place(), given.any_digest))
  except ConfigError as error:
    print(f'error: {" ".join(str(error).split())}', file=sys.stderr)
    return 2
  return 0


if __name__ == '__main__':
  output.protect()
  sys.exit(main())
