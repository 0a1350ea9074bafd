"""Twenty steps of every training, cut in half and resumed, in a folder of its own: does the recipe run at all?"""

import shutil

from . import latents, paths, sprites, text, train_sketch, train_unet, train_vae
from .compose import Composer
from .training import Log, load_checkpoint


def _expect(what: str, actual, expected) -> None:
    if actual != expected:
        raise SystemExit(f'smoke: {what} is {actual}, expected {expected}')


def check_held_out() -> None:
    """What is held out is refused, and a held-out pair in a plan is noticed."""
    composer = Composer(9)
    pair = composer.held_out.data['pairs'][0]
    planted = composer.pair_plan(composer.names[pair[0]], composer.names[pair[1]], '')
    _expect('a held-out pair being refused', composer.held_out.forbids(planted), True)
    plans = [composer.plan() for _ in range(3000)]
    _expect('held-out things among 3000 plans', sum(composer.held_out.forbids(p) for p in plans), 0)
    _expect('one seed giving one caption', Composer(9).plan().caption == Composer(9).plan().caption, True)


def run() -> None:
    paths.WORK.mkdir(parents=True, exist_ok=True)
    if not (paths.WORK / 'sprites.npz').exists():
        sprites.build()
    if not (text.FOLDER / 'text_encoder/model.onnx').exists():
        text.export()
    check_held_out()
    for name in ('vae.pt', 'sketch.pt', 'unet.pt', 'vae.jsonl', 'sketch.jsonl', 'unet.jsonl'):
        (paths.WORK / name).unlink(missing_ok=True)
    shutil.rmtree(latents.FOLDER, ignore_errors=True)
    train_vae.train(60, max_steps=12)
    _expect('vae step before the cut', load_checkpoint('vae')['step'], 12)
    train_vae.train(60, max_steps=8)
    _expect('vae step after resuming', load_checkpoint('vae')['step'], 20)
    latents.write_shard(0, latents.frozen_encoder(), text.TextEncoder(), 128)
    for name, train in (('sketch', train_sketch.train), ('unet', train_unet.train)):
        train(60, max_steps=12)
        before = load_checkpoint(name)
        train(60, max_steps=8)
        after = load_checkpoint(name)
        _expect(f'{name} step after resuming', (before['step'], after['step']), (12, 20))
        _expect(f"the {name} optimizer's moments being kept", bool(before['first'].any()) and not before['first'].equal(after['first']), True)
    _expect('the sketch staying as it was fitted', load_checkpoint('sketch')['average']['look.weight'].equal(load_checkpoint('unet')['weights']['sketch.look.weight']), True)
    psnr = [row['psnr'] for row in Log('vae').rows()]
    print(f'smoke: 20 steps of the autoencoder, the sketch and the UNet, resumed once each; psnr {psnr[0]:.2f} to {psnr[-1]:.2f} dB')
