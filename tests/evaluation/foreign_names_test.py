"""Names that others use for our scores and feature networks."""

import pytest

from gan_jax.common import extensions, lookup
from gan_jax.common.errors import ConfigError
from gan_jax.evaluation import foreign_names, scores
from gan_jax.metrics import features

NETWORKS = sorted(lookup.modules(features, 'load'))


@pytest.mark.parametrize(
  ('typed', 'ours'),
  [
    ('fid', 'frechet_distance; the value is FID only with features=inception'),
    ('FID', 'frechet_distance; the value is FID only with features=inception'),
    ('clean-fid', 'frechet_distance; the value is FID only with features=inception'),
    ('fid50k_full', 'frechet_distance; the value is FID only with features=inception'),
    ('fid_inception', 'frechet_distance; the value is FID only with features=inception'),
    ('fd', 'frechet_distance'),
    ('frechet_digits', 'frechet_distance'),
    ('Kid', 'kernel_distance; the value is KID only with features=inception'),
    ('kd', 'kernel_distance'),
    ('mmd', 'kernel_distance'),
    ('IS', 'inception; the value is that of papers only with features=inception'),
    ('inception-score', 'inception'),
    ('prdc', 'precision_recall,density_coverage'),
    ('pr50k3', 'precision_recall'),
    ('recall', 'precision_recall'),
    ('coverage_digits', 'density_coverage'),
    ('swd', "sliced_wasserstein; ProGAN's distance of patches is sliced_patches"),
    ('MS-SSIM', 'ms_ssim_diversity'),
    ('Kernel Distance', 'kernel_distance'),
    ('intra-fid', 'intra_frechet; the value is intra-FID only with features=inception'),
    ('CAS', 'classification_accuracy; it trains on features, and papers train ResNet-50 on images'),
    ('suport', 'support'),
    ('', 'one of these'),
    ('beauty', 'one of these'),
  ],
)
def test_score_by_a_foreign_name_is_rejected_with_our_name(typed, ours):
  known = ', '.join(sorted(scores.SCORES))
  if typed in ('suport', '', 'beauty'):
    known += f'; {extensions.MORE}'
  with pytest.raises(ConfigError) as error:
    foreign_names.choose('--scores', typed, scores.SCORES, 'score', foreign_names.SCORES)
  assert str(error.value) == f'--scores={typed}: no such score ({known}); use {ours}'


@pytest.mark.parametrize(
  ('typed', 'ours'),
  [
    ('inceptionv3', 'inception'),
    ('inception_v3', 'inception'),
    ('Inception-v3', 'inception'),
    ('inception-v3-compat', 'inception'),
    ('InceptionV3', 'inception'),
    ('mnist5k', 'digits'),
    ('fashion-mnist', 'fashion'),
    ('DINO', 'dinov2'),
    ('dinov2-vits14', 'dinov2_small'),
    ('beauty', 'one of these'),
  ],
)
def test_feature_network_by_a_foreign_name_is_rejected_with_our_name(typed, ours):
  with pytest.raises(ConfigError) as error:
    foreign_names.choose('--features', typed, NETWORKS, 'feature network', foreign_names.NETWORKS)
  known = ', '.join(NETWORKS)
  if typed == 'beauty':
    known += f'; {extensions.MORE}'
  assert str(error.value) == f'--features={typed}: no such feature network ({known}); use {ours}'


def test_foreign_names_map_to_existing_names():
  assert {name for ours in foreign_names.SCORES.values() for name in ours.name.split(',')} <= {
    *scores.SCORES
  }
  assert {ours.name for ours in foreign_names.NETWORKS.values()} <= {*NETWORKS}
  printed = {scores.printed(name, 'x') for name in scores.higher_is_better()}
  assert {ours.name for ours in foreign_names.values('x').values()} <= printed
  assert not {*foreign_names.SCORES} & {*scores.SCORES}


@pytest.mark.parametrize('name', scores.SCORES)
def test_our_names_are_accepted(name):
  chosen = foreign_names.choose('--scores', name, scores.SCORES, 'score', foreign_names.SCORES)
  assert chosen is None
  with pytest.raises(ConfigError, match='no such score'):
    foreign_names.choose('--scores', f'{name}x', scores.SCORES, 'score', foreign_names.SCORES)
