"""Runs a stage by its name."""


def data(_options) -> None:
    from . import held_out, sprites

    sprites.build()
    held_out.build()


def vae(options) -> None:
    from . import train_vae

    train_vae.train(options.minutes or 25, options.steps, options.max_minutes)


def run(options) -> None:
    globals()[options.stage](options)
