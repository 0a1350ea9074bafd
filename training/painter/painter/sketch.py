"""A guess at the picture from the caption alone: one hidden layer from the caption's pooled text to all 64 latent cells.

The UNet has to learn what six hundred words look like from noisy pictures, a few hundred looks at each, and every look costs a
whole pass. This layer learns the same from clean latents at a thousandth of the cost, in minutes, and the UNet is given its guess
beside the noisy latents. It blurs where a caption leaves things open, and says little about two things at once: that is the UNet's work.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .training import Clock, Log, load_checkpoint, save_checkpoint

HIDDEN, CHANNELS, SIDE = 512, 32, 8
WINDOWS = (0.12, 0.5, 0.88)  # where in the caption each pool looks: what comes first stands left, what comes last is the place
POOLED = 384 * (1 + len(WINDOWS))


class Sketch(nn.Module):
    """text [b, s, 384] (rows of padding zero) → [b, 32, 8, 8]."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('center', torch.zeros(POOLED))
        self.register_buffer('spread', torch.ones(POOLED))
        self.hidden = nn.Linear(POOLED, HIDDEN)
        self.out = nn.Linear(HIDDEN, CHANNELS * SIDE * SIDE)

    @staticmethod
    def pooled(text: Tensor) -> Tensor:
        """The first token's state, and means over the words of the caption's beginning, middle and end: [b, POOLED]."""
        real = (text.abs().sum(-1) > 0).to(text.dtype)
        place = (real.cumsum(1) - 1) / (real.sum(1, keepdim=True) - 1).clamp_min(1)
        pools = [text[:, 0]]
        for center in WINDOWS:
            weight = real * torch.exp(-(((place - center) / 0.2) ** 2))
            pools.append((text * weight.unsqueeze(-1)).sum(1) / weight.sum(1, keepdim=True).clamp_min(1e-4))
        return torch.cat(pools, -1)

    def from_pooled(self, pooled: Tensor) -> Tensor:
        x = F.gelu(self.hidden((pooled - self.center) / self.spread))
        return self.out(x).view(-1, CHANNELS, SIDE, SIDE)

    def forward(self, text: Tensor) -> Tensor:
        return self.from_pooled(self.pooled(text))


class Places(nn.Module):
    """What stands where: nine places on a 3 × 3 grid look at the words, and one shared layer draws a thing of four by four cells at each.

    The places share what a word looks like, so a thing learned on the left is known on the right: this is what tells two things apart.
    text [b, s, 384] → [b, 32, 8, 8], added to the sketch.
    """

    HEADS, KEY, VALUE = 2, 32, 96

    def __init__(self) -> None:
        super().__init__()
        self.key = nn.Linear(384, self.HEADS * self.KEY)
        self.first = nn.Linear(384, 64)
        self.query = nn.Linear(64, 9 * self.HEADS * self.KEY)
        self.value = nn.Sequential(nn.Linear(384, 512), nn.GELU(), nn.Linear(512, self.HEADS * self.VALUE))
        self.whole = nn.Linear(64, self.HEADS * self.VALUE)
        self.draw = nn.ConvTranspose2d(self.HEADS * self.VALUE, CHANNELS, 4, stride=2)
        nn.init.zeros_(self.draw.weight)
        nn.init.zeros_(self.draw.bias)

    def forward(self, text: Tensor) -> Tensor:
        b, s, _ = text.shape
        h, k, v = self.HEADS, self.KEY, self.VALUE
        real = text.abs().sum(-1) > 0
        first = F.gelu(self.first(text[:, 0]))
        query = self.query(first).view(b, 9, h, k).permute(0, 2, 1, 3)
        key = self.key(text).view(b, s, h, k).permute(0, 2, 3, 1)
        value = self.value(text).view(b, s, h, v).permute(0, 2, 1, 3)
        scores = (query @ key) / k**0.5 + (~real).to(text.dtype).view(b, 1, 1, s) * -1e4
        seen = (scores.softmax(-1) @ value).permute(0, 2, 1, 3).reshape(b, 9, h * v)
        code = F.gelu(seen + self.whole(first).unsqueeze(1))
        return self.draw(code.transpose(1, 2).reshape(b, h * v, 3, 3))


def _square_data():
    """All square latents, normalised (float16), and their texts as rows of a flat token array."""
    from .latents import Shards

    shards = Shards(0)
    latents, tokens, starts, lengths, base = [], [], [], [], 0
    for shard in shards._shards:
        z = torch.from_numpy(shard['square_latents']).float()
        latents.append(((z - shards.mean) / shards.std).half())
        ends = shard['square_ends']
        begin = np.concatenate([[0], ends[:-1]])
        tokens.append(shard['square_tokens'])
        starts.append(begin + base)
        lengths.append(ends - begin)
        base += len(shard['square_tokens'])
    return torch.cat(latents), np.concatenate(tokens), np.concatenate(starts), np.concatenate(lengths)


def _texts(data, rows, width: int = 24) -> Tensor:
    _, tokens, starts, lengths = data
    text = np.zeros((len(rows), width, 384), np.float32)
    for target, row in zip(text, rows):
        n = min(width, int(lengths[row]))
        target[:n] = tokens[starts[row]:starts[row] + n]
    return torch.from_numpy(text)


def _fit(name: str, parameters, guess, minutes: float, peak: float, batch: int, data, max_steps: int | None, width: int) -> int:
    """Least squares against clean latents; a fortieth of them is kept aside."""
    latents = data[0]
    held = max(8, len(latents) // 40)
    optimizer = torch.optim.AdamW(parameters, peak, betas=(0.9, 0.99), weight_decay=0.02)
    clock, log, step = Clock(minutes), Log(name), 0
    texts = [(_texts(data, range(n, n + min(held, 512))), latents[n:n + min(held, 512)].float()) for n in (0, len(latents) - held)]
    while clock.progress < 1 and (max_steps is None or step < max_steps):
        rows = torch.randint(held, len(latents), (batch,))
        for group in optimizer.param_groups:
            group['lr'] = peak * min(1, (step + 1) / 100) * (0.03 + 0.97 * 0.5 * (1 + np.cos(np.pi * clock.progress)))
        with torch.autocast('cpu', torch.bfloat16):
            output = guess(_texts(data, rows.tolist(), width), True)
        loss = (output.float() - latents[rows].float()).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        step += 1
        if step % 250 == 0 or step == max_steps:
            with torch.inference_mode():
                unseen, seen = ((guess(text, False).float() - target).square().mean().item() for text, target in texts)
            log.write(step=step, minutes=clock.spent_s / 60, seen=seen, unseen=unseen)
    return step


def train(minutes: float = 5, max_steps: int | None = None) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(11)
    data, net = _square_data(), load()
    if net is None:
        net = Sketch()
        sample = Sketch.pooled(_texts(data, range(0, len(data[0]), max(1, len(data[0]) // 4000))))
        net.center.copy_(sample.mean(0))
        net.spread.copy_(sample.std(0).clamp_min(0.02))

    def guess(text: Tensor, noisy: bool) -> Tensor:
        pooled = net.pooled(text)
        return net.from_pooled(pooled + 0.05 * net.spread * torch.randn_like(pooled) if noisy else pooled)

    step = _fit('sketch', net.parameters(), guess, minutes, 1.5e-3, 256, data, max_steps, 24)
    save_checkpoint('sketch', {'sketch': net.state_dict(), 'step': step})


def train_places(minutes: float = 5, max_steps: int | None = None) -> None:
    """Fits the places to what the sketch leaves over."""
    torch.set_num_threads(1)
    torch.manual_seed(12)
    data, net, places = _square_data(), load(), load_places() or Places()

    def guess(text: Tensor, noisy: bool) -> Tensor:
        with torch.no_grad():
            base = net(text)
        return base + places((text + 0.02 * torch.randn_like(text)) * (text != 0) if noisy else text)

    step = _fit('places', places.parameters(), guess, minutes, 2e-3, 128, data, max_steps, 18)
    save_checkpoint('places', {'places': places.state_dict(), 'step': step})


def load() -> Sketch | None:
    saved = load_checkpoint('sketch')
    if saved is None:
        return None
    net = Sketch()
    net.load_state_dict(saved['sketch'])
    return net


def load_places() -> Places | None:
    saved = load_checkpoint('places')
    if saved is None:
        return None
    places = Places()
    places.load_state_dict(saved['places'])
    return places


def hand_over() -> None:
    """Puts the newly fitted guess into a UNet read back from shipped graphs, whose own guess knows older latents."""
    unet = load_checkpoint('unet')
    if unet is None or unet['step'] > 0:
        return
    for name, net in (('sketch', load()), ('places', load_places())):
        for key, value in net.state_dict().items():
            unet['unet'][f'{name}.{key}'] = unet['average'][f'{name}.{key}'] = value
    save_checkpoint('unet', unet)
