"""Digests of arrays: what a number was computed from, in a word that is the same everywhere."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np


def of_array(array: np.ndarray) -> str:
  """SHA-256 of an array: of its type, its shape and its bytes."""
  return of_parts([array], array.shape, array.dtype)


def of_tree(tree: Any) -> str:
  """SHA-256 of the arrays of a tree and of their places in it."""
  found = {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}
  return of_texts({path: of_array(np.asarray(leaf)) for path, leaf in found.items()})


def of_texts(texts: Mapping[str, str]) -> str:
  """SHA-256 of named texts, in the order of their names."""
  lines = ''.join(f'{name}={texts[name]}\n' for name in sorted(texts))
  return hashlib.sha256(lines.encode(errors='surrogateescape')).hexdigest()


def of_parts(parts: Iterable[np.ndarray], shape: tuple[int, ...], dtype: Any) -> str:
  """The digest `of_array` of an array of this shape and type that comes in parts of its first axis."""
  found = hashlib.sha256(f'{np.dtype(dtype)} {shape} '.encode())
  for part in parts:
    # NumPy's stubs declare buffers only from Python 3.12 on, and `.data` refuses bfloat16.
    found.update(np.ascontiguousarray(part))  # pyrefly: ignore[bad-argument-type]
  return found.hexdigest()
