"""The networks of SNGAN for 32 x 32 images in PyTorch, for `benchmarks/peers.py`."""

from peer_cases import Case
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations


def _conv(inputs: int, outputs: int, size: int = 3) -> nn.Module:
  return nn.Conv2d(inputs, outputs, size, padding=size // 2)


def _normalized(inputs: int, outputs: int, size: int = 3) -> nn.Module:
  return parametrizations.spectral_norm(_conv(inputs, outputs, size))


class UpBlock(nn.Module):
  """A generator's block, which doubles images."""

  def __init__(self, width: int):
    """Sets the number of channels."""
    super().__init__()
    self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2))
    self.convs = nn.ModuleList(_conv(width, width) for _ in range(2))
    self.shortcut = _conv(width, width, 1)

  def forward(self, x):
    """Applies the block; its shortcut convolves the smaller image."""
    double = lambda h: functional.interpolate(h, scale_factor=2)
    h = self.convs[0](double(functional.relu(self.norms[0](x))))
    h = self.convs[1](functional.relu(self.norms[1](h)))
    return h + double(self.shortcut(x))


class Generator(nn.Module):
  """Latents to images."""

  def __init__(self, case: Case):
    """Sets the sizes of a case."""
    super().__init__()
    self.width = case.width
    self.first = nn.Linear(case.latents, 16 * case.width)
    self.blocks = nn.Sequential(*(UpBlock(case.width) for _ in range(3)))
    self.norm = nn.BatchNorm2d(case.width)
    self.last = _conv(case.width, case.shape[-1])

  def forward(self, latents):
    """Generates images."""
    x = self.blocks(self.first(latents).view(-1, self.width, 4, 4))
    return self.last(functional.relu(self.norm(x))).tanh()


class DownBlock(nn.Module):
  """A discriminator's block; the first one takes images, and has no ReLU before its convolution."""

  def __init__(self, inputs: int, outputs: int, halves: bool = True, first: bool = False):
    """Sets the numbers of channels."""
    super().__init__()
    self.convs = nn.ModuleList([_normalized(inputs, outputs), _normalized(outputs, outputs)])
    self.shortcut = _normalized(inputs, outputs, 1) if halves else nn.Identity()
    self.pool = nn.AvgPool2d(2) if halves else nn.Identity()
    self.activation = nn.Identity() if first else nn.ReLU()

  def forward(self, x):
    """Applies the block; its shortcut convolves the smaller image."""
    h = self.convs[1](functional.relu(self.convs[0](self.activation(x))))
    return self.pool(h) + self.shortcut(self.pool(x))


class Discriminator(nn.Module):
  """Images to logits."""

  def __init__(self, case: Case):
    """Sets the sizes of a case; it is half as wide as the generator."""
    super().__init__()
    width = case.width // 2
    self.blocks = nn.Sequential(
      DownBlock(case.shape[-1], width, first=True),
      DownBlock(width, width),
      DownBlock(width, width, halves=False),
      DownBlock(width, width, halves=False),
    )
    self.last = parametrizations.spectral_norm(nn.Linear(width, 1))

  def forward(self, images):
    """Returns logits."""
    return self.last(functional.relu(self.blocks(images)).sum((2, 3)))


def residual(case: Case) -> tuple[nn.Module, nn.Module]:
  """Returns the networks of `gan_jax/networks/resnet.py`."""
  return Generator(case), Discriminator(case)
