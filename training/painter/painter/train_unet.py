"""Trains the UNet on cached latents."""

import copy

import torch
from PIL import Image

from . import paths
from .diffusion import Noise, grid, initial_noise, sample
from .latents import Shards
from .text import TextEncoder
from .training import Clock, Log, Stop, Threads, load_checkpoint, save_checkpoint, warm_then_cosine
from .unet import make_unet
from .vae import Decoder, to_pixels

BATCH = 32  # steps, not samples, are what an hour of this is short of
WATCHED = ('a cat', 'a pizza', 'a sailboat', 'a dragon', 'a robot on a yellow background', 'a fox in the snow', 'a blue cat', 'a green car', 'three apples', 'four stars', 'two dogs',
           'a cat and a dog', 'a banana next to a rocket', 'a tree to the left of a house', 'a panda wearing a crown', 'a monkey holding a balloon', 'a small bee', 'a penguin riding a bicycle',
           'a castle at night', 'a puppy', 'a purple elephant on the beach', 'five hearts', 'a mushroom and a frog in the forest', 'a wizard')


@torch.no_grad()
def _average(target, source, decay: float) -> None:
    for a, b in zip(target.parameters(), source.parameters()):
        a.lerp_(b, 1 - decay)


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


def train(minutes: float, max_steps: int | None = None, session_minutes: float | None = None, peak: float = 1e-3) -> None:
    cores = Threads()
    torch.manual_seed(3)
    unet, saved = make_unet(), load_checkpoint('unet')
    average = copy.deepcopy(unet).requires_grad_(False)
    optimizer = torch.optim.AdamW(unet.unet.parameters(), peak, betas=(0.9, 0.98), weight_decay=0.01)
    step, clock, samples = 0, Clock(minutes), 0
    if saved:
        unet.load_state_dict(saved['unet'])
        average.load_state_dict(saved['average'])
        optimizer.load_state_dict(saved['optimizer'])
        torch.set_rng_state(saved['rng'])
        step, samples, clock = saved['step'], saved['samples'], Clock(minutes, saved['spent_s'])
    session, log, noise, shards, text = Clock(session_minutes or 1e9), Log('unet'), Noise(), Shards(step), TextEncoder(threads=1)
    empty = torch.from_numpy(text.padded(['']))[0]
    last_save, last_sheet, first, mean_loss, mean_error = clock.spent_s, clock.spent_s, step, None, None

    def save() -> None:
        save_checkpoint('unet', {'unet': unet.state_dict(), 'average': average.state_dict(), 'optimizer': optimizer.state_dict(), 'rng': torch.get_rng_state(),
                                 'step': step, 'samples': samples, 'spent_s': clock.spent_s})

    stop = Stop()
    while not stop.asked and clock.progress < 1 and session.progress < 1 and (max_steps is None or step - first < max_steps):
        cores.tune()
        latents, words = shards.batch(BATCH)
        words[torch.rand(BATCH) < 0.1] = empty
        for group in optimizer.param_groups:
            group['lr'] = warm_then_cosine(clock.progress, step, peak, warm_steps=200, constant=0.7)
        noise.lean = 0.7 if clock.progress < 0.85 else 1.0
        loss, error = noise.loss(unet, latents, words)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(unet.unet.parameters(), 1.0)
        optimizer.step()
        step, samples = step + 1, samples + BATCH
        _average(average.unet, unet.unet, min(0.998, (step + 1) / (step + 20)))
        mean_loss = loss.item() if mean_loss is None else 0.98 * mean_loss + 0.02 * loss.item()
        mean_error = error.item() if mean_error is None else 0.98 * mean_error + 0.02 * error.item()
        if step % 50 == 0:
            log.write(step=step, minutes=clock.spent_s / 60, samples=samples, loss=mean_loss, error=mean_error, shards=shards.refresh(), threads=cores.count)
        if clock.spent_s - last_save > 300:
            last_save = clock.spent_s
            save()
        if clock.spent_s - last_sheet > 480:
            last_sheet = clock.spent_s
            decoder, newest = Decoder(), load_checkpoint('decoder') or load_checkpoint('vae')
            decoder.load_state_dict(newest['decoder'])
            contact_sheet(average, decoder.eval().to(memory_format=torch.channels_last), text, shards, step)
    save()


