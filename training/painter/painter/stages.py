"""Runs a stage by its name."""


def data(_options) -> None:
    from . import art, held_out, sprites, text

    art.ensure()
    sprites.build()
    held_out.build()
    text.export()


def warm(_options) -> None:
    from . import warm_start

    warm_start.build()


def vae(options) -> None:
    from . import train_vae

    train_vae.train(options.minutes or 25, options.steps, options.max_minutes)


def latents(options) -> None:
    from . import latents as cache

    cache.build(options.count or 26, options.max_minutes)


def sketch(options) -> None:
    from . import train_sketch

    train_sketch.train(options.minutes or 20, options.steps, options.max_minutes)
    train_sketch.hand_over()


def unet(options) -> None:
    from . import train_unet

    train_unet.train(options.minutes or 75, options.steps, options.max_minutes)


def decoder(options) -> None:
    from . import train_vae

    train_vae.finish_decoder(options.minutes or 30, options.steps, options.max_minutes)


def export(_options) -> None:
    from . import export as writer

    writer.build()


def evaluate(options) -> None:
    from . import evaluate as judge

    judge.run(options.count or 1)


def document(_options) -> None:
    from . import document as writer

    writer.build()


def parity(_options) -> None:
    from . import parity as goldens

    goldens.build()


def all(options) -> None:
    for stage in ('data', 'vae', 'latents', 'sketch', 'unet', 'decoder', 'export', 'evaluate', 'parity', 'document'):
        print(f'== {stage}', flush=True)
        options.count = None
        run(type(options)(**{**vars(options), 'stage': stage}))


def smoke(_options) -> None:
    from . import art, smoke as trial

    art.ensure()
    trial.run()


def run(options) -> None:
    globals()[options.stage](options)
