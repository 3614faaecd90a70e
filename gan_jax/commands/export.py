"""Exports a run for other programs: python -m gan_jax export --workdir=runs/dcgan --out=model/.

It needs only the folder of the run, neither data nor the experiment file.
"""

from collections.abc import Sequence

from absl import flags

from gan_jax import cli, export
from gan_jax.common import user_paths
from gan_jax.runtime import accelerators, devices
from gan_jax.storage import load_run


def _flags(argv: Sequence[str]) -> flags.FlagValues:
  values = cli.new_flags(__doc__)
  cli.define_checkpoint_flags(values)
  cli.define_ema_flag(values)
  flags.DEFINE_string(
    'out',
    None,
    'FILE.safetensors: weights; FILE.stablehlo: functions for CPU, CUDA and TPU; FOLDER/: both, with a '
    'model card.',
    flag_values=values,
  )
  cli.define_extend_flag(values)
  cli.parse(values, argv, required=['workdir', 'out'])
  return values


def main(argv: Sequence[str]) -> int:
  """Runs the command and returns its exit code."""
  flag = _flags(argv)
  devices.prepare()
  accelerators.check()
  folder = user_paths.expanded(flag.workdir, '--workdir')
  # A path of pathlib would lose the '/' that makes it a folder.
  end = '/' if flag.out.endswith('/') else ''
  out = f'{user_paths.expanded(flag.out, "--out")}{end}'
  paths, model = export.write(folder, out, load_run.parse_step(flag.step), flag.ema)
  for path in paths:
    print(f'{path}: {path.stat().st_size:,} bytes')
  print(f'{model.weights} weights of step {model.step}')
  return 0
