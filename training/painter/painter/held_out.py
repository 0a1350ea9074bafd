"""Fixes the held-out lists. Run once, before any training; the file is in the repository and is not drawn again."""

import json

import numpy as np

from . import paths
from .compose import DYES, EYEWEAR, HATS, Composer
from .scenes import COLORS, SCENES

EMPTY = {'pairs': [], 'backgrounds': [], 'pairsOnBackgrounds': [], 'counts': [], 'dyes': [], 'wearing': [], 'holding': []}


def components(mask: np.ndarray, least: int) -> int:
    from scipy.ndimage import label

    labels, count = label(mask, structure=np.ones((3, 3)))
    return int((np.bincount(labels.ravel())[1:] >= least).sum()) if count else 0


def one_piece(composer: Composer, concept: int) -> bool:
    """Whether the thing is one connected blot on white, so that blots can be counted."""
    sprite = composer.sprites.get(concept, 116)
    ink = (sprite[..., 3] > 128) & (sprite[..., :3].min(-1) < 225)
    return components(ink, 20) == 1 and ink.sum() > 1500


def build(seed: int = 20) -> None:
    if paths.HELD_OUT.exists():
        print('held-out lists exist and stay as they are')
        return
    composer = Composer(seed, EMPTY)
    rng = np.random.default_rng(seed)
    things = [c for c in composer.concepts if c.group in ('animals-nature', 'food-drink', 'travel-places', 'activities', 'objects')]
    pick = lambda items: items[int(rng.integers(len(items)))]
    backgrounds = [f'color:{c}' for c in COLORS] + [f'scene:{s}' for s in SCENES]

    def distinct(make, count):
        found = {}
        while len(found) < count:
            row = make()
            found.setdefault(json.dumps(row), row)
        return list(found.values())

    def pair():
        a, b = rng.choice(len(things), 2, replace=False)
        return [things[a].name, things[b].name]

    single = [c.name for c in things if c.index in composer.countable and one_piece(composer, c.index)]
    dyeable = [composer.concepts[i].name for i in composer.dyeable]
    data = {
        'seed': seed,
        'pairs': distinct(pair, 60),
        'backgrounds': distinct(lambda: [pick(things).name, pick(backgrounds)], 60),
        'pairsOnBackgrounds': distinct(lambda: [*pair(), pick(backgrounds)], 40),
        'counts': distinct(lambda: [pick(single), int(rng.integers(2, 5))], 60),
        'seenCounts': distinct(lambda: [pick(single), int(rng.integers(1, 5))], 40),
        'dyes': distinct(lambda: [pick(dyeable), pick(list(DYES))], 60),
        'wearing': distinct(lambda: [composer.concepts[pick(composer.heads)].name, pick([*HATS, *EYEWEAR])], 12),
        'holding': distinct(lambda: [composer.concepts[pick(composer.holders)].name, composer.concepts[pick(composer.smalls)].name], 12),
    }
    paths.HELD_OUT.write_text(json.dumps(data, indent=1) + '\n')
