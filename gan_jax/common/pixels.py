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
  """Converts stored images, uint8 of any shape, to the input of a network: float32 in [-1, 1]."""
  return (2 * images.astype(jnp.float32) - 255) / 255


def to_bytes(images: npt.ArrayLike) -> np.ndarray:
  """Converts images in [-1, 1], any shape, to uint8; values outside the range are clipped."""
  return np.clip(np.rint((np.asarray(images, np.float32) + 1) * 127.5), 0, 255).astype(np.uint8)


def png(image: np.ndarray) -> bytes:
  """Encodes an image, uint8 [height, width, 1 or 3], as a PNG file."""
  buffer = io.BytesIO()
  Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(buffer, 'PNG')
  return buffer.getvalue()


def save_png(path: pathlib.Path, image: np.ndarray) -> None:
  """Writes an image, uint8 [height, width, 1 or 3], atomically."""
  write_atomic(path, png(image))


def read_png(path: pathlib.Path) -> np.ndarray:
  """Reads the image in a file, uint8 [height, width, 3]."""
  with Image.open(path) as image:
    return np.asarray(image.convert('RGB'))
