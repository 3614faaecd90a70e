"""Digests of arrays: they identify the data of a result and are equal on all machines."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np


def of_array(array: np.ndarray) -> str:
  """Returns the SHA-256 of the type, the shape, and the bytes of an array."""
  return of_chunks([array], array.shape, array.dtype)


def of_tree(tree: Any) -> str:
  """Returns the SHA-256 of the arrays of a tree and of their paths in it."""
  arrays = {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}
  return of_texts({path: of_array(np.asarray(leaf)) for path, leaf in arrays.items()})


def of_texts(texts: Mapping[str, str]) -> str:
  """Returns the SHA-256 of named texts, in the order of their names."""
  lines = ''.join(f'{name}={texts[name]}\n' for name in sorted(texts))
  return hashlib.sha256(lines.encode(errors='surrogateescape')).hexdigest()


def of_chunks(chunks: Iterable[np.ndarray], shape: tuple[int, ...], dtype: Any) -> str:
  """Returns the digest `of_array` of an array that is given as chunks along its first axis.

  Args:
    chunks: consecutive chunks of the array.
    shape: the shape of the whole array.
    dtype: its type.
  """
  digest = hashlib.sha256(f'{np.dtype(dtype)} {shape} '.encode())
  for chunk in chunks:
    # NumPy's stubs declare buffers only from Python 3.12 on, and `.data` refuses bfloat16.
    digest.update(np.ascontiguousarray(chunk))  # pyrefly: ignore[bad-argument-type]
  return digest.hexdigest()
