"""Trains the UNet on cached latents."""

import torch
from PIL import Image

from . import paths
from .crew import LEAN, ON, RATE, STEP, Crew, cores
from .diffusion import Noise, grid, initial_noise, sample
from .latents import Shards
from .text import TextEncoder
from .training import Clock, Log, Stop, load_checkpoint, save_checkpoint, warm_then_cosine
from .unet import make_unet
from .vae import Decoder, to_pixels

BATCH = 48  # of each process
WATCHED = ('a cat', 'a pizza', 'a sailboat', 'a dragon', 'a robot on a yellow background', 'a fox in the snow', 'a blue cat', 'a green car', 'three apples', 'four stars', 'two dogs',
           'a cat and a dog', 'a banana next to a rocket', 'a tree to the left of a house', 'a panda wearing a crown', 'a monkey holding a balloon', 'a small bee', 'a penguin riding a bicycle',
           'a castle at night', 'a puppy', 'a purple elephant on the beach', 'five hearts', 'a mushroom and a frog in the forest', 'a wizard')


@torch.inference_mode()
def contact_sheet(unet, decoder, text: TextEncoder, shards: Shards, step: int) -> None:
    words, empty = torch.from_numpy(text.padded(list(WATCHED))), torch.from_numpy(text.padded([''])).expand(len(WATCHED), -1, -1)
    noise = torch.cat([initial_noise(7 + i) for i in range(len(WATCHED))])

    def denoise(x, t, c):
        with torch.autocast('cpu', torch.bfloat16):
            return unet(x, t, c).float()

    latents = sample(denoise, words, empty, noise) * shards.std + shards.mean
    pictures = to_pixels(decoder(latents.contiguous(memory_format=torch.channels_last))).numpy()
    Image.fromarray(grid(pictures[:, ::2, ::2], 8)).save(paths.WORK / f'sheet-{step:06d}.png')


def train(minutes: float, max_steps: int | None = None, session_minutes: float | None = None, peak: float = 8e-4) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(3)
    unet, saved = make_unet(), load_checkpoint('unet')
    unet.sketch.requires_grad_(False)
    crew, clock, samples, first = Crew(unet, cores()), Clock(minutes), 0, 0
    if saved:
        crew.load(saved)
        samples, first, clock = saved['samples'], saved['step'], Clock(minutes, saved['spent_s'])
    crew.orders[ON], crew.orders[LEAN], crew.orders[STEP] = float(clock.progress < 1), 0.7, first

    def work() -> None:
        _loop(crew, unet, clock, samples, first, max_steps, Clock(session_minutes or 1e9), peak)

    crew.start(work)
    work()
    crew.join()


def _loop(crew: Crew, unet, clock: Clock, samples: int, first: int, max_steps: int | None, session: Clock, peak: float) -> None:
    """What every process of the crew does; the first also steers, logs and saves."""
    torch.manual_seed(1000 * first + crew.rank)
    leads, noise, shards, text = crew.rank == 0, Noise(), Shards(1000 * first + crew.rank), TextEncoder(threads=1)
    empty = torch.from_numpy(text.padded(['']))[0]
    log, stop, step = (Log('unet') if leads else None), (Stop() if leads else None), first
    last_save = last_sheet = clock.spent_s
    means: list[float] | None = None

    def save() -> None:
        save_checkpoint('unet', {**crew.state(), 'step': step, 'samples': samples, 'spent_s': clock.spent_s})

    going = bool(crew.orders[ON])
    while going:
        if leads:
            crew.orders[RATE] = warm_then_cosine(clock.progress, step, peak, warm_steps=200, constant=0.25)
            crew.orders[LEAN] = 0.7 if clock.progress < 0.85 else 1.0
            more = not stop.asked and clock.progress < 1 and session.progress < 1 and (max_steps is None or step + 1 - first < max_steps)
            crew.orders[ON], crew.orders[STEP] = float(more), step + 1
        noise.lean = float(crew.orders[LEAN])
        latents, words = shards.batch(BATCH)
        words[torch.rand(BATCH) < 0.05] = empty
        unet.zero_grad(set_to_none=True)
        loss, error = noise.loss(unet, latents, words)
        loss.backward()
        going = crew.step()
        step, samples = step + 1, samples + BATCH * crew.size
        if step % 50 == 0:
            count = shards.refresh()
        if not leads:
            continue
        values = [loss.item(), error.item()]
        means = values if means is None else [0.98 * m + 0.02 * v for m, v in zip(means, values)]
        if step % 50 == 0:
            log.write(step=step, minutes=clock.spent_s / 60, samples=samples, loss=means[0], error=means[1], shards=count)
        if clock.spent_s - last_save > 300:
            last_save = clock.spent_s
            save()
        if clock.spent_s - last_sheet > 480:
            last_sheet = clock.spent_s
            decoder, newest = Decoder(), load_checkpoint('decoder') or load_checkpoint('vae')
            decoder.load_state_dict(newest['decoder'])
            painter = make_unet()
            painter.load_state_dict(crew.state()['average'])
            contact_sheet(painter.eval(), decoder.eval().to(memory_format=torch.channels_last), text, shards, step)
    if leads:
        save()
