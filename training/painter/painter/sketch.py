"""A guess at the picture from the caption alone: what stands behind, two things, and where each of them stands.

The UNet has to learn what six hundred words look like from noisy pictures, a few hundred looks at each, and every look costs a
whole pass. This net learns the same from clean latents at a thirteenth of the cost, and the UNet is given its guess beside the
noisy latents. It is built as the pictures are: a thing is drawn once, whatever stands beside or behind it, and put where the
caption wants it, as often as it wants it. It blurs where a caption leaves things open; that is the UNet's work.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH, CHANNELS, SIDE = 384, 32, 8
WINDOWS = (0.12, 0.5, 0.88)  # where in the caption each pool looks: what comes first stands left, what comes last is the place
POOLED = WIDTH * (1 + len(WINDOWS))
THINGS, HEADS, KEY, CONTEXT, HIDDEN = 2, 3, 48, 256, 2048
SIZES = (4, 6)  # cells of a thing among others, and of one that stands alone


def _placing(side: int) -> Tensor:
    """[places, cells of the picture, cells of the thing]: which cell of a thing falls on which cell of the picture."""
    steps = SIDE - side + 1
    out = torch.zeros(steps * steps, SIDE * SIDE, side * side)
    for place in range(steps * steps):
        top, left = divmod(place, steps)
        for cell in range(side * side):
            y, x = divmod(cell, side)
            out[place, (top + y) * SIDE + left + x, cell] = 1
    return out


class Sketch(nn.Module):
    """text [b, s, 384] (rows of padding zero) → [b, 32, 8, 8]."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('center', torch.zeros(POOLED))
        self.register_buffer('spread', torch.ones(POOLED))
        for side in SIZES:
            self.register_buffer(f'placing_{side}', _placing(side), persistent=False)
        self.ground = nn.Sequential(nn.Linear(POOLED, 512), nn.GELU(), nn.Linear(512, CHANNELS * SIDE * SIDE))
        self.context = nn.Linear(POOLED, CONTEXT)
        self.query = nn.Linear(CONTEXT, THINGS * HEADS * KEY)
        self.key = nn.Linear(WIDTH + 2, HEADS * KEY)
        self.thing = nn.Linear(HEADS * WIDTH + CONTEXT, HIDDEN // 2)
        self.which = nn.Parameter(0.1 * torch.randn(THINGS, HIDDEN // 2))
        self.look = nn.Linear(HIDDEN // 2, HIDDEN)
        self.where = nn.ModuleList(nn.Linear(HIDDEN // 2, (SIDE - side + 1) ** 2) for side in SIZES)
        # One channel more than latents have: how much of what is behind a cell of the thing hides.
        self.cells = nn.ModuleList(nn.Linear(HIDDEN, (CHANNELS + 1) * side * side) for side in SIZES)
        for where in self.where:
            nn.init.constant_(where.bias, -2)

    @staticmethod
    def _real(text: Tensor) -> tuple[Tensor, Tensor]:
        """Which tokens are no padding, and how far along the caption each stands: two times [b, s]."""
        real = (text.abs().sum(-1) > 0).to(text.dtype)
        return real, (real.cumsum(1) - 1) / (real.sum(1, keepdim=True) - 1).clamp_min(1)

    @classmethod
    def pooled(cls, text: Tensor) -> Tensor:
        """The first token's state, and means over the words of the caption's beginning, middle and end: [b, POOLED]."""
        real, place = cls._real(text)
        pools = [text[:, 0]]
        for center in WINDOWS:
            weight = real * torch.exp(-(((place - center) / 0.2) ** 2))
            pools.append((text * weight.unsqueeze(-1)).sum(1) / weight.sum(1, keepdim=True).clamp_min(1e-4))
        return torch.cat(pools, -1)

    def _words(self, text: Tensor, context: Tensor) -> Tensor:
        """The words each thing is about: [b, THINGS, HEADS · 384]."""
        b, s, _ = text.shape
        real, place = self._real(text)
        query = self.query(context).view(b, THINGS, HEADS, KEY).transpose(1, 2)
        key = self.key(torch.cat([text, place.unsqueeze(-1), (place * real.sum(1, keepdim=True) / 24).unsqueeze(-1)], -1)).view(b, s, HEADS, KEY).permute(0, 2, 3, 1)
        scores = (query @ key) / KEY**0.5 + (real - 1).view(b, 1, 1, s) * 1e4
        return (scores.softmax(-1) @ text.unsqueeze(1)).transpose(1, 2).reshape(b, THINGS, HEADS * WIDTH)

    def forward(self, text: Tensor) -> Tensor:
        b = text.shape[0]
        pooled = (self.pooled(text) - self.center) / self.spread
        context = F.gelu(self.context(pooled))
        words = torch.cat([self._words(text, context), context.unsqueeze(1).expand(b, THINGS, CONTEXT)], -1)
        thing = F.gelu(self.thing(words) + self.which)
        look = F.gelu(self.look(thing))
        drawn = torch.zeros((), dtype=text.dtype)
        for side, where, cells in zip(SIZES, self.where, self.cells):
            placing = getattr(self, f'placing_{side}')
            # For each thing a matrix from its own cells to the picture's; a thing may stand at several places.
            onto = where(thing).sigmoid() @ placing.flatten(1).to(look.dtype)
            onto = onto.view(b, THINGS, SIDE * SIDE, side * side)
            drawn = drawn + (onto @ cells(look).view(b, THINGS, side * side, CHANNELS + 1)).sum(1)
        ground = self.ground(pooled).view(b, SIDE * SIDE, CHANNELS)
        hidden = (drawn[..., CHANNELS:] - 2).sigmoid()
        out = ground * (1 - hidden) + drawn[..., :CHANNELS]
        return out.transpose(1, 2).reshape(b, CHANNELS, SIDE, SIDE)


def framed(guess: Tensor, like: Tensor) -> Tensor:
    """The guess for a picture of another shape than the square it is made for: [b, 32, 8, 8] → [b, 32, h, w] of `like`.

    The middle stays the middle and the edges are drawn out, for that is how wide and tall pictures are composed; a picture of
    twice the size gets every cell twice.
    """
    height, width = torch._shape_as_tensor(like)[2:].float()  # a traced graph asks for it anew each time
    scale = ((height * width).sqrt() / SIDE).round().clamp_min(1)

    def cells(count: Tensor) -> Tensor:
        at = (torch.arange(count, dtype=torch.float32) + 0.5 - count / 2) / scale + SIDE / 2
        return at.floor().clamp(0, SIDE - 1).long()

    return guess.index_select(2, cells(height)).index_select(3, cells(width))
