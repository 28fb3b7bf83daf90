"""How good a model is, in numbers."""

from isthmus.measures.evaluation import Evaluation, Unit, evaluate, judging, unit_of
from isthmus.measures.reconstruction import explained_variance, mse, psnr, sse, ssim

__all__ = ["Evaluation", "Unit", "evaluate", "explained_variance", "judging", "mse", "psnr", "sse", "ssim", "unit_of"]
