"""The networks of pytorch-fid and torch-fidelity with weights of ours."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from unittest import mock

import numpy as np
import references  # noqa: F401, it makes torchvision importable beside torch for CPUs
import torch
from pytorch_fid import inception
from torch_fidelity import feature_extractor_inceptionv3 as extractor
from torch_fidelity import interpolate_compat_tensorflow

State = Mapping[str, torch.Tensor]


@contextlib.contextmanager
def instead_of_download(module, state: State) -> Iterator[None]:
  """Lets a package load `state` where it would download its file."""
  with mock.patch.object(module, 'load_state_dict_from_url', lambda *_, **__: state):
    yield


def pytorch_fid(state: State) -> tuple[torch.nn.Module, torch.nn.Module]:
  """Its network, float32 [N, 3, 299, 299] in [-1, 1) -> [features], and the one that it takes apart."""
  with instead_of_download(inception, state):
    network = inception.InceptionV3(resize_input=False, normalize_input=False)
    return network.eval(), inception.fid_inception_v3().eval()


def torch_fidelity(state: State) -> torch.nn.Module:
  """Its network: uint8 [N, 3, height, width] -> features and logits without their bias."""
  with instead_of_download(extractor, state):
    return extractor.FeatureExtractorInceptionV3('inception', ['2048', 'logits_unbiased']).eval()


def channels_first(images: np.ndarray) -> torch.Tensor:
  """[N, H, W, 1 or 3] -> [N, 3, H, W]."""
  return torch.from_numpy(np.broadcast_to(images, (*images.shape[:3], 3)).transpose(0, 3, 1, 2).copy())


def resized(images: np.ndarray) -> np.ndarray:
  """torch-fidelity's, float32 [N, 299, 299, 3] in [0, 255]."""
  found = interpolate_compat_tensorflow.interpolate_bilinear_2d_like_tensorflow1x(
    channels_first(images).float(), size=(299, 299), align_corners=False
  )
  return found.numpy().transpose(0, 2, 3, 1)


Network = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""uint8 [N, height, width, 1 or 3] -> features and logits without their bias."""


def every(state: Mapping[str, np.ndarray]) -> dict[str, Network]:
  """All of them; pytorch-fid's sees the pictures as torch-fidelity resizes them."""
  tensors = {name: torch.from_numpy(array) for name, array in state.items()}
  whole, fidelity = pytorch_fid(tensors), torch_fidelity(tensors)

  def fid(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    features = whole[0](torch.from_numpy((resized(images) - 128) / 128).permute(0, 3, 1, 2))[0]
    features = features.flatten(start_dim=1)
    return features.numpy(), (whole[1].fc(features) - whole[1].fc.bias).numpy()

  def of_fidelity(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return tuple(found.numpy() for found in fidelity(channels_first(images)))

  networks = {'pytorch-fid': fid, 'torch-fidelity': of_fidelity}
  return {name: torch.inference_mode()(network) for name, network in networks.items()}
