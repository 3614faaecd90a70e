"""How XLA compiles in tests: compiling is most of their time."""

from jaxlib import version

EMITTERS = 'xla_cpu_use_fusion_emitters' if version.__version__.startswith('0.10.') else None
"""An option of XLA that training leaves on, and without which programs are sooner compiled.

None where there is no such option: XLA ends a process at a flag that it does not know.
"""


def of(devices: int, emitters: bool = True) -> str:
  """XLA_FLAGS for so many devices, and programs as in training, or sooner compiled."""
  unless = [] if emitters or not EMITTERS else [f'--{EMITTERS}=false']
  return ' '.join([f'--xla_force_host_platform_device_count={devices}', *unless])
