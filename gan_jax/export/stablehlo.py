"""Functions of a model for CPU, CUDA and TPU, which run without gan_jax: StableHLO by `jax.export`.

The weights are in the program, and the batch may have any size from 1 on. A game with latents has two
functions in two files:

- FILE.stablehlo: latents, float32 [B, L] -> samples;
- FILE.latents.stablehlo: pairs of a seed and a number, uint32 [B, 2] -> latents, float32 [B, L].

In a game conditioned on labels, the first function also takes labels, int32 [B]. A game without
latents has one function, from pairs to samples. Sample number i of a seed is the one that
`python -m gan_jax sample --seed` draws. Samples are float32, images in [-1, 1].
"""

import contextlib
import pathlib
from collections.abc import Callable, Generator

import jax
import jax.numpy as jnp
from jax import export, lax

from gan_jax.common import files, optional, rng
from gan_jax.export.model import Model
from gan_jax.runtime import jax_settings

PLATFORMS = ('cpu', 'cuda', 'tpu')
"""The platforms that the functions run on, by JAX's names."""

LATENTS = '.latents'
"""Inserted before the suffix of the file that draws latents."""


def check(path: pathlib.Path) -> None:
  """Raises ConfigError if the package flatbuffers, which `jax.export` needs, is missing."""
  optional.imported('flatbuffers', f'--out={path}')


def write(path: pathlib.Path, model: Model) -> list[pathlib.Path]:
  """Writes the functions of a model, and returns the paths of their files."""
  paths = []
  for infix, function in exported(model).items():
    paths.append(path.with_name(f'{path.stem}{infix}{path.suffix}'))
    files.write_atomic(paths[-1], bytes(function.serialize()))
  return paths


def exported(model: Model) -> dict[str, export.Exported]:
  """Returns the functions of a model, {what their file name has before its suffix: function}."""
  game = model.game
  # Without it, XLA may compute with constant weights while it compiles, and round differently.
  variables = lambda: lax.optimization_barrier(model.variables)

  def sample(pairs: jax.Array) -> jax.Array:
    return game.sample(variables(), sample_keys(pairs))

  if game.latents is None or game.generate is None:
    return {'': _export(sample, ((2,), jnp.uint32))}
  draw, from_latents = game.latents, game.generate

  def latents(pairs: jax.Array) -> jax.Array:
    return draw(sample_keys(pairs))

  def generate(latents: jax.Array, *label: jax.Array) -> jax.Array:
    return from_latents(variables(), latents, *label)

  size = jax.eval_shape(draw, rng.sample_keys(0, 0, 1)).shape[1]
  inputs = [((size,), jnp.float32), *([((), jnp.int32)] if game.classes else [])]
  return {'': _export(generate, *inputs), LATENTS: _export(latents, ((2,), jnp.uint32))}


def sample_keys(pairs: jax.Array) -> jax.Array:
  """Returns the keys [B] of samples from pairs of a seed and a number, uint32 [B, 2]."""
  key = lambda pair: jax.random.fold_in(rng.key_for(pair[0], 'samples'), pair[1])
  return jax.vmap(key)(pairs)


def _export(
  function: Callable[..., jax.Array], *inputs: tuple[tuple[int, ...], type]
) -> export.Exported:
  """Exports a function of arrays [B, ...] for any B; `inputs` are (shape of one example, dtype)."""
  (batch,) = export.symbolic_shape('b')
  with jax_settings.fixed(), _without_paths():
    lower = export.export(jax.jit(function), platforms=PLATFORMS)
    return lower(*(jax.ShapeDtypeStruct((batch, *shape), dtype) for shape, dtype in inputs))


@contextlib.contextmanager
def _without_paths() -> Generator[None]:
  """Keeps the paths of source files on this machine out of exported functions."""
  name = 'jax_traceback_in_locations_limit'
  before = jax.config.values[name]
  jax.config.update(name, 0)
  try:
    yield
  finally:
    jax.config.update(name, before)
