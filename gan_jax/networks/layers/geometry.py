"""What a convolution is, besides its kernel."""

from typing import NamedTuple


class Geometry(NamedTuple):
  """A square kernel of `size`, moved by `stride`, over an image padded by `padding` all around."""

  size: int
  stride: int
  padding: int

  def small(self, length: int) -> int:
    """The output length of a convolution of an input of `length`."""
    return (length + 2 * self.padding - self.size) // self.stride + 1

  def large(self, length: int) -> int:
    """The output length of a transposed convolution of an input of `length`."""
    return (length - 1) * self.stride + self.size - 2 * self.padding
