"""Train a small network on the diabetes data; its first layer scales what comes in."""

from pathlib import Path

import torch
from sklearn.datasets import load_diabetes
from torch import nn

torch.manual_seed(7)
rows, target = load_diabetes(return_X_y=True, scaled=False)
x = torch.tensor(rows, dtype=torch.float32)
y = torch.tensor(target, dtype=torch.float32).reshape(-1, 1)
model = nn.Sequential(nn.BatchNorm1d(x.shape[1]), nn.Linear(x.shape[1], 16), nn.ReLU())
model.append(nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
for _ in range(200):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
torch.save(model, Path(__file__).parent / "model.pth")
print(f"trained on {len(rows)} rows; mean squared error {loss.item():.0f}")
