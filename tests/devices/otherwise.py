"""A pretend processor that rounds otherwise: sums, products and functions end one or two last digits elsewhere.

The same operation on the same numbers always gives the same bits, as on any real processor; in another order, or on
another number of rows, it gives others. So a test that compares two ways to the last bit fails here, whichever
processor it runs on; one that compares two runs of the same way does not.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

ROUNDED = set(
    """
    mm addmm bmm baddbmm mv addmv dot convolution convolution_backward mkldnn_linear sum mean var std var_mean prod
    cumsum logsumexp linalg_vector_norm norm _cdist_forward native_batch_norm native_batch_norm_backward
    _native_batch_norm_legit _native_batch_norm_legit_no_training native_layer_norm native_layer_norm_backward
    native_group_norm exp log log1p expm1 pow rsqrt sin cos erf sigmoid sigmoid_backward tanh tanh_backward silu
    silu_backward gelu softplus _softmax _log_softmax logaddexp lgamma digamma _linalg_svd _linalg_eigh linalg_qr
    avg_pool2d _adaptive_avg_pool2d upsample_bilinear2d _upsample_bilinear2d_aa
    """.split()  # noqa: SIM905 forty names are read more easily without their quotes
)
"""Operations whose last digits differ between processors; a sum, a product or a quotient of two numbers does not."""
PLAIN = {torch.float32: (torch.int32, 0xFF), torch.float64: (torch.int64, 0xFFFFF)}
"""Bits of the mantissa that a short number leaves empty: small whole numbers and their halves are exact everywhere."""


class Otherwise(TorchDispatchMode):
    """Moves what the operations give, by a step that depends on their result and on the shapes they were given."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if func._schema.name.partition("::")[2].rstrip("_") in ROUNDED:
            shapes = [tuple(argument.shape) for argument in args if isinstance(argument, torch.Tensor)]
            for result in out if isinstance(out, tuple | list) else [out]:
                if isinstance(result, torch.Tensor) and result.dtype in PLAIN and result.layout == torch.strided:
                    _move(result, hash(tuple(shapes)) & 0xFFFF)
        return out


def _move(result: torch.Tensor, shape: int) -> None:
    """By one or two units in the last place, up or down, in place."""
    whole, low = PLAIN[result.dtype]
    bits = result.view(whole)
    mixed = (bits & 0xFFFF) * 40503 + shape
    steps = torch.tensor([-2, -1, 1, 2], dtype=whole)[(mixed ^ (mixed >> 7)) % 4]
    free = ((bits & low) != 0) & torch.isfinite(result) & (result.abs() > 1e-30)
    bits.add_(steps * free)


def begin() -> None:
    """For the rest of the process, in this thread; other threads and compiled code compute as they did."""
    Otherwise().__enter__()
