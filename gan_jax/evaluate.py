"""Scores a run: python -m gan_jax.evaluate --workdir=runs/dcgan --features=digits --num=10000.

It prints every score and the protocol that it was made by, and appends both to scores.jsonl in the
folder of the run. The run's data is needed, its experiment file is not.
"""

from collections.abc import Mapping
from typing import Any

from absl import flags

from gan_jax import accelerators, build, cards, cli, data, evaluation, homes, parallel, trained, workdir
from gan_jax.errors import at

_WORKDIR = flags.DEFINE_string('workdir', None, 'The folder of the run.', required=True)
_DATA = flags.DEFINE_string('data', None, trained.DATA_HELP)
_FEATURES = flags.DEFINE_string(
  'features', None, 'The feature network; by default that of the run, config.evaluate.features.'
)
_SCORES = flags.DEFINE_list('scores', [], 'Which scores; by default all that can be had.')
_NUM = flags.DEFINE_integer('num', 10_000, 'How many samples.')
_SEED = flags.DEFINE_integer('seed', 0, 'Sample i is a function of the seed and of i.')
_STEP = flags.DEFINE_string('step', None, 'Of which checkpoint, a step or best; else the newest.')
_EMA = flags.DEFINE_boolean(
  'ema', None, 'Averaged weights or raw ones; by default averaged, where the run keeps an average.'
)


def main() -> int:
  """Runs the command; the exit code."""
  parallel.prepare()
  accelerators.check()
  folder = homes.expanded(_WORKDIR.value, '--workdir')
  config = workdir.read_config(folder)
  workdir.prepare(folder)
  features = _FEATURES.value or config['evaluate']['features']
  how = evaluation.protocol(features, _SCORES.value, _NUM.value, _SEED.value, prefix='--')
  game, variables, step = trained.load(folder, trained.parse_step(_STEP.value), _EMA.value)
  weights = 'averaged' if config['ema'] and _EMA.value is not False else 'raw'
  config = trained.with_data(config, _DATA.value)
  source = build.unseen_source(config, trained.source(config))
  if not workdir.has_data(folder, data.digest(source)):
    cli.warn(
      'the images are not those with which this run began; the scores compare samples with '
      f'{source.about}'
    )
  with at('evaluate'):
    evaluate = evaluation.Evaluator(how, config['data']['name'], game, source, cli.warn)
    found, card = evaluate(parallel.replicate(variables), weights=weights, step=step)
  workdir.add_scores(folder, {'step': step, 'scores': found, 'card': card})
  _print({name: _text(value, cards.remark(card, name)) for name, value in found.items()})
  _print(_flat({key: value for key, value in card.items() if key != 'remarks'}))
  print(f'added to {folder / workdir.SCORES}')
  return 0


def _text(value: float | None, remark: str) -> str:
  """Returns a score as text: its value, or '-' and the reason."""
  if value is not None:
    return f'{value:.6g}'
  return f'-  ({remark})' if remark else '-'


def _flat(card: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
  """A card with the keys of nested mappings joined by dots."""
  found = {}
  for key, value in card.items():
    name = f'{prefix}{key}'
    found |= _flat(value, f'{name}.') if isinstance(value, Mapping) else {name: value}
  return found


def _print(values: Mapping[str, Any]) -> None:
  width = max(map(len, values))
  for name, value in values.items():
    print(f'{name:{width}}  {value}')
  print()


if __name__ == '__main__':
  cli.run(main)
