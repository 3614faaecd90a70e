"""Measures the machine's peak for `benchmarks/peers.py`: python benchmarks/peer_peak.py."""

import time

import jax
from peer_cases import serve

SIZE = 2048
"""Rows and columns of the matrices."""


def main() -> None:
  """Warms up, and serves; a step is a product of two matrices."""
  x = jax.random.normal(jax.random.key(0), (SIZE, SIZE))
  product = jax.jit(lambda x: x @ x)

  def run(steps: int) -> float:
    start = time.perf_counter()
    for _ in range(steps):
      jax.block_until_ready(product(x))
    return (time.perf_counter() - start) / steps

  run(2)
  serve(run, 2 * SIZE**3)


if __name__ == '__main__':
  main()
