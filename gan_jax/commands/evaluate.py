"""Scores a run, or two sets of examples.

    python -m gan_jax.evaluate --workdir=runs/dcgan --features=digits --num=10000
    python -m gan_jax.evaluate --workdir=runs/dcgan --real=FOLDER --features=inception
    python -m gan_jax.evaluate --real=FOLDER --fake=samples.npz --features=inception
    python -m gan_jax.evaluate --real=FOLDER --features=inception --write_statistics=real.npz

It prints every metric and the evaluation protocol. For a run, it appends both to scores.jsonl in the
folder of the run, and needs the run's data unless --real is given. It never needs the experiment file.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from gan_jax import cli
from gan_jax.api import evaluation, scoring
from gan_jax.common import user_paths
from gan_jax.common.errors import ConfigError
from gan_jax.evaluation import cards
from gan_jax.runtime import accelerators, devices
from gan_jax.storage import load_run, metrics_log

_NUM = 10_000
_SET = 'a folder of images, a zip archive of them, or an .npz file of samples or of mu and sigma'


def _flags(argv: Sequence[str]) -> flags.FlagValues:
  values = cli.new_flags(__doc__)
  cli.define_checkpoint_flags(values)
  flags.DEFINE_string('data', None, load_run.DATA_HELP, flag_values=values)
  flags.DEFINE_string(
    'real', None, f"Set to compare with (default: the run's data): {_SET}.", flag_values=values
  )
  flags.DEFINE_string('fake', None, f'Set to score in place of a run: {_SET}.', flag_values=values)
  flags.DEFINE_string(
    'write_statistics', None, 'FILE.npz to write mu and sigma of the real set to.', flag_values=values
  )
  flags.DEFINE_string(
    'features', None, "Feature network (default: the run's evaluate.features).", flag_values=values
  )
  flags.DEFINE_list('scores', [], 'Metrics to compute (default: all that apply).', flag_values=values)
  cli.define_sampling_flags(values, num=_NUM)
  cli.define_truncation_flag(values)
  cli.define_extend_flag(values)
  cli.parse(values, argv)
  _check(values)
  return values


def _check(flag: flags.FlagValues) -> None:
  """Raises ConfigError unless the flags name one thing to do."""
  if flag.fake is not None and flag.workdir is not None:
    raise ConfigError(f'--fake={flag.fake}: --workdir is given too (one of them); leave one out')
  if flag.fake is not None and flag.real is None:
    raise ConfigError(f'--fake={flag.fake}: nothing to compare with; give --real')
  if flag.real is None and flag.workdir is None:
    raise ConfigError('--workdir must be given, or --real and --fake; see --help')
  if flag.workdir is None and flag.fake is None and flag.write_statistics is None:
    raise ConfigError(
      f'--real={flag.real}: nothing to score (--fake or --workdir, or --write_statistics); give one'
    )
  out = flag.write_statistics
  if out is not None and not out.endswith('.npz'):
    raise ConfigError(f'--write_statistics={out}: unknown kind of file (FILE.npz); change the name')
  if flag.workdir is None:
    given = [name for name in ('step', 'ema', 'data', 'truncation') if flag[name].value is not None]
    if given:
      raise ConfigError(f'--{given[0]}: it applies to a run (with --workdir); leave it out')


def main(argv: Sequence[str]) -> int:
  """Runs the command and returns its exit code."""
  flag = _flags(argv)
  devices.prepare()
  accelerators.check()
  if flag.write_statistics is not None:
    _write_statistics(flag)
  if flag.workdir is not None:
    _score_run(flag)
  elif flag.fake is not None:
    num = None if flag['num'].using_default_value else flag.num
    scores, card = scoring.score_sets(
      flag.real,
      flag.fake,
      features=flag.features,
      scores=flag.scores,
      seed=flag.seed,
      num=num,
      prefix='--',
    )
    _report(scores, card)
  return 0


def _score_run(flag: flags.FlagValues) -> None:
  folder = user_paths.expanded(flag.workdir, '--workdir')
  scores, card = evaluation.evaluate_run(
    folder,
    step=load_run.parse_step(flag.step),
    ema=flag.ema,
    data=flag.data,
    features=flag.features,
    scores=flag.scores,
    num=flag.num,
    seed=flag.seed,
    real=flag.real,
    truncation=flag.truncation,
    prefix='--',
  )
  _report(scores, card)
  print(f'added to {folder / metrics_log.SCORES}')


def _write_statistics(flag: flags.FlagValues) -> None:
  out = user_paths.expanded(flag.write_statistics, '--write_statistics')
  if flag.real is not None:
    card = scoring.write_statistics(out, flag.real, flag.features, prefix='--')
  else:
    folder = user_paths.expanded(flag.workdir, '--workdir')
    card = evaluation.write_run_statistics(out, folder, flag.data, flag.features, prefix='--')
  print(f'{out}: mu and sigma of {card["real"]:,} examples of {card["data"]}, {card["features"]}')


def _report(scores: Mapping[str, float | None], card: Mapping[str, Any]) -> None:
  _print({name: _text(value, cards.remark(card, name)) for name, value in scores.items()})
  _print(_flat({key: value for key, value in card.items() if key != 'remarks'}))


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
