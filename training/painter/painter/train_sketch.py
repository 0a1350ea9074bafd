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
        for z, words, ends in shards.each('square'):
            latents.append(((torch.from_numpy(z).float() - shards.mean) / shards.std).half())
            begin = np.concatenate([[0], ends[:-1]])
            tokens.append(words)
            starts.append(begin + base)
            lengths.append(ends - begin)
            base += len(words)
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


def train(minutes: float = 20, max_steps: int | None = None, session_minutes: float | None = None, peak: float = 1.5e-3) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(11)
    data, net, saved = Data(), Sketch(), load_checkpoint('sketch')
    if not saved:
        sample = Sketch.pooled(data.rows(list(range(0, len(data.latents), max(1, len(data.latents) // 4000))))[0])
        net.center.copy_(sample.mean(0))
        net.spread.copy_(sample.std(0).clamp_min(0.02))
    crew, clock, first = Crew(net, cores()), Clock(minutes), 0
    if saved:
        crew.load(saved)
        first, clock = saved['step'], Clock(minutes, saved['spent_s'])
    crew.orders[ON], crew.orders[STEP] = float(clock.progress < 1), first

    def work() -> None:
        _loop(crew, net, data, clock, first, max_steps, Clock(session_minutes or 1e9), peak)

    crew.start(work)
    work()
    crew.join()


def _loop(crew: Crew, net: Sketch, data: Data, clock: Clock, first: int, max_steps: int | None, session: Clock, peak: float) -> None:
    torch.manual_seed(1000 * first + 100 + crew.rank)
    leads, step, going, last_save = crew.rank == 0, first, bool(crew.orders[ON]), clock.spent_s
    log, stop = (Log('sketch'), Stop()) if leads else (None, None)
    tests = [data.rows(list(range(n, n + min(data.held, 512)))) for n in (0, data.held)]

    def save() -> None:
        save_checkpoint('sketch', {**crew.state(), 'step': step, 'spent_s': clock.spent_s})

    while going:
        if leads:
            crew.orders[RATE] = warm_then_cosine(clock.progress, step, peak, warm_steps=200, constant=0.3)
            more = not stop.asked and clock.progress < 1 and session.progress < 1 and (max_steps is None or step + 1 - first < max_steps)
            crew.orders[ON], crew.orders[STEP] = float(more), step + 1
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
        if leads and clock.spent_s - last_save > 300:
            last_save = clock.spent_s
            save()
    if leads:
        save()


def hand_over() -> None:
    """Puts the newly fitted sketch into a UNet that has not begun, read back from shipped graphs, whose own knows older latents."""
    unet = load_checkpoint('unet')
    if unet is None or unet['step'] > 0:
        return
    for key, value in load_checkpoint('sketch')['average'].items():
        unet['weights'][f'sketch.{key}'] = unet['average'][f'sketch.{key}'] = value
    save_checkpoint('unet', unet)
