"""Command that converts the weights of the FID network once, without torch.

    python -m gan_jax.metrics.features.convert_inception pt_inception-2015-12-05-6726825d.pth

It also accepts torch-fidelity's weights-inception-2015-12-05-6726825d.pth, which has the same names and
shapes.
"""

import sys
from collections.abc import Mapping, Sequence

import numpy as np

from gan_jax.common import output
from gan_jax.common.errors import ConfigError
from gan_jax.metrics.features import inception, inception_v3, weights_file

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


def _converted(state: Mapping[str, np.ndarray]) -> tuple[str, weights_file.Params]:
  params = converted(state)
  inception.check(params, 'the file')
  return 'inception', params


def main(argv: Sequence[str] | None = None) -> int:
  """Runs the command and returns the exit code."""
  other = 'the FID literature: its scores are not FID'
  names = tuple(inception.FILES.values())
  converter = weights_file.Converter([inception.DOWNLOAD], names, _converted, other)
  return weights_file.main(converter, __doc__, argv)


if __name__ == '__main__':
  output.protect()
  sys.exit(main())
