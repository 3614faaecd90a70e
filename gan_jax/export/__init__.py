"""Exports of the generator of a run for other programs, one module a format.

`write` chooses the format by the name of the output, and `load` reads weights back without the run.
"""

import os
import pathlib

from gan_jax.common.errors import ConfigError
from gan_jax.export import hub_folder, safetensors, stablehlo
from gan_jax.export.model import Model, of_run
from gan_jax.export.safetensors import load

__all__ = ['Model', 'load', 'of_run', 'write']

_WRITERS = {'.safetensors': safetensors, '.stablehlo': stablehlo}
"""{suffix of a file: the module of its format}."""


def write(
  folder: str | os.PathLike,
  out: str | os.PathLike,
  step: int | str | None = None,
  ema: bool | None = None,
) -> tuple[list[pathlib.Path], Model]:
  """Exports the generator of a run.

  Args:
    folder: the folder of the run.
    out: FILE.safetensors for weights, FILE.stablehlo for compiled functions, or FOLDER/ for both with a
      model card. A path that ends with '/', or an existing folder, is a folder.
    step: the checkpoint, as in `load_run.load`.
    ema: averaged or raw weights, as in `load_run.load`.

  Returns:
    The paths that were written, and the exported model.

  Raises:
    ConfigError: the run or the checkpoint does not exist, `out` is of no known kind, is a folder that
      is not empty, or cannot be written, or a package is missing.
  """
  path = pathlib.Path(out)
  is_folder = os.fspath(out).endswith('/') or path.is_dir()
  if not is_folder and path.suffix not in _WRITERS:
    raise ConfigError(
      f'--out={out}: unknown kind of output ({", ".join(f"FILE{kind}" for kind in _WRITERS)}, or '
      'FOLDER/); change --out'
    )
  writer = hub_folder if is_folder else _WRITERS[path.suffix]
  writer.check(path)
  model = of_run(pathlib.Path(folder), step, ema)
  try:
    return writer.write(path, model), model
  except OSError as error:
    raise ConfigError(
      f'--out={out}: cannot write to it ({error.strerror}); choose another path'
    ) from error
