"""Writes the page of a run: python -m gan_jax.report --workdir=runs/dcgan writes its report.html.

Figures that need the run's networks are computed again from a checkpoint. The training images nearest
to samples also need the run's data. If the data is not available, the page says so.
"""

from collections.abc import Sequence

from absl import flags

from gan_jax import cli
from gan_jax.api import reports
from gan_jax.common import user_paths
from gan_jax.runtime import accelerators, devices
from gan_jax.storage import load_run


def _flags(argv: Sequence[str]) -> flags.FlagValues:
  values = cli.new_flags(__doc__)
  cli.define_checkpoint_flags(values)
  flags.DEFINE_string('data', None, load_run.DATA_HELP, flag_values=values)
  flags.DEFINE_integer('seed', 0, 'Seed of the samples shown.', flag_values=values)
  cli.define_extend_flag(values)
  cli.parse(values, argv, required=['workdir'])
  return values


def main(argv: Sequence[str]) -> int:
  """Runs the command and returns its exit code."""
  flag = _flags(argv)
  devices.prepare()
  accelerators.check()
  folder = user_paths.expanded(flag.workdir, '--workdir')
  step = load_run.parse_step(flag.step)
  path, shown = reports.write_report(folder, seed=flag.seed, step=step, data=flag.data, prefix='--')
  print(f'{path}: step {shown}, seed {flag.seed}')
  return 0
