"""Evaluates a run: python -m gan_jax.evaluate --workdir=runs/dcgan --features=digits --num=10000.

It prints every metric and the evaluation protocol, and appends both to scores.jsonl in the folder of
the run. It needs the run's data, but not its experiment file.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from gan_jax import cli
from gan_jax.common import console, user_paths
from gan_jax.common.errors import at
from gan_jax.config import build, run_config
from gan_jax.data import source as sources
from gan_jax.evaluation import cards, evaluator
from gan_jax.runtime import accelerators, devices
from gan_jax.storage import load_run, metrics_log, workdir


def _flags(argv: Sequence[str]) -> flags.FlagValues:
  values = cli.new_flags(__doc__)
  cli.define_checkpoint_flags(values)
  flags.DEFINE_string('data', None, load_run.DATA_HELP, flag_values=values)
  flags.DEFINE_string(
    'features', None, "Feature network (default: the run's evaluate.features).", flag_values=values
  )
  flags.DEFINE_list('scores', [], 'Metrics to compute (default: all that apply).', flag_values=values)
  cli.define_sampling_flags(values, num=10_000)
  cli.define_extend_flag(values)
  cli.parse(values, argv, required=['workdir'])
  return values


def main(argv: Sequence[str]) -> int:
  """Runs the command and returns its exit code."""
  flag = _flags(argv)
  devices.prepare()
  accelerators.check()
  folder = user_paths.expanded(flag.workdir, '--workdir')
  config = workdir.read_config(folder)
  workdir.prepare(folder)
  features = flag.features or config['evaluate']['features']
  protocol = evaluator.protocol(features, flag.scores, flag.num, flag.seed, prefix='--')
  game, variables, step = load_run.load(folder, load_run.parse_step(flag.step), flag.ema)
  weights = 'averaged' if config['ema'] and flag.ema is not False else 'raw'
  config = load_run.with_data(config, flag.data)
  source = build.make_unseen_source(run_config.parse(config).data, load_run.source(config))
  if not workdir.has_data(folder, sources.digest(source)):
    console.warn(
      'the images differ from those that this run started with; the metrics compare samples with '
      f'{source.about}'
    )
  with at('evaluate'):
    evaluate = evaluator.create(protocol, config['data']['name'], game, source, console.warn)
    scores, card = evaluate(devices.replicate(variables), weights=weights, step=step)
  metrics_log.add_scores(folder, {'step': step, 'scores': scores, 'card': card})
  _print({name: _text(value, cards.remark(card, name)) for name, value in scores.items()})
  _print(_flat({key: value for key, value in card.items() if key != 'remarks'}))
  print(f'added to {folder / metrics_log.SCORES}')
  return 0


def _text(value: float | None, remark: str) -> str:
  """Returns a metric as text: its value, or '-' and the reason why it is undefined."""
  if value is not None:
    return f'{value:.6g}'
  return f'-  ({remark})' if remark else '-'


def _flat(card: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
  """Returns a card with the keys of nested mappings joined by dots."""
  flat = {}
  for key, value in card.items():
    name = f'{prefix}{key}'
    flat |= _flat(value, f'{name}.') if isinstance(value, Mapping) else {name: value}
  return flat


def _print(values: Mapping[str, Any]) -> None:
  width = max(map(len, values))
  for name, value in values.items():
    print(f'{name:{width}}  {value}')
  print()
