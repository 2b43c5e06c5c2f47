"""Muon (Jordan and others, 2024): the matrices of the blocks move by their momentum with all its directions made equally
long, which learns from fewer samples than AdamW; embeddings and norms keep AdamW."""
import torch

# Of the iteration by which a matrix comes near to its closest orthogonal one (Newton and Schulz, fifth degree).
FACTORS = 3.4445, -4.7750, 2.0315
ROUNDS = 5


def orthogonal(stack):
    """Of matrices of one shape, rows no more than columns."""
    a, b, c = FACTORS
    x = stack / (stack.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(ROUNDS):
        square = x @ x.transpose(1, 2)
        x = a * x + (b * square + c * square @ square) @ x
    return x


class Muon(torch.optim.Optimizer):
    def __init__(self, matrices, lr=0.02, momentum=0.95, weight_decay=0.01):
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                ahead = weight.grad.lerp(state["momentum"], group["momentum"])
                is_tall = weight.shape[0] > weight.shape[1]
                wide = ahead.T if is_tall else ahead
                shapes.setdefault(tuple(wide.shape), []).append((weight, is_tall, wide))
            for same in shapes.values():
                for (weight, is_tall, _), move in zip(same, orthogonal(torch.stack([one[2] for one in same]))):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    size = max(1, weight.shape[0] / weight.shape[1]) ** 0.5
                    weight.add_(move.T if is_tall else move, alpha=-group["lr"] * size)
