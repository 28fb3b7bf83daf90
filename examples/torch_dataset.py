"""A `torch.utils.data.Dataset` as the source, your own or torchvision's.

python examples/torch_dataset.py
"""

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import Dataset

import isthmus as ist


class Shifted(Dataset):
    """Digits of 8 × 8 pixels at a random place on a page of 12 × 12, with labels."""

    classes = tuple(map(str, range(10)))  # what the labels are called

    def __init__(self, seed: int = 0) -> None:
        self.digits = load_digits()
        generator = torch.Generator().manual_seed(seed)
        self.places = torch.randint(0, 5, (len(self), 2), generator=generator)

    def __len__(self) -> int:
        return len(self.digits.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        page = torch.zeros(1, 12, 12, dtype=torch.uint8)
        top, left = self.places[index].tolist()
        digit = torch.from_numpy(self.digits.images[index] * 15)
        page[0, top : top + 8, left : left + 8] = digit
        return page, int(self.digits.target[index])


dataset = Shifted()
# reads each item once; bytes stay bytes
data = ist.open_data(dataset, validation=0.1, test=0.2)
model = ist.recipe("deep", code=16).build(data)
run = ist.fit(model, data, epochs=25, learning_rate=3e-3, progress=False)
errors = run.evaluate()["test"]["mse"]
codes = run.encode(dataset)  # a dataset goes wherever samples go
print(
    f"{len(codes):,} samples of {data.train.dtype} in {len(data.label_names)} classes "
    f"have codes of {codes.shape[1]} numbers; the mean squared error on the test "
    f"part is {errors['model']:.4f} (PCA: {errors['pca']:.4f})."
)
