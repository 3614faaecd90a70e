"""Functions of a model for CPU, CUDA and TPU, which run without gan_jax: StableHLO by `jax.export`.

The weights are in the program, and the batch may have any size from 1 on. A game with latents has two
functions in two files:

- FILE.stablehlo: latents, float32 [B, L] -> samples;
- FILE.latents.stablehlo: pairs of a seed and a number, uint32 [B, 2] -> latents, float32 [B, L].

A game without latents has one function, from pairs to samples. Sample number i of a seed is the one
that `python -m gan_jax sample --seed` draws. Samples are float32, images in [-1, 1].

In a game with conditions, the function that returns samples takes them last: labels, int32 [B], or the
arrays [B, ...] on which samples depend, such as images in [-1, 1]. A game without latents draws labels.
"""

import contextlib
import pathlib
from collections.abc import Callable, Generator

import jax
import jax.numpy as jnp
from jax import export, lax

from gan_jax.common import files, optional, rng
from gan_jax.common.types import PyTree
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
  given = [] if model.condition is None else [model.condition]
  pair = jax.ShapeDtypeStruct((1, 2), jnp.uint32)

  def sample(pairs: jax.Array, *condition: PyTree) -> jax.Array:
    return game.sample(variables(), sample_keys(pairs), *condition)

  if game.latents is None or game.generate is None:
    return {'': _export(sample, pair, *given)}
  draw, from_latents = game.latents, game.generate

  def latents(pairs: jax.Array) -> jax.Array:
    return draw(sample_keys(pairs))

  def generate(latents: jax.Array, *condition: PyTree) -> jax.Array:
    return from_latents(variables(), latents, *condition)

  if game.classes:
    given = [jax.ShapeDtypeStruct((1,), jnp.int32)]
  size = jax.eval_shape(draw, rng.sample_keys(0, 0, 1)).shape[1]
  latent = jax.ShapeDtypeStruct((1, size), jnp.float32)
  return {'': _export(generate, latent, *given), LATENTS: _export(latents, pair)}


def sample_keys(pairs: jax.Array) -> jax.Array:
  """Returns the keys [B] of samples from pairs of a seed and a number, uint32 [B, 2]."""
  key = lambda pair: jax.random.fold_in(rng.key_for(pair[0], 'samples'), pair[1])
  return jax.vmap(key)(pairs)


def _export(function: Callable[..., jax.Array], *inputs: PyTree) -> export.Exported:
  """Exports a function of arrays [B, ...] for any B; `inputs` are the shapes [1, ...] and types."""
  (batch,) = export.symbolic_shape('b')
  any_size = lambda x: jax.ShapeDtypeStruct((batch, *x.shape[1:]), x.dtype)
  with jax_settings.fixed(), _without_paths():
    lower = export.export(jax.jit(function), platforms=PLATFORMS)
    return lower(*jax.tree.map(any_size, inputs))


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
