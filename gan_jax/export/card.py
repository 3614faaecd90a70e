"""The model card of an exported folder: Markdown with a YAML header, as model hubs read it."""

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax

from gan_jax import modalities
from gan_jax.common.types import PyTree
from gan_jax.evaluation import cards
from gan_jax.export.model import Model
from gan_jax.game import sample_shape

_SETTINGS = (
  'gan',
  'networks',
  'players',
  'ema',
  'data',
  'seed',
  'batch_size',
  'batch_statistics',
  'update_rule',
  'compute_dtype',
)
"""Keys of a config that determine a model, besides its steps."""

_PROTOCOL = ('data', 'features', 'generated', 'real', 'split', 'seed')
"""The entries of a score card that the page shows."""

_PAGE = """---
library_name: gan_jax
tags:
{tags}
# Add your license: `license: ...`
---

# {title}

A generative adversarial network trained with gan_jax {version}: the game `{game}` on the data `{data}`.
These are the {weights} weights after {step} of {steps} steps.

{picture}## Use

The functions run on CPU, CUDA and TPU, for any batch size. They need `pip install jax flatbuffers`, and
not gan_jax.

```python
{snippet}
```

`model.safetensors` holds the weights. `gan_jax.export.load` reads them, with the config, as a game and
its variables.

## Scores

{scores}

## Training

{settings}
"""


_PICTURE = """![Samples](samples.png)

*Samples of seed 0, uncurated.*

"""


def text(model: Model, functions: Sequence[str], has_picture: bool = True) -> str:
  """Returns the card.

  Args:
    model: the exported model.
    functions: names of the files of its functions, see `export.stablehlo`.
    has_picture: whether the folder has a picture of samples.
  """
  config, condition = model.config, model.condition
  shape = sample_shape(model.game, model.variables, condition)
  tags = ['gan', 'jax', 'stablehlo']
  if condition is None and not model.game.classes:
    tags += modalities.of_shape(shape).usage.tags
  game, data = config['gan']['name'], str(config['data']['name'])
  return _PAGE.format(
    tags='\n'.join(f'- {tag}' for tag in tags),
    title=f'{game} on {data}',
    version=importlib.metadata.version('gan_jax'),
    game=game,
    data=data,
    weights=model.weights,
    step=model.step,
    steps=config['steps'],
    picture=_PICTURE if has_picture else '',
    snippet=snippet(functions, shape[1:], model.game.classes, condition),
    scores=_scores(model),
    settings=_table(('setting', 'value'), _settings(config)),
  )


class _Zeros(NamedTuple):
  """Zeros in Python code, of which there are as many as samples."""

  shape: tuple[int, ...]
  dtype: Any

  def __repr__(self) -> str:
    return f'np.zeros({(64, *self.shape)}, np.{self.dtype})'


def snippet(
  functions: Sequence[str], shape: Sequence[int], classes: int = 0, condition: PyTree | None = None
) -> str:
  """Returns Python code that draws samples from files of functions.

  Args:
    functions: names of the files.
    shape: of a sample.
    classes: number of labels that samples are conditioned on; 0 for none.
    condition: the shape [1, ...] and type of one condition that is not a label; None for none.
  """
  modality = modalities.of_shape((1, *shape))
  kind, usage = modality.name, modality.usage
  read = "jax.jit(export.deserialize(bytearray(open('{}', 'rb').read())).call)"
  names = ['generate', 'latents'] if len(functions) > 1 else ['sample']
  lines = [f'{name} = {read.format(file)}' for name, file in zip(names, functions, strict=True)]
  has_latents = len(functions) > 1
  arguments, given = ['latents(pairs)' if has_latents else 'pairs'], []
  if condition is not None:
    zeros = jax.tree.map(lambda x: _Zeros(x.shape[1:], x.dtype), condition)
    arguments.append('sources')
    given = ['# Replace the zeros by your own arrays; images are in [-1, 1].', f'sources = {zeros}']
  elif classes and has_latents:
    arguments.append('labels')
    given = [f'labels = (np.arange(64) % {classes}).astype(np.int32)']
  call = f'{names[0]}({", ".join(arguments)})'
  lines += [
    '# One pair (seed, i) for each sample, for example samples 0 to 63 of seed 0.',
    'pairs = np.stack([np.zeros(64), np.arange(64)], axis=1).astype(np.uint32)',
    *given,
    f'{kind} = np.asarray({call})  # float32 [64, {", ".join(map(str, shape))}]{usage.outputs}',
  ]
  if usage.code:
    lines.append(usage.code)
  return '\n'.join(['import jax', 'import numpy as np', 'from jax import export', '', *lines])


def _scores(model: Model) -> str:
  if not model.scores:
    return 'These weights have not been scored; `python -m gan_jax evaluate` does it.'
  rows = [
    (name, _value(value, cards.remark(line['card'], name)), *_protocol(line['card']))
    for line in model.scores
    for name, value in line['scores'].items()
  ]
  return _table(('score', 'value', *_PROTOCOL), rows)


def _value(value: float | None, remark: str) -> str:
  number = '-' if value is None else f'{value:.6g}'
  return f'{number} ({remark})' if remark else number


def _protocol(card: Mapping[str, Any]) -> tuple[str, ...]:
  # A path would tell where the data lies on this machine; its digest identifies it.
  shown = {'data': card.get('data_digest', '')[:12], **cards.without_place(card)}
  return tuple(str(shown.get(key, '')) for key in _PROTOCOL)


def _settings(config: Mapping[str, Any]) -> list[tuple[str, str]]:
  rows = []
  for key in _SETTINGS:
    rows += _flat(key, config[key])
  return rows


def _flat(key: str, value: Any) -> list[tuple[str, str]]:
  """Returns rows of a setting, with the keys of nested mappings joined by dots."""
  if isinstance(value, Mapping):
    return [row for name, inner in value.items() for row in _flat(f'{key}.{name}', inner)]
  return [(f'`{key}`', f'`{json.dumps(value)}`')]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
  cells = [head, ['---'] * len(head), *rows]
  return '\n'.join(f'| {" | ".join(cell.replace("|", "/") for cell in row)} |' for row in cells)
