"""Two processes, one thread each, that train one set of weights.

Two threads in one process wait for each other at every layer; two processes that each take half of a batch meet once a
step, and get a half to two thirds more done on the same two cores. Weights, gradients and the optimizer's
moments are flat arrays in shared memory; each process updates its own half of them.
"""

import multiprocessing
import os
import signal

import torch
from torch import Tensor, nn

DECAY = 0.01
ON, RATE, LEAN, STEP = range(4)  # what the first process tells all: go on, learning rate, lean to noise, number of the step


class Crew:
    """Made before the fork. `module`'s trainable parameters move into shared memory; `start` forks the others."""

    def __init__(self, module: nn.Module, size: int) -> None:
        self.size, self.rank, self._module = size, 0, module
        self._parameters = [p for p in module.parameters() if p.requires_grad]
        count = sum(p.numel() for p in self._parameters)
        self.values, self.average, self.first, self.second = (torch.zeros(count).share_memory_() for _ in range(4))
        self._gradients = torch.zeros(size, count).share_memory_()
        self._norms = torch.zeros(size).share_memory_()
        self.orders = torch.zeros(4, dtype=torch.float64).share_memory_()
        self._barrier = multiprocessing.get_context('fork').Barrier(size)
        self._children: list = []
        start = 0
        for p in self._parameters:
            view = self._shaped(self.values[start:start + p.numel()], p)
            view.copy_(p.data)
            p.data = view
            start += p.numel()
        self.average.copy_(self.values)

    @staticmethod
    def _shaped(flat: Tensor, like: Tensor) -> Tensor:
        """A flat piece in the shape of a parameter; convolutions keep their channels last in memory."""
        if like.dim() == 4:
            o, i, h, w = like.shape
            return flat.view(o, h, w, i).permute(0, 3, 1, 2)
        return flat.view(like.shape)

    def state(self) -> dict:
        """Weights and their average by name, and the optimizer's moments: copies, fit for a checkpoint."""
        weights = {k: v.clone() for k, v in self._module.state_dict().items()}
        average, start = dict(weights), 0
        for name, p in self._module.named_parameters():
            if p.requires_grad:
                average[name] = self._shaped(self.average[start:start + p.numel()], p).clone()
                start += p.numel()
        return {'weights': weights, 'average': average, 'first': self.first.clone(), 'second': self.second.clone()}

    def load(self, saved: dict) -> None:
        """Takes up a checkpoint. Weights read back from shipped graphs bring no moments."""
        self._module.load_state_dict(saved['weights'])
        start = 0
        for name, p in self._module.named_parameters():
            if p.requires_grad:
                self._shaped(self.average[start:start + p.numel()], p).copy_(saved['average'][name])
                start += p.numel()
        if 'first' in saved:
            self.first.copy_(saved['first'])
            self.second.copy_(saved['second'])

    def start(self, work) -> None:
        """Forks the others, each of which runs `work()` with a rank of its own, and gives this process rank 0."""
        context = multiprocessing.get_context('fork')
        for rank in range(1, self.size):
            child = context.Process(target=self._work, args=(rank, work), daemon=True)
            child.start()
            self._children.append(child)

    def _work(self, rank: int, work) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the first says when it is over
        self.rank = rank
        work()

    def join(self) -> None:
        for child in self._children:
            child.join()

    def _meet(self) -> None:
        """Waits for the others; an hour without them means that one died."""
        if self.size > 1:
            self._barrier.wait(3600)

    def step(self, betas: tuple[float, float] = (0.9, 0.98), clip: float = 1.0, decay: float = 0.998) -> bool:
        """One AdamW step on the mean of all gradients, clipped by their norm, and the moving average of the weights.
        Returns whether the first process wants to go on."""
        mine, start = self._gradients[self.rank], 0
        for p in self._parameters:
            piece = self._shaped(mine[start:start + p.numel()], p)
            piece.zero_() if p.grad is None else piece.copy_(p.grad)
            start += p.numel()
        self._meet()
        go, rate, _, number = self.orders.tolist()  # written before the meeting, so alike for all
        part = slice(start * self.rank // self.size, start * (self.rank + 1) // self.size)
        gradient = self._gradients[:, part].mean(0)
        self._norms[self.rank] = gradient.square().sum()
        self._meet()
        gradient *= min(1.0, clip / (float(self._norms.sum().sqrt()) + 1e-6))
        step = torch.tensor(number)
        torch._fused_adamw_([self.values[part]], [gradient], [self.first[part]], [self.second[part]], [], [step], lr=rate, beta1=betas[0], beta2=betas[1],
                            weight_decay=DECAY, eps=1e-8, amsgrad=False, maximize=False)
        self.average[part].lerp_(self.values[part], 1 - min(decay, (number + 1) / (number + 20)))
        self._meet()
        return go > 0


def cores() -> int:
    return min(2, os.cpu_count() or 1)
