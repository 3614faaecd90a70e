"""How XLA compiles in tests: compilation takes most of their time."""

import os

from jaxlib import version

OPTIMIZED = os.environ.get('GAN_JAX_TEST_OPTIMIZED') == '1'
"""Whether tests run programs that are optimized as in training, see `make test-optimized`."""

EMITTERS = 'xla_cpu_use_fusion_emitters' if version.__version__.startswith('0.10.') else None
"""An option of XLA that is on in training; without it programs compile faster.

None if this version of XLA lacks the option: XLA ends a process that sets an unknown flag.
"""


def of(devices: int, emitters: bool = True) -> str:
  """Returns XLA_FLAGS for this number of devices, with fusion emitters as in training or without."""
  without = [f'--{EMITTERS}=false'] if EMITTERS and not emitters else []
  return ' '.join([f'--xla_force_host_platform_device_count={devices}', *without])
