"""The PyTorch side of `benchmarks/peers.py`: python benchmarks/peer_torch.py CASE LAYOUT THREADS.

Networks, batches, optimizers and updates are the same, in idiomatic PyTorch: the discriminator's update
builds no graph of the generator, and Adam is fused.
"""

import sys
import time

import torch
from peer_cases import CASES, Case, serve
from torch import nn
from torch.utils import _python_dispatch as python_dispatch
from torch.utils import flop_counter
from torch_resnet import residual


class Unflattened(nn.Module):
  """Reshapes features to the 4 x 4 map from which a generator starts."""

  def __init__(self, features: int):
    """Sets the number of channels."""
    super().__init__()
    self.features = features

  def forward(self, x):
    """Returns [B, features, 4, 4]."""
    return x.view(-1, self.features, 4, 4)


def _levels(size: int) -> list[tuple[int, int, int]]:
  """Returns kernel, stride and padding of the convolutions that reduce an image to 4 x 4."""
  levels = []
  while size > 4:
    levels.append((3, 2, 1) if size % 2 else (4, 2, 1))
    size = (size + 1) // 2
  return levels


def convolutions(case: Case) -> tuple[nn.Module, nn.Module]:
  """Returns the networks of `gan_jax/networks/dcgan.py`."""
  size, _, channels = case.shape
  levels = _levels(size)
  features = case.width * 2 ** (len(levels) - 1)
  layers = [nn.Linear(case.latents, 16 * features, bias=False), Unflattened(features)]
  for geometry in levels[:0:-1]:
    layers += [nn.BatchNorm2d(features), nn.ReLU(True)]
    layers += [nn.ConvTranspose2d(features, features // 2, *geometry, bias=False)]
    features //= 2
  layers += [nn.BatchNorm2d(features), nn.ReLU(True)]
  layers += [nn.ConvTranspose2d(features, channels, *levels[0]), nn.Tanh()]
  discriminator = [nn.Conv2d(channels, case.width, *levels[0]), nn.LeakyReLU(0.2, True)]
  for level, geometry in enumerate(levels[1:], start=1):
    width = case.width * 2**level
    norm = case.critic == 1
    discriminator.append(nn.Conv2d(width // 2, width, *geometry, bias=not norm))
    if norm:
      discriminator.append(nn.BatchNorm2d(width))
    discriminator.append(nn.LeakyReLU(0.2, True))
  discriminator += [nn.Flatten(), nn.Linear(16 * case.width * 2 ** (len(levels) - 1), 1)]
  return nn.Sequential(*layers), nn.Sequential(*discriminator)


def dense(case: Case) -> tuple[nn.Module, nn.Module]:
  """Returns the networks of `gan_jax/networks/mlp_2d.py`."""
  layers, width = [], case.latents
  for features in case.generator:
    layers.append(nn.Linear(width, features, bias=not case.batch_norm))
    if case.batch_norm:
      layers.append(nn.BatchNorm1d(features))
    layers.append(nn.ReLU(True))
    width = features
  generator = nn.Sequential(*layers, nn.Linear(width, case.shape[0]))
  discriminator, width = [], case.shape[0]
  for features in case.discriminator:
    discriminator += [nn.Linear(width, features), nn.LeakyReLU(0.2, True)]
    width = features
  return generator, nn.Sequential(*discriminator, nn.Linear(width, 1))


NETWORKS = {'dcgan': convolutions, 'resnet': residual, 'dense': dense}


class Trainer:
  """The two networks of a case, and their updates."""

  def __init__(self, case: Case, layout: str):
    """Prepares the networks in a memory layout of torch."""
    self.case = case
    self.generator, self.discriminator = NETWORKS[case.kind](case)
    memory_format = torch.channels_last if layout == 'channels_last' else torch.contiguous_format
    if case.kind != 'dense':
      self.generator, self.discriminator = (
        network.to(memory_format=memory_format) for network in (self.generator, self.discriminator)
      )
    self.optimizers = [
      torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999), fused=True)
      for network in (self.discriminator, self.generator)
    ]
    if layout == 'compile':
      self.generator, self.discriminator = map(torch.compile, (self.generator, self.discriminator))
    shape = case.shape[-1:] + case.shape[:-1]
    self.examples = torch.randn(5000, *shape)
    if case.kind != 'dense':
      self.examples = self.examples.contiguous(memory_format=memory_format)

  def step(self) -> None:
    """Runs one step of the game."""
    for _ in range(self.case.critic):
      self._update(0, self._discriminator_loss())
    self._update(1, self._generator_loss())

  def _update(self, player: int, loss) -> None:
    self.optimizers[player].zero_grad(set_to_none=True)
    loss.backward(inputs=list(self.optimizers[player].param_groups[0]['params']))
    self.optimizers[player].step()

  def _discriminator_loss(self):
    real = self.examples[torch.randint(5000, (self.case.batch,))]
    with torch.no_grad():
      fake = self.generator(torch.randn(self.case.batch, self.case.latents))
    real_logits, fake_logits = self.discriminator(real), self.discriminator(fake)
    if self.case.critic == 1:
      softplus = nn.functional.softplus
      return softplus(-real_logits).mean() + softplus(fake_logits).mean()
    return fake_logits.mean() - real_logits.mean() + 10 * self._penalty(real, fake)

  def _penalty(self, real, fake):
    fraction = torch.rand(len(real), 1, 1, 1)
    points = (fraction * real + (1 - fraction) * fake).requires_grad_()
    [gradient] = torch.autograd.grad(self.discriminator(points).sum(), points, create_graph=True)
    return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()

  def _generator_loss(self):
    logits = self.discriminator(self.generator(torch.randn(self.case.batch, self.case.latents)))
    return nn.functional.softplus(-logits).mean() if self.case.critic == 1 else -logits.mean()


class _Counter(python_dispatch.TorchDispatchMode):
  """Counts operations; torch's FlopCounterMode fails for gradients of gradients."""

  def __init__(self):
    """Starts at zero."""
    super().__init__()
    self.operations = 0

  def __torch_dispatch__(self, function, unused_types, args=(), kwargs=None):
    """Runs a function, and adds the operations that torch counts for it."""
    output = function(*args, **(kwargs or {}))
    count = flop_counter.flop_registry.get(function.overloadpacket)
    self.operations += count(*args, **(kwargs or {}), out_val=output) if count else 0
    return output


def _operations(trainer: Trainer) -> float:
  """Returns the multiplications and additions of a step's products and direct convolutions."""
  with _Counter() as counter:
    trainer.step()
  return counter.operations


def main(name: str, layout: str, threads: int) -> None:
  """Warms up, and serves."""
  torch.set_num_threads(threads)
  trainer = Trainer(CASES[name], layout)

  def run(steps: int) -> float:
    start = time.perf_counter()
    for _ in range(steps):
      trainer.step()
    return (time.perf_counter() - start) / steps

  run(2)
  serve(run, 0.0 if layout == 'compile' else _operations(trainer))


if __name__ == '__main__':
  main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
