"""Trains every experiment on digits with its defaults and leaves a grid of samples in results/digits.

python results/digits.py [EXPERIMENT ...]

A run lives in runs/digits/<experiment> and goes on where it was stopped. Seed 0; 60 samples, none
chosen, of the averaged weights.
"""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent


def run(name: str) -> None:
  """Trains to the end, then draws."""
  workdir = ROOT / 'runs' / 'digits' / name
  for command in (
    ['gan_jax.main', f'--config=experiments/{name}.py', f'--workdir={workdir}'],
    ['gan_jax.sample', f'--workdir={workdir}', '--num=60', f'--out={HERE / "digits" / name}.png'],
  ):
    subprocess.run([sys.executable, '-m', *command], cwd=ROOT, check=True)


def main() -> None:
  """Trains what is named, or all."""
  (HERE / 'digits').mkdir(exist_ok=True)
  names = sys.argv[1:] or sorted(path.stem for path in (ROOT / 'experiments').glob('*.py'))
  for name in names:
    print(f'== {name}', flush=True)
    run(name)


if __name__ == '__main__':
  main()
