"""Trains the autoencoder end to end, and later its decoder alone on the frozen encoder's latents."""

import numpy as np
import torch

from .compose import Composer, dye, paste
from .training import Clock, Log, Producer, load_checkpoint, save_checkpoint, threads, warm_then_cosine
from .vae import Decoder, Encoder, psnr, reconstruction_loss, to_pixels, to_tensor

BATCH = 8
LATENT_NOISE = 0.06  # of a latent's spread: the decoder must bear what the UNet gets wrong


def collage(composer: Composer) -> np.ndarray:
    """A picture crowded with things: more edges for the same arithmetic than a thing on white."""
    rng = composer.rng
    background = composer._background(0.4)[0] if rng.random() < 0.6 else 'white'
    canvas = composer.background(background, 'square')
    for _ in range(int(rng.integers(3, 9))):
        sprite = composer.sprites.get(int(rng.integers(composer.sprites.count)), int(rng.choice([80, 116, 160])))
        if rng.random() < 0.15:
            sprite = dye(sprite, str(rng.choice(['red', 'orange', 'yellow', 'green', 'blue', 'purple', 'pink', 'black'])))
        paste(canvas, sprite, float(rng.integers(16, 240)), float(rng.integers(16, 240)))
    return canvas


def pictures(seed: int, collages: float = 0.35):
    composer = Composer(seed)
    while True:
        yield np.stack([collage(composer) if composer.rng.random() < collages else composer.draw(composer.plan()) for _ in range(BATCH)])


def probe_pictures(count: int = 96) -> np.ndarray:
    """The same pictures every time, drawn from a seed that training never uses."""
    composer = Composer(987_654)
    return np.stack([composer.draw(composer.plan()) for _ in range(count)])


@torch.inference_mode()
def reconstruct(encoder, decoder, batch: np.ndarray) -> torch.Tensor:
    return torch.cat([to_pixels(decoder(encoder(to_tensor(part)))) for part in np.array_split(batch, max(1, len(batch) // 16))])


def train(minutes: float, max_steps: int | None = None, session_minutes: float | None = None, peak: float = 1.2e-3) -> None:
    threads()
    saved = load_checkpoint('vae')
    encoder, decoder = (m.to(memory_format=torch.channels_last) for m in (Encoder(), Decoder()))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.AdamW(parameters, peak, betas=(0.9, 0.98), weight_decay=1e-4)
    step, clock = 0, Clock(minutes)
    if saved:
        encoder.load_state_dict(saved['encoder'])
        decoder.load_state_dict(saved['decoder'])
        optimizer.load_state_dict(saved['optimizer'])
        step, clock = saved['step'], Clock(minutes, saved['spent_s'])
    else:
        torch.manual_seed(1)
    session = Clock(session_minutes or 1e9)
    producer, log, last_save = Producer(pictures, 1000 + step), Log('vae'), clock.spent_s
    first, mean_loss = step, 0.0
    probe = probe_pictures()

    def save() -> None:
        save_checkpoint('vae', {'encoder': encoder.state_dict(), 'decoder': decoder.state_dict(), 'optimizer': optimizer.state_dict(), 'step': step, 'spent_s': clock.spent_s})

    while clock.progress < 1 and session.progress < 1 and (max_steps is None or step - first < max_steps):
        target = to_tensor(producer.next())
        for group in optimizer.param_groups:
            group['lr'] = warm_then_cosine(clock.progress, step, peak, constant=0.3, floor=0.05)
        with torch.autocast('cpu', torch.bfloat16):
            z = encoder(target)
            spread = z.detach().float().std().clamp_min(0.05)
            output = decoder(z + LATENT_NOISE * spread * torch.randn(z.shape).to(z.dtype))
        # The pull to unit size keeps latents of one scale; without it they grow without end to drown the noise.
        loss = reconstruction_loss(output.float(), target) + 1e-4 * z.float().square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 0.5)
        optimizer.step()
        step += 1
        mean_loss = float(loss) if step == first + 1 else 0.98 * mean_loss + 0.02 * float(loss)
        if step % 200 == 0:
            values = psnr(reconstruct(encoder, decoder, probe[:32]), torch.as_tensor(probe[:32]))
            log.write(step=step, minutes=clock.spent_s / 60, loss=mean_loss, psnr=float(values.mean()))
        if clock.spent_s - last_save > 300:
            last_save = clock.spent_s
            save()
    producer.close()
    save()
    values = psnr(reconstruct(encoder, decoder, probe), torch.as_tensor(probe))
    log.write(step=step, minutes=clock.spent_s / 60, loss=mean_loss, psnr=float(values.mean()), probe=len(probe))
