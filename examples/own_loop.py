"""Your own PyTorch training loop: a model is an ordinary `nn.Module`.

python examples/own_loop.py
"""

import torch

import isthmus as ist
from isthmus.training import Settings

data = ist.open_data("digits")
settings = Settings(epochs=30, batch_size=64, learning_rate=3e-3)
model = ist.recipe("denoising", code=16).build(data, seed=0)
optimiser = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate)
# decides the order of the samples, and the noise
generator = torch.Generator().manual_seed(0)

for epoch in range(settings.epochs):
    model.train()
    order = torch.randperm(len(data.train), generator=generator)
    for rows in order.split(settings.batch_size):
        batch = data.train.batch(rows)  # (64, 1, 8, 8) raw: the model scales them
        draws = model.draw(len(batch), generator)  # all random numbers of this step
        total, terms = model.loss(model(batch, draws))
        optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimiser.step()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: distance {terms['distance'].item():.4f}")

model.eval()
# as a run, the model can be saved and reported, and every use takes it
run = ist.Run(model, settings, data=data, description=data.description)
clean = data.scaling(data.test.tensor())
noisy = clean + 0.3 * torch.randn(clean.shape, generator=generator)
cleaned = data.scaling(run.reconstruct(data.scaling.inverse(noisy)))
before = float((noisy - clean).square().mean())
after = float((cleaned - clean).square().mean())
print(
    "The model that your loop trained lowers the mean squared error of noisy "
    f"new digits from {before:.4f} to {after:.4f}."
)
