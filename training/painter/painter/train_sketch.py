"""Fits the sketch to clean latents, by least squares."""

import numpy as np
import torch
from torch import Tensor

from .crew import ON, RATE, STEP, Crew, cores
from .latents import Shards
from .sketch import Sketch
from .training import Clock, Log, Stop, load_checkpoint, save_checkpoint, warm_then_cosine

BATCH, WORDS = 128, 24


class Data:
    """All square latents, normalised (float16), and their texts as rows of a flat token array; every fortieth kept aside."""

    def __init__(self) -> None:
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
        self.latents, self._tokens = torch.cat(latents), np.concatenate(tokens)
        self._starts, self._lengths = np.concatenate(starts), np.concatenate(lengths)
        self.held = max(8, len(self.latents) // 40)

    def rows(self, rows: list[int]) -> tuple[Tensor, Tensor]:
        """Text [n, 24, 384] and latents [n, 32, 8, 8]."""
        text = np.zeros((len(rows), WORDS, 384), np.float32)
        for target, row in zip(text, rows):
            n = min(WORDS, int(self._lengths[row]))
            target[:n] = self._tokens[self._starts[row]:self._starts[row] + n]
        return torch.from_numpy(text), self.latents[rows].float()


def train(minutes: float = 20, max_steps: int | None = None, peak: float = 1.5e-3) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(11)
    data, net, saved = Data(), Sketch(), load_checkpoint('sketch')
    if saved:
        net.load_state_dict(saved['sketch'])
    else:
        sample = Sketch.pooled(data.rows(list(range(0, len(data.latents), max(1, len(data.latents) // 4000))))[0])
        net.center.copy_(sample.mean(0))
        net.spread.copy_(sample.std(0).clamp_min(0.02))
    crew, clock = Crew(net, cores()), Clock(minutes)
    crew.orders[ON] = 1

    def work() -> None:
        _loop(crew, net, data, clock, max_steps, peak)

    crew.start(work)
    work()
    crew.join()


def _loop(crew: Crew, net: Sketch, data: Data, clock: Clock, max_steps: int | None, peak: float) -> None:
    torch.manual_seed(100 + crew.rank)
    leads, step, going = crew.rank == 0, 0, True
    log, stop = (Log('sketch'), Stop()) if leads else (None, None)
    tests = [data.rows(list(range(n, n + min(data.held, 512)))) for n in (0, data.held)]
    while going:
        if leads:
            crew.orders[RATE] = warm_then_cosine(clock.progress, step, peak, warm_steps=200, constant=0.3)
            crew.orders[ON] = float(not stop.asked and clock.progress < 1 and (max_steps is None or step + 1 < max_steps))
            crew.orders[STEP] = step + 1
        text, latents = data.rows(torch.randint(data.held, len(data.latents), (BATCH,)).tolist())
        net.zero_grad(set_to_none=True)
        with torch.autocast('cpu', torch.bfloat16):
            guess = net((text + 0.02 * torch.randn_like(text)) * (text != 0))
        loss = (guess.float() - latents).square().mean()
        loss.backward()
        going, step = crew.step(clip=0.5), step + 1
        if leads and (step % 250 == 0 or not going):
            with torch.inference_mode():
                unseen, seen = ((net(words).float() - target).square().mean().item() for words, target in tests)
            log.write(step=step, minutes=clock.spent_s / 60, seen=seen, unseen=unseen)
    if leads:
        save_checkpoint('sketch', {'sketch': crew.state()['average'], 'step': step})


def hand_over() -> None:
    """Puts the newly fitted sketch into a UNet that has not begun, read back from shipped graphs, whose own knows older latents."""
    unet = load_checkpoint('unet')
    if unet is None or unet['step'] > 0:
        return
    for key, value in load_checkpoint('sketch')['sketch'].items():
        unet['unet'][f'sketch.{key}'] = unet['average'][f'sketch.{key}'] = value
    save_checkpoint('unet', unet)
