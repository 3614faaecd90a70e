"""PyTorch's side of `benchmarks/peers.py`: python benchmarks/peer_torch.py CASE LAYOUT THREADS.

The same networks, batches, optimizers and updates, as a person writes them: fake examples of the
discriminator's update without a graph of the generator, fused Adam.
"""

import sys
import time

import torch
from peer_cases import CASES, Case, serve
from torch import nn
from torch.utils import _python_dispatch as python_dispatch
from torch.utils import flop_counter


class Unflattened(nn.Module):
  """Features to the 4 x 4 map from which a generator starts."""

  def __init__(self, features: int):
    """Of so many channels."""
    super().__init__()
    self.features = features

  def forward(self, x):
    """Applies it."""
    return x.view(-1, self.features, 4, 4)


def _levels(size: int) -> list[tuple[int, int, int]]:
  """Kernel, stride and padding of the convolutions that take an image to 4 x 4."""
  found = []
  while size > 4:
    found.append((3, 2, 1) if size % 2 else (4, 2, 1))
    size = (size + 1) // 2
  return found


def convolutions(case: Case) -> tuple[nn.Module, nn.Module]:
  """The networks of `gan_jax/networks/dcgan.py`."""
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
  judge = [nn.Conv2d(channels, case.width, *levels[0]), nn.LeakyReLU(0.2, True)]
  for level, geometry in enumerate(levels[1:], start=1):
    wide = case.width * 2**level
    norm = case.critic == 1
    judge += [nn.Conv2d(wide // 2, wide, *geometry, bias=not norm)]
    if norm:
      judge.append(nn.BatchNorm2d(wide))
    judge.append(nn.LeakyReLU(0.2, True))
  judge += [nn.Flatten(), nn.Linear(16 * case.width * 2 ** (len(levels) - 1), 1)]
  return nn.Sequential(*layers), nn.Sequential(*judge)


def dense(case: Case) -> tuple[nn.Module, nn.Module]:
  """The networks of `gan_jax/networks/mlp_2d.py`."""
  layers, width = [], case.latents
  for features in case.generator:
    layers += [nn.Linear(width, features, bias=not case.batch_norm)]
    if case.batch_norm:
      layers.append(nn.BatchNorm1d(features))
    layers.append(nn.ReLU(True))
    width = features
  judge, narrow = [], case.shape[0]
  for features in case.discriminator:
    judge += [nn.Linear(narrow, features), nn.LeakyReLU(0.2, True)]
    narrow = features
  generator = nn.Sequential(*layers, nn.Linear(width, case.shape[0]))
  return generator, nn.Sequential(*judge, nn.Linear(narrow, 1))


class Trainer:
  """The two networks of a case, and their updates."""

  def __init__(self, case: Case, layout: str):
    """Prepares them in a layout of torch."""
    self.case = case
    self.generator, self.discriminator = (convolutions if case.kind == 'dcgan' else dense)(case)
    form = torch.channels_last if layout == 'channels_last' else torch.contiguous_format
    if case.kind == 'dcgan':
      self.generator, self.discriminator = (
        network.to(memory_format=form) for network in (self.generator, self.discriminator)
      )
    self.optimizers = [
      torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999), fused=True)
      for network in (self.discriminator, self.generator)
    ]
    if layout == 'compile':
      self.generator, self.discriminator = map(torch.compile, (self.generator, self.discriminator))
    shape = case.shape[-1:] + case.shape[:-1]
    self.examples = torch.randn(5000, *shape)
    if case.kind == 'dcgan':
      self.examples = self.examples.contiguous(memory_format=form)

  def step(self) -> None:
    """One of the game."""
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
    scores, fakes = self.discriminator(real), self.discriminator(fake)
    if self.case.critic == 1:
      softplus = nn.functional.softplus
      return softplus(-scores).mean() + softplus(fakes).mean()
    return fakes.mean() - scores.mean() + 10 * self._penalty(real, fake)

  def _penalty(self, real, fake):
    share = torch.rand(len(real), 1, 1, 1)
    points = (share * real + (1 - share) * fake).requires_grad_()
    [gradient] = torch.autograd.grad(self.discriminator(points).sum(), points, create_graph=True)
    return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()

  def _generator_loss(self):
    scores = self.discriminator(self.generator(torch.randn(self.case.batch, self.case.latents)))
    return nn.functional.softplus(-scores).mean() if self.case.critic == 1 else -scores.mean()


class _Counter(python_dispatch.TorchDispatchMode):
  """Counts what is computed; torch's own FlopCounterMode fails where a gradient is differentiated."""

  def __init__(self):
    """Of nothing yet."""
    super().__init__()
    self.found = 0

  def __torch_dispatch__(self, function, unused_types, args=(), kwargs=None):
    """Runs a function, and adds what torch knows of it."""
    made = function(*args, **(kwargs or {}))
    count = flop_counter.flop_registry.get(function.overloadpacket)
    self.found += count(*args, **(kwargs or {}), out_val=made) if count else 0
    return made


def _operations(trainer: Trainer) -> float:
  """Multiplications and additions of a step's products and convolutions, by the direct algorithm."""
  with _Counter() as counter:
    trainer.step()
  return counter.found


def main(name: str, layout: str, threads: int) -> None:
  """Warms up, and serves."""
  torch.set_num_threads(threads)
  trainer = Trainer(CASES[name], layout)

  def run(steps: int) -> float:
    began = time.perf_counter()
    for _ in range(steps):
      trainer.step()
    return (time.perf_counter() - began) / steps

  run(2)
  serve(run, 0.0 if layout == 'compile' else _operations(trainer))


if __name__ == '__main__':
  main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
