"""The geometry of a convolution: kernel size, stride, and padding."""

from typing import NamedTuple


class Geometry(NamedTuple):
  """The geometry of a square convolution.

  Attributes:
    size: height and width of the kernel.
    stride: in pixels, in both directions.
    padding: in pixels, on all four sides.
  """

  size: int
  stride: int
  padding: int

  def small(self, length: int) -> int:
    """Returns the output length of a convolution for an input of `length`."""
    return (length + 2 * self.padding - self.size) // self.stride + 1

  def large(self, length: int) -> int:
    """Returns the output length of a transposed convolution for an input of `length`."""
    return (length - 1) * self.stride + self.size - 2 * self.padding
