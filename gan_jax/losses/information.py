"""Lower bounds of the mutual information between codes and samples, as in InfoGAN.

A generator takes a code c, drawn from a prior, besides its other latents. A network predicts the code
from the sample x by a distribution q(c|x). The mutual information is

    I(c; x) = H(c) - H(c|x) >= H(c) + E log q(c|x),

with equality if q(c|x) is the posterior. The entropy H(c) of the prior is a constant. Players maximize
the mean of the functions below, which contains it, so that it is the bound in nats. For independent
codes the sum of their means is a lower bound of the information in all of them.

Source: Chen et al. 2016 (arXiv:1606.03657), equations 4 and 5.
"""

import math

import chex
import jax
import jax.numpy as jnp

from gan_jax.losses.classes import class_cross_entropy


def categorical_information(logits: jax.Array, codes: jax.Array) -> jax.Array:
  """Returns log softmax(logits)[c] + ln K for the code c of each example.

  If all K codes are equally likely, the mean is a lower bound of the mutual information in nats. It is
  at most ln K, 0 for a network that ignores the sample, and negative for one that errs with confidence.
  It is never clipped.

  Args:
    logits: [B, K] of q(c|x).
    codes: int32 [B], from 0 to K - 1; another code gives NaN.

  Returns:
    [B], in the dtype of the logits, or in float32 if that is more precise.

  Raises:
    AssertionError: other shapes, or codes that are not integers.
  """
  chex.assert_rank([logits, codes], [2, 1])
  chex.assert_type(codes, int)
  return math.log(logits.shape[1]) - class_cross_entropy(logits, codes)


def gaussian_information(
  means: jax.Array, stds: jax.Array, codes: jax.Array, entropy: jax.typing.ArrayLike
) -> jax.Array:
  """Returns -1/2 ln(2 pi) - ln std - (c - mean)^2 / (2 std^2) + entropy for each code c.

  The mean over examples is a lower bound of the mutual information between one code and the sample in
  nats, if `entropy` is the differential entropy of the prior. The term that the authors of InfoGAN
  print is not a bound. For codes uniform on [-1, 1] it has E[-log N(c; 0, 1)], about 1.09, in place of
  the entropy ln 2, about 0.69. It can reach 0.22 for samples that do not depend on the code.

  Args:
    means: [B, D] of q(c|x).
    stds: [B, D], positive; the squares of (c - mean) / std must not overflow.
    codes: [B, D].
    entropy: the entropy of the prior of a code in nats, a number or [D]. A uniform distribution on
      [a, b] has ln(b - a), which is ln 2 on [-1, 1]. A standard normal one has 1/2 ln(2 pi e).

  Returns:
    [B, D], in the dtype of the means, or in float32 if that is more precise.

  Raises:
    AssertionError: other shapes.
  """
  chex.assert_rank(means, 2)
  chex.assert_equal_shape([means, stds, codes])
  dtype = jnp.promote_types(means.dtype, jnp.float32)
  means, stds, codes = (array.astype(dtype) for array in (means, stds, codes))
  log_density = -0.5 * math.log(2 * math.pi) - jnp.log(stds) - 0.5 * ((codes - means) / stds) ** 2
  return log_density + jnp.asarray(entropy, dtype)
