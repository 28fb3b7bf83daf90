"""A `torch.utils.data.Dataset` of your own as the source: any map-style dataset, torchvision's too.

python examples/torch_dataset.py
"""

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import Dataset

import isthmus as ist


class Shifted(Dataset):
    """Digits of 8 × 8 at a random place on a black page of 12 × 12, as bytes, and which digit each is."""

    classes = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

    def __init__(self, seed: int = 0) -> None:
        self.digits = load_digits()
        self.places = torch.randint(0, 5, (len(self), 2), generator=torch.Generator().manual_seed(seed))

    def __len__(self) -> int:
        return len(self.digits.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        page = torch.zeros(1, 12, 12, dtype=torch.uint8)
        top, left = self.places[index].tolist()
        page[0, top : top + 8, left : left + 8] = torch.from_numpy(self.digits.images[index] * 15)
        return page, int(self.digits.target[index])


dataset = Shifted()
data = ist.open_data(dataset, validation=0.1, test=0.2)  # reads each item once; bytes stay bytes
run = ist.fit(ist.recipe("deep", code=16).build(data), data, epochs=25, learning_rate=3e-3, progress=False)
errors = run.evaluate()["test"]["mse"]
codes = run.encode(dataset)  # a dataset goes wherever samples go
print(
    f"{len(codes):,} samples ({data.train.dtype}, {len(data.label_names)} classes) have codes of {codes.shape[1]} "
    f"numbers; the mean squared error on the test part is {errors['model']:.4f} (PCA: {errors['pca']:.4f})."
)
