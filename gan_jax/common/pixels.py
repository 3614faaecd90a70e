"""Pixels: conversion between uint8 and the range [-1, 1], and PNG files."""

import io
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from PIL import Image

from gan_jax.common.files import write_atomic


def normalized(images: jax.Array) -> jax.Array:
  """Images at rest, uint8 of any shape, as a network sees them: float32 in [-1, 1]."""
  return (2 * images.astype(jnp.float32) - 255) / 255


def to_bytes(images: npt.ArrayLike) -> np.ndarray:
  """Images in [-1, 1], any shape, to uint8; what lies outside is clipped."""
  return np.clip(np.rint((np.asarray(images, np.float32) + 1) * 127.5), 0, 255).astype(np.uint8)


def png(picture: np.ndarray) -> bytes:
  """A picture, uint8 [height, width, 1 or 3], as the bytes of a PNG file."""
  buffer = io.BytesIO()
  Image.fromarray(picture.squeeze(-1) if picture.shape[-1] == 1 else picture).save(buffer, 'PNG')
  return buffer.getvalue()


def save_png(path: pathlib.Path, picture: np.ndarray) -> None:
  """Writes a picture, uint8 [height, width, 1 or 3], whole or not at all."""
  write_atomic(path, png(picture))


def read_png(path: pathlib.Path) -> np.ndarray:
  """The picture in a file, uint8 [height, width, 3]."""
  with Image.open(path) as image:
    return np.asarray(image.convert('RGB'))
