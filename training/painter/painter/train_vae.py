"""Trains the autoencoder end to end, and later its decoder alone on the frozen encoder's latents."""

import numpy as np
import torch

from .compose import Composer, dye, paste
from .training import Clock, Log, Producer, Stop, Threads, load_checkpoint, save_checkpoint, warm_then_cosine
from .vae import Decoder, Encoder, psnr, reconstruction_loss, to_pixels, to_tensor

BATCH = 8
CROPS = 24
CROPS_UNTIL = 0.55  # of the run; then whole pictures, so that borders and wide calm areas are learned too
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


def crops(seed: int):
    """Quarters of pictures, the busiest of a few: flat ground teaches little, so most of a whole picture is wasted on a beginner."""
    composer = Composer(seed)
    while True:
        batch = []
        while len(batch) < CROPS:
            picture = collage(composer) if composer.rng.random() < 0.4 else composer.draw(composer.plan())
            corners = composer.rng.integers(0, 129, (4, 2))
            parts = [picture[y:y + 128, x:x + 128] for y, x in corners]
            batch += sorted(parts, key=lambda part: -float(part[::4, ::4].std((0, 1)).sum()))[:2]
        yield np.stack(batch[:CROPS])


def probe_pictures(count: int = 96) -> np.ndarray:
    """The same pictures every time, drawn from a seed that training never uses."""
    composer = Composer(987_654)
    return np.stack([composer.draw(composer.plan()) for _ in range(count)])


@torch.inference_mode()
def reconstruct(encoder, decoder, batch: np.ndarray) -> torch.Tensor:
    return torch.cat([to_pixels(decoder(encoder(to_tensor(part)))) for part in np.array_split(batch, max(1, len(batch) // 16))])


def train(minutes: float, max_steps: int | None = None, session_minutes: float | None = None, peak: float = 1e-3) -> None:
    cores = Threads()
    saved = load_checkpoint('vae')
    encoder, decoder = (m.to(memory_format=torch.channels_last) for m in (Encoder(), Decoder()))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.AdamW(parameters, peak, betas=(0.9, 0.98), weight_decay=1e-4)
    step, clock = 0, Clock(minutes)
    if saved:
        encoder.load_state_dict(saved['encoder'])
        decoder.load_state_dict(saved['decoder'])
        if 'optimizer' in saved:
            optimizer.load_state_dict(saved['optimizer'])
        step, clock = saved['step'], Clock(minutes, saved['spent_s'])
    else:
        torch.manual_seed(1)
    taken_up = bool(saved and saved.get('taken_up'))  # from shipped weights: no beginner, so whole pictures and gentler steps
    peak = peak / 2 if taken_up else peak
    session = Clock(session_minutes or 1e9)
    whole = taken_up or clock.progress >= CROPS_UNTIL
    producer, log, last_save = Producer(pictures if whole else crops, 1000 + step), Log('vae'), clock.spent_s
    first, mean_loss = step, 0.0
    probe = probe_pictures()

    def save() -> None:
        save_checkpoint('vae', {'encoder': encoder.state_dict(), 'decoder': decoder.state_dict(), 'optimizer': optimizer.state_dict(), 'step': step, 'spent_s': clock.spent_s, 'taken_up': taken_up})

    stop = Stop()
    while not stop.asked and clock.progress < 1 and session.progress < 1 and (max_steps is None or step - first < max_steps):
        cores.tune()
        if not whole and clock.progress >= CROPS_UNTIL:
            producer.close()
            producer, whole = Producer(pictures, 2000 + step), True
        target = to_tensor(producer.next())
        for group in optimizer.param_groups:
            group['lr'] = warm_then_cosine(clock.progress, step, peak, constant=0.25, floor=0.03)
        with torch.autocast('cpu', torch.bfloat16):
            z = encoder(target)
            spread = z.detach().float().std().clamp_min(0.05)
            output = decoder(z + LATENT_NOISE * spread * torch.randn(z.shape).to(z.dtype))
        # The pull to unit size keeps latents of one scale; without it they grow without end to drown the noise.
        loss = reconstruction_loss(output.float(), target) + 1e-4 * z.float().square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        mean_loss = loss.item() if step == first + 1 else 0.98 * mean_loss + 0.02 * loss.item()
        if step % 100 == 0:
            values = psnr(reconstruct(encoder, decoder, probe[:16]), torch.as_tensor(probe[:16]))
            log.write(step=step, minutes=clock.spent_s / 60, loss=mean_loss, psnr=float(values.mean()), threads=cores.count)
        if clock.spent_s - last_save > 300:
            last_save = clock.spent_s
            save()
    producer.close()
    save()
    values = psnr(reconstruct(encoder, decoder, probe), torch.as_tensor(probe))
    log.write(step=step, minutes=clock.spent_s / 60, loss=mean_loss, psnr=float(values.mean()), probe=len(probe))


def finish_decoder(minutes: float, max_steps: int | None = None, session_minutes: float | None = None, peak: float = 6e-4) -> None:
    """Trains the decoder on alone, on what the frozen encoder makes of fresh pictures, with noise of up to 8 % on top."""
    cores, saved = Threads(), load_checkpoint('decoder')
    encoder, decoder = (m.to(memory_format=torch.channels_last) for m in (Encoder(), Decoder()))
    start = load_checkpoint('vae')
    encoder.load_state_dict(start['encoder'])
    decoder.load_state_dict((saved or start)['decoder'])
    peak = peak / 2 if start.get('taken_up') else peak
    encoder.eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(decoder.parameters(), peak, betas=(0.9, 0.99), weight_decay=1e-4)
    average = {k: v.clone() for k, v in decoder.state_dict().items()}
    step, clock = 0, Clock(minutes)
    if saved:
        optimizer.load_state_dict(saved['optimizer'])
        decoder.load_state_dict(saved['raw'])
        average = saved['decoder']
        step, clock = saved['step'], Clock(minutes, saved['spent_s'])
    session, log, producer = Clock(session_minutes or 1e9), Log('decoder'), Producer(pictures, 7000 + step)
    probe, first, mean_loss, last_save = probe_pictures(32), step, None, clock.spent_s

    def save() -> None:
        save_checkpoint('decoder', {'decoder': average, 'raw': decoder.state_dict(), 'optimizer': optimizer.state_dict(), 'step': step, 'spent_s': clock.spent_s})

    def measure() -> float:
        smooth = Decoder().to(memory_format=torch.channels_last)
        smooth.load_state_dict(average)
        return float(psnr(reconstruct(encoder, smooth, probe), torch.as_tensor(probe)).mean())

    stop = Stop()
    while not stop.asked and clock.progress < 1 and session.progress < 1 and (max_steps is None or step - first < max_steps):
        cores.tune()
        target = to_tensor(producer.next())
        for group in optimizer.param_groups:
            group['lr'] = warm_then_cosine(clock.progress, step, peak, constant=0.2, floor=0.02)
        with torch.autocast('cpu', torch.bfloat16):
            with torch.no_grad():
                z = encoder(target)
            level = 0.08 * torch.rand(len(z), 1, 1, 1) * z.float().std()
            output = decoder((z.float() + level * torch.randn(z.shape)).to(z.dtype))
        loss = reconstruction_loss(output.float(), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        step += 1
        decay = min(0.995, (step + 1) / (step + 10))
        for key, value in decoder.state_dict().items():
            average[key].lerp_(value, 1 - decay)
        mean_loss = loss.item() if mean_loss is None else 0.98 * mean_loss + 0.02 * loss.item()
        if step % 200 == 0:
            log.write(step=step, minutes=clock.spent_s / 60, loss=mean_loss, psnr=measure(), threads=cores.count)
        if clock.spent_s - last_save > 300:
            last_save = clock.spent_s
            save()
    producer.close()
    save()
    if mean_loss is not None:
        log.write(step=step, minutes=clock.spent_s / 60, loss=mean_loss, psnr=measure(), threads=cores.count)
