"""Measures the shipped files against the issue's figures: fixed seeds, 20 steps, nothing chosen by hand.

An object counts as recognised when, among the art of all concepts drawn at the same place on the same background, its own
is the nearest (top 1) or among the five nearest (top 5) to what was painted, by squared difference in 24×24 RGB.
"""

import json
import time

import numpy as np
import torch

from . import paths
from .compose import DYES, NUMBERS, Composer, Plan, Thing, dye, paste, plural
from .concepts import with_article
from .held_out import components
from .pipeline import Painter
from .scenes import COLOR_WORDS, COLORS, SCENES, VARIANTS
from .sprites import Sprites
from .vae import psnr

SIDE = 24


def shrink(pictures: np.ndarray, side: int = SIDE) -> np.ndarray:
    """uint8 [n, h, w, 3] → float32 [n, side·side·3], area means."""
    t = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float()
    return torch.nn.functional.interpolate(t, (side, side), mode='area').permute(0, 2, 3, 1).reshape(len(t), -1).numpy()


def ranks(pictures: np.ndarray, references: np.ndarray) -> np.ndarray:
    """For each picture the concepts' order, nearest first: int [n, concepts]."""
    a, b = shrink(pictures), shrink(references)
    return np.argsort(np.square(a).sum(1)[:, None] - 2 * a @ b.T + np.square(b).sum(1)[None], 1)


class Judge:
    def __init__(self, painter: Painter, share: int = 1) -> None:
        self.painter, self.share = painter, share
        self.composer = Composer(1)
        self.names = self.composer.names
        self.held_out = json.loads(paths.HELD_OUT.read_text())
        self._canvas: dict[str, np.ndarray] = {}
        self.shown: dict[str, list[tuple[str, np.ndarray]]] = {}

    def _rows(self, key: str) -> list:
        return self.held_out[key][::self.share]

    def _paint(self, key: str, prompts: list[str], first_seed: int) -> np.ndarray:
        pictures = self.painter.paint(prompts, [first_seed + i for i in range(len(prompts))])
        self.shown[key] = list(zip(prompts, pictures))[:24]
        return pictures

    def _noun(self, name: str, color: str | None = None) -> str:
        return with_article(f'{color} {name}' if color else name)

    def _words(self, background: str) -> str:
        kind, _, name = background.partition(':')
        word = COLOR_WORDS.get(name, (name,))[0]
        return SCENES[name][0] if kind == 'scene' else f'on {"an" if word[0] in "aeiou" else "a"} {word} background'

    def _alone(self, background: np.ndarray, size: int, x: int, y: int, color: str | None = None, of=None) -> np.ndarray:
        """Every concept drawn alone at one place: uint8 [concepts, h, w, 3], cut to the place."""
        half = size // 2 + 6
        top, left = max(0, y - half), max(0, x - half)
        out = []
        for concept in of if of is not None else range(len(self.composer.concepts)):
            canvas = background.copy()
            sprite = self.composer.sprites.get(concept, size)
            paste(canvas, dye(sprite, color) if color else sprite, x, y)
            out.append(canvas[top:y + half, left:x + half])
        return np.stack(out)

    @staticmethod
    def _cut(picture: np.ndarray, size: int, x: int, y: int) -> np.ndarray:
        half = size // 2 + 6
        return picture[None, max(0, y - half):y + half, max(0, x - half):x + half]

    def _ground(self, picture: np.ndarray, boxes) -> tuple[str, np.ndarray]:
        """The background that fits best outside the boxes (size, x, y), and a clean picture of it."""
        mask = np.ones((256, 256), bool)
        for size, x, y in boxes:
            half = size // 2 + 4
            mask[max(0, y - half):y + half, max(0, x - half):x + half] = False
        best = (np.inf, '', None)
        candidates = ['white', *(f'color:{c}' for c in COLORS), *(f'scene:{s}' for s in SCENES)]
        outside = picture[mask].astype(np.float32)
        for name in candidates:
            for variant in range(VARIANTS if name.startswith('scene') else 1):
                key = f'{name}/{variant}'
                if key not in self._canvas:
                    from .scenes import draw_scene

                    self._canvas[key] = draw_scene(name[6:], 256, 256, variant) if name.startswith('scene') else self.composer.background(name, 'square', True)
                distance = float(np.square(outside - self._canvas[key][mask]).mean())
                if distance < best[0]:
                    best = (distance, name, self._canvas[key])
        clean = best[2]
        if best[1].startswith('color'):
            clean = np.broadcast_to(np.median(outside, 0).astype(np.uint8), (256, 256, 3)).copy()
        return best[1], clean

    # The tests; each returns rows of (figure, value, goal)

    def retrieval(self):
        names = [c.name for c in self.composer.concepts][::self.share]
        pictures = self._paint('retrieval', [self._noun(n) for n in names], 10_000)
        size, x, y = self.composer.spot('square', 'white')
        references = self._alone(self.composer.background('white', 'square'), size, x, y)
        order = ranks(np.concatenate([self._cut(p, size, x, y) for p in pictures]), references)
        wanted = np.array([self.names[n] for n in names])
        self.misses = [names[i] for i in np.flatnonzero(order[:, 0] != wanted)]
        shuffled = np.roll(wanted, 17)
        return [('nearest-neighbour retrieval, top 1', float((order[:, 0] == wanted).mean()), 0.96), ('the same with shuffled answers (control)', float((order[:, 0] == shuffled).mean()), None)]

    def backgrounds(self):
        rows = self._rows('backgrounds')
        pictures = self._paint('backgrounds', [f'{self._noun(o)} {self._words(b)}' for o, b in rows], 20_000)
        good_ground, good_object = [], []
        for (name, background), picture in zip(rows, pictures):
            spot = self.composer.spot('square', background)
            found, clean = self._ground(picture, [spot])
            good_ground.append(found == background)
            size, x, y = spot
            order = ranks(self._cut(picture, size, x, y), self._alone(clean, size, x, y))
            good_object.append(order[0, 0] == self.names[name])
        both = np.array(good_ground) & np.array(good_object)
        return [('held-out backgrounds: background and object right', float(both.mean()), 0.95), ('… background right', float(np.mean(good_ground)), None), ('… object top 1', float(np.mean(good_object)), None)]

    def dyes(self):
        rows = self._rows('dyes')
        pictures = self._paint('dyes', [self._noun(o, c) for o, c in rows], 30_000)
        white = self.composer.background('white', 'square')
        size, x, y = self.composer.spot('square', 'white')
        good_color, good_object = [], []
        references = {color: self._alone(white, size, x, y, color, self.composer.dyeable) for color in DYES}
        for (name, color), picture in zip(rows, pictures):
            cut, concept = self._cut(picture, size, x, y), self.names[name]
            own = np.concatenate([self._alone(white, size, x, y, c, [concept]) for c in (*DYES, None)])
            good_color.append(ranks(cut, own)[0, 0] == list(DYES).index(color))
            good_object.append(self.composer.dyeable[ranks(cut, references[color])[0, 0]] == concept)
        both = np.array(good_color) & np.array(good_object)
        return [('recoloured objects, held out: colour and object right', float(both.mean()), 0.80), ('… colour right', float(np.mean(good_color)), None), ('… object top 1 among all, dyed alike', float(np.mean(good_object)), None)]

    def counts(self):
        out = []
        for key, label in (('seenCounts', 'counts 1–4, seen'), ('counts', 'counts 2–4, held out')):
            rows = self._rows(key)
            prompts = [f'{NUMBERS[n]} {plural(o) if n > 1 else o}' for o, n in rows]
            pictures = self._paint(key, prompts, 40_000 if key == 'counts' else 45_000)
            found = [components((picture.min(-1) < 215), 220) for picture in pictures]
            self.count_misses = [f'{p}: {f}' for p, f, (_, n) in zip(prompts, found, rows) if f != n]
            out.append((label, float(np.mean([f == n for f, (_, n) in zip(found, rows)])), len(rows)))
        total = sum(v * n for _, v, n in out) / sum(n for *_, n in out)
        return [('counts 1–4 by connected components', total, 0.90), *((f'… {label}', value, None) for label, value, _ in out)]

    def _pair(self, picture: np.ndarray, a: str, b: str, places, clean: np.ndarray) -> tuple[bool, bool]:
        """Whether both objects are in the top 5 at a place of their own, and whether each stands at its own."""
        i, j = self.names[a], self.names[b]
        position, distance = {}, {}
        for side, (x, y) in enumerate(places):
            references = self._alone(clean, 116, x, y)
            cut = self._cut(picture, 116, x, y)
            order = ranks(cut, references)[0]
            gap = np.square(shrink(cut) - shrink(references)).sum(1)
            for concept in (i, j):
                position[side, concept] = int(np.flatnonzero(order == concept)[0])
                distance[side, concept] = float(gap[concept])
        right = position[0, i] < 5 and position[1, j] < 5
        crossed = position[1, i] < 5 and position[0, j] < 5
        return right or crossed, distance[0, i] + distance[1, j] < distance[1, i] + distance[0, j]

    def pairs(self):
        rows = self._rows('pairs')
        templates = ('{0} and {1}', '{0} to the left of {1}', '{0} next to {1}', '{1} to the right of {0}')
        prompts = [templates[k % 4].format(self._noun(a), self._noun(b)) for k, (a, b) in enumerate(rows)]
        pictures = self._paint('pairs', prompts, 50_000)
        white = self.composer.background('white', 'square')
        judged = [self._pair(p, a, b, self.composer.places('square', 2), white) for p, (a, b) in zip(pictures, rows)]
        return [('held-out pairs: both objects in the top 5', float(np.mean([j[0] for j in judged])), 0.90), ('… left and right in the right place', float(np.mean([j[1] for j in judged])), 0.90)]

    def pairs_on_backgrounds(self):
        rows = self._rows('pairsOnBackgrounds')
        prompts = [f'{self._noun(a)} and {self._noun(b)} {self._words(g)}' for a, b, g in rows]
        pictures = self._paint('pairsOnBackgrounds', prompts, 60_000)
        good, ground = [], []
        for (a, b, background), picture in zip(rows, pictures):
            places = self.composer.places('square', 2, background)
            found, clean = self._ground(picture, [(116, x, y) for x, y in places])
            ground.append(found == background)
            good.append(found == background and self._pair(picture, a, b, places, clean)[0])
        return [('held-out pairs on held-out backgrounds: all three right', float(np.mean(good)), 0.80), ('… background right', float(np.mean(ground)), None)]

    def reconstruction(self):
        composer = Composer(31_337, {**self.held_out, 'pairs': [], 'backgrounds': [], 'pairsOnBackgrounds': [], 'counts': [], 'dyes': []})
        pictures = []
        for a, b in self._rows('pairs'):
            pictures.append(composer.draw(composer.pair_plan(self.names[a], self.names[b], '')))
        for name, background in self._rows('backgrounds'):
            pictures.append(composer.draw(composer._alone('scene', 'square', self.names[name], '', background)))
        for a, b, background in self._rows('pairsOnBackgrounds'):
            pictures.append(composer.draw(composer.pair_plan(self.names[a], self.names[b], '', background)))
        for name, color in self._rows('dyes'):
            pictures.append(composer.draw(composer._alone('dye', 'square', self.names[name], '', 'white', color)))
        for name, n in self._rows('counts'):
            pictures.append(composer.draw(Plan('', 'count', 'square', tuple(Thing(self.names[name], 116, x, y) for x, y in composer.places('square', n)))))
        held = np.stack(pictures)
        again = self.painter.decode(self.painter.encode(held))
        values = psnr(torch.from_numpy(again), torch.from_numpy(held))
        overall = 10 * np.log10(255**2 / np.square(again.astype(np.float32) - held).mean())
        strangers = Sprites('strangers')
        unseen = []
        for i in range(0, strangers.count, self.share):
            canvas = composer.background('white', 'square')
            paste(canvas, strangers.get(i, 192), 128, 128)
            unseen.append(canvas)
        unseen = np.stack(unseen)
        other = psnr(torch.from_numpy(self.painter.decode(self.painter.encode(unseen))), torch.from_numpy(unseen))
        pick = [int(i) for i in np.linspace(0, len(held) - 1, 24)]
        self.shown['reconstruction'] = [('', p) for i in pick for p in (held[i], again[i])]
        self.shown['strangers'] = [('', p) for i in range(0, len(unseen), max(1, len(unseen) // 12)) for p in (unseen[i], self.painter.decode(self.painter.encode(unseen[i:i + 1]))[0])][:24]
        return [('autoencoder on held-out pictures, mean PSNR in dB', float(values.mean()), 27.0), ('… PSNR over all their pixels, dB', float(overall), None), ('… art never seen in training, mean PSNR in dB', float(other.mean()), None)]

    def worn_and_held(self):
        rows = [('wearing', r) for r in self._rows('wearing')] + [('holding', r) for r in self._rows('holding')]
        self._paint('worn', [f'{self._noun(a)} {verb} {self._noun(b)}' for verb, (a, b) in rows], 70_000)
        return []  # for the contact sheet alone: no figure is asked for

    TESTS = ('retrieval', 'backgrounds', 'dyes', 'counts', 'pairs', 'pairs_on_backgrounds', 'reconstruction', 'worn_and_held')

    def run(self) -> list[dict]:
        table = []
        for name in self.TESTS:
            since = time.monotonic()
            for figure, value, goal in getattr(self, name)():
                table.append({'figure': figure, 'value': value, 'goal': goal})
                print(f'{figure:62} {value:8.3f}  {"" if goal is None else f"goal {goal:g} " + ("reached" if value >= goal else "MISSED")}', flush=True)
            print(f'  ({name}: {time.monotonic() - since:.0f} s)', flush=True)
        return table


def run(share: int = 1) -> None:
    judge = Judge(Painter(), share)
    table = judge.run()
    print('not recognised:', ', '.join(judge.misses))
    if share == 1:
        (paths.WORK / 'evaluation.json').write_text(json.dumps({'table': table, 'misses': judge.misses}, indent=1))
        np.savez_compressed(paths.WORK / 'shown.npz', **{k: np.stack([p for _, p in v]) for k, v in judge.shown.items()})
        (paths.WORK / 'shown.json').write_text(json.dumps({k: [c for c, _ in v] for k, v in judge.shown.items()}))
