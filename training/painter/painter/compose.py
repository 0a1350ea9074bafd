"""Composes captioned pictures from sprites: the training set, drawn afresh whenever it is asked for.

Every place is a multiple of 32 px, the size of a latent cell, and a thing that stands alone has one size whatever is
behind it, and so has one of two to four: it looks alike to the model wherever it stands, and is learned once. A jitter of a few pixels keeps two seeds apart.
"""

import json
from dataclasses import dataclass, field

import numpy as np

from . import paths
from .concepts import BARE, Concept, load_concepts, with_article
from .scenes import COLOR_WORDS, COLORS, GROUNDED, SCENES, VARIANTS, draw_scene
from .sprites import Sprites

SHAPES = {'square': (256, 256), 'wide': (192, 320), 'tall': (320, 192)}
DYES = {'red': (225, 50, 50), 'orange': (250, 140, 30), 'yellow': (250, 205, 40), 'green': (60, 175, 75), 'blue': (50, 115, 230), 'purple': (145, 75, 200), 'pink': (250, 120, 180), 'black': (62, 62, 68)}
DYE_WORDS = {name: (name,) for name in DYES} | {'yellow': ('yellow', 'golden'), 'purple': ('purple', 'violet')}
NUMBERS = {1: 'one', 2: 'two', 3: 'three', 4: 'four', 5: 'five'}
HATS = ('crown', 'top hat', 'graduation cap', 'cap', 'helmet', 'sun hat')
EYEWEAR = ('glasses', 'sunglasses')
HEADS = ('monkey', 'dog', 'wolf', 'fox', 'raccoon', 'cat', 'lion', 'tiger', 'cow', 'pig', 'mouse', 'hamster', 'rabbit', 'bear', 'polar bear', 'koala', 'panda', 'frog',
         'smiley', 'ghost', 'alien', 'robot', 'skull', 'poop', 'clown', 'snowman', 'jack-o-lantern', 'owl', 'penguin', 'apple', 'orangutan', 'gorilla', 'teddy bear', 'unicorn', 'horse')
MOUNTS = ('bicycle', 'skateboard', 'motorcycle', 'moped', 'scooter', 'horse', 'elephant', 'dolphin', 'car', 'rocket', 'sled', 'turtle', 'tractor', 'whale', 'sailboat', 'cloud', 'dinosaur', 'giraffe', 'camel', 'race car')
SMALL_GROUPS = ('food-drink', 'activities', 'objects', 'plant-flower')
DYE_GROUPS = ('animals-nature', 'food-drink', 'travel-places', 'activities', 'objects')
IRREGULAR = {'mouse': 'mice', 'computer mouse': 'computer mice', 'goose': 'geese', 'sheep': 'sheep', 'fish': 'fish', 'tropical fish': 'tropical fish', 'deer': 'deer', 'man': 'men', 'woman': 'women', 'tooth': 'teeth',
             'wolf': 'wolves', 'knife': 'knives', 'leaf': 'leaves', 'maple leaf': 'maple leaves', 'old man': 'old men', 'old woman': 'old women', 'moose': 'moose', 'bison': 'bison', 'squid': 'squid', 'shrimp': 'shrimp',
             'loaf of bread': 'loaves of bread', 'elf': 'elves', 'scarf': 'scarves', 'ox': 'oxen', 'santa claus': 'santa clauses'}


def plural(phrase: str) -> str:
    if phrase in IRREGULAR:
        return IRREGULAR[phrase]
    head, _, tail = phrase.partition(' of ')
    for cut in (' in ', ' on ', ' with ', ' behind '):
        if cut in phrase:
            head, tail = phrase.split(cut, 1)
            return f'{plural(head)}{cut}{tail}'
    if tail:
        return f'{plural(head)} of {tail}'
    if phrase.endswith(('s', 'x', 'ch', 'sh', 'z')):
        return phrase + 'es'
    if phrase.endswith('y') and phrase[-2] not in 'aeiou':
        return phrase[:-1] + 'ies'
    if phrase in ('tomato', 'potato', 'mosquito', 'mango', 'volcano', 'tornado', 'superhero'):
        return phrase + 'es'
    return phrase + 's'


def dye(sprite: np.ndarray, color: str) -> np.ndarray:
    """Paints a sprite in one colour, keeping light and shade, so that its eyes and lines stay."""
    rgb, alpha = sprite[..., :3].astype(np.float32), sprite[..., 3:]
    light = rgb @ np.array([0.3, 0.59, 0.11], np.float32) / 255
    inside = light[alpha[..., 0] > 128]
    low, high = (np.percentile(inside, 2), np.percentile(inside, 98)) if inside.size else (0.0, 1.0)
    t = np.clip(0.3 * light + 0.7 * (light - low) / max(high - low, 0.15), 0.02, 1)
    # The middle tone of every thing takes the pure colour: an orange fir must not come out brown.
    middle = float(np.clip(np.median(0.3 * inside + 0.7 * (inside - low) / max(high - low, 0.15)), 0.2, 0.8)) if inside.size else 0.5
    t = (t ** (np.log(0.55) / np.log(middle) * 0.6 + 0.4))[..., None]
    base = np.array(DYES[color], np.float32)
    dark, pale = base * 0.22, base + (255 - base) * 0.62
    out = np.where(t < 0.55, dark + (base - dark) * (t / 0.55), base + (pale - base) * ((t - 0.55) / 0.45))
    return np.concatenate([out.round().astype(np.uint8), alpha], -1)


def paste(canvas: np.ndarray, sprite: np.ndarray, cx: float, cy: float) -> None:
    """Blends a sprite into the canvas in place, its centre at (cx, cy); what hangs over the edge is cut off."""
    h, w = sprite.shape[:2]
    x, y = round(cx - w / 2), round(cy - h / 2)
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, canvas.shape[1]), min(y + h, canvas.shape[0])
    part = sprite[y0 - y:y1 - y, x0 - x:x1 - x].astype(np.uint16)
    alpha = part[..., 3:]
    view = canvas[y0:y1, x0:x1]
    view[:] = ((part[..., :3] * alpha + view.astype(np.uint16) * (255 - alpha) + 127) // 255).astype(np.uint8)


@dataclass(frozen=True)
class Thing:
    concept: int
    size: int
    x: float
    y: float
    dye: str | None = None


@dataclass(frozen=True)
class Plan:
    """A picture before it is drawn: what the tests compare with, and what the training forbids."""
    caption: str
    kind: str
    shape: str
    things: tuple[Thing, ...]
    background: str = 'white'  # 'white', 'color:NAME' or 'scene:NAME'
    parts: dict = field(default_factory=dict)


class HeldOut:
    """What no training picture may show; read from the list that was fixed before training."""

    def __init__(self, names: dict[str, int], data: dict | None = None) -> None:
        data = data if data is not None else json.loads(paths.HELD_OUT.read_text())
        self.data = data
        self.pairs = {frozenset((names[a], names[b])) for a, b in data['pairs']}
        self.backgrounds = {(names[a], b) for a, b in data['backgrounds']}
        for row in data['pairsOnBackgrounds']:
            self.pairs.add(frozenset((names[row[0]], names[row[1]])))
            self.backgrounds |= {(names[row[0]], row[2]), (names[row[1]], row[2])}
        self.counts = {(names[a], n) for a, n in data['counts']}
        self.dyes = {(names[a], b) for a, b in data['dyes']}

    def forbids(self, plan: Plan) -> bool:
        concepts = {t.concept for t in plan.things}
        if any((c, plan.background) in self.backgrounds for c in concepts):
            return True
        if any((t.concept, t.dye) in self.dyes for t in plan.things):
            return True
        if plan.kind == 'count' and (plan.things[0].concept, len(plan.things)) in self.counts:
            return True
        return any(pair <= concepts for pair in self.pairs if len(pair) == 2)


MIX = {'single': 7, 'color': 9, 'scene': 18, 'size': 3, 'count': 13, 'pair': 30, 'dye': 11, 'wearing': 3, 'holding': 4, 'riding': 2}
MANNERS = ('cute', 'happy', 'friendly', 'funny', 'spooky', 'beautiful', 'pretty', 'nice', 'smiling', 'sweet', 'lovely', 'cool', 'simple')  # words that change nothing: a prompt is full of them


class Composer:
    def __init__(self, seed: int, held_out: dict | None = None) -> None:
        self.concepts: list[Concept] = load_concepts()
        self.sprites = Sprites()
        self.names = {c.name: c.index for c in self.concepts}
        self.rng = np.random.default_rng(seed)
        self.held_out = HeldOut(self.names, held_out)
        self.heads = [self.names[n] for n in HEADS if n in self.names]
        self.mounts = [self.names[n] for n in MOUNTS if n in self.names]
        self.hats = [self.names[n] for n in HATS if n in self.names]
        self.eyewear = [self.names[n] for n in EYEWEAR if n in self.names]
        self.holders = [c.index for c in self.concepts if c.subgroup in ('animal-mammal', 'face-costume', 'person-role', 'person-fantasy', 'person') or c.name in ('smiley', 'penguin', 'frog', 'owl', 'snowman', 'dinosaur', 't-rex')]
        self.smalls = [c.index for c in self.concepts if (c.group in SMALL_GROUPS or c.subgroup == 'plant-flower' or c.name == 'heart') and c.subgroup not in ('award-medal-x',)]
        self.dyeable = [c.index for c in self.concepts if c.group in DYE_GROUPS and c.name not in ('rainbow', 'black cat', 'yin yang', 'crayon', 'paint palette')]
        self.countable = [c.index for c in self.concepts if c.name not in BARE and not c.name.endswith((' hands', 's'))]
        self._scenes: dict[tuple[str, str, int], np.ndarray] = {}
        self._deck: list[int] = []

    # Chance

    def _next(self) -> int:
        """Deals concepts like cards, so that each comes equally often."""
        if not self._deck:
            self._deck = self.rng.permutation(len(self.concepts)).tolist()
        return self._deck.pop()

    def _one_of(self, items):
        return items[int(self.rng.integers(len(items)))]

    def _phrase(self, concept: int) -> str:
        phrases = self.concepts[concept].phrases
        return phrases[0] if len(phrases) == 1 or self.rng.random() < 0.6 else self._one_of(phrases[1:])

    def _noun(self, concept: int, color: str | None = None) -> str:
        phrase = self._phrase(concept)
        if color:
            while any(word in phrase.split() for word in (*DYES, 'brown', 'gold', 'white', 'green')):
                phrase = self.concepts[concept].name if phrase != self.concepts[concept].name else phrase.split()[-1]
            word = self._one_of(DYE_WORDS[color]) if self.rng.random() < 0.3 else color
            return f'{word} {phrase}' if phrase in BARE else with_article(f'{word} {phrase}')
        return with_article(f'{self._one_of(MANNERS)} {phrase}' if self.rng.random() < 0.05 and phrase not in BARE else phrase)

    def _background(self, scenes: float) -> tuple[str, str]:
        """A background and the words for it."""
        if self.rng.random() < scenes:
            name = self._one_of(list(SCENES))
            words = SCENES[name][0] if self.rng.random() < 0.4 else self._one_of(SCENES[name])
            return f'scene:{name}', words
        name = self._one_of(list(COLORS))
        word = self._one_of(COLOR_WORDS[name])
        article = 'an' if word[0] in 'aeiou' else 'a'
        template = self._one_of((f'on {article} {word} background', f'on {article} {word} background', f'on {word}', f'with {article} {word} background', f'in front of {article} {word} wall'))
        return f'color:{name}', template

    # Plans

    def plan(self, kind: str | None = None, shape: str = 'square') -> Plan:
        while True:
            chosen = kind or self.rng.choice(list(MIX), p=np.array(list(MIX.values())) / sum(MIX.values()))
            if shape != 'square' and chosen in ('size', 'wearing', 'holding', 'riding'):
                chosen = 'single'
            plan = getattr(self, f'_{chosen}')(shape)
            if plan is not None and not self.held_out.forbids(plan):
                return plan

    def spot(self, shape: str, background: str) -> tuple[int, int, int]:
        """Size and centre of a thing that stands alone."""
        height, width = SHAPES[shape]
        grounded = background.startswith('scene:') and background[6:] in GROUNDED
        if shape == 'tall':
            return 192, 96, 192 if grounded else 160
        return 192, width // 2, 160 if grounded and shape == 'square' else height // 2

    def places(self, shape: str, count: int, background: str = 'white', stacked: bool = False) -> list[tuple[int, int]]:
        """Centres for `count` things, in reading order."""
        grounded = background.startswith('scene:') and background[6:] in GROUNDED
        if shape == 'wide':
            return {1: [(160, 96)], 2: [(96, 96), (224, 96)], 3: [(64, 96), (160, 96), (256, 96)], 4: [(40, 96), (120, 96), (200, 96), (280, 96)], 5: [(64, 48), (160, 48), (256, 48), (112, 136), (208, 136)]}[count]
        if shape == 'tall':
            if count == 2 and not stacked:
                return [(48, 160), (144, 160)]
            return {1: [(96, 160)], 2: [(96, 96), (96, 224)], 3: [(96, 64), (96, 160), (96, 256)], 4: [(48, 96), (144, 96), (48, 224), (144, 224)], 5: [(48, 64), (144, 64), (96, 160), (48, 256), (144, 256)]}[count]
        if count == 2:
            if stacked:
                return [(128, 64), (128, 192)]
            y = 160 if grounded else 128
            return [(64, y), (192, y)]
        return {1: [(128, 128)], 3: [(64, 64), (192, 64), (128, 192)], 4: [(64, 64), (192, 64), (64, 192), (192, 192)], 5: [(48, 48), (208, 48), (128, 128), (48, 208), (208, 208)]}[count]

    @staticmethod
    def size_for(shape: str, count: int, stacked: bool = False) -> int:
        return 80 if count == 5 or (shape == 'wide' and count == 4) or (shape == 'tall' and (count == 4 or (count == 2 and not stacked))) else 116

    def _alone(self, kind: str, shape: str, concept: int, caption: str, background: str = 'white', color: str | None = None) -> Plan:
        size, x, y = self.spot(shape, background)
        return Plan(caption, kind, shape, (Thing(concept, size, x, y, color),), background)

    def _single(self, shape: str) -> Plan:
        concept = self._next()
        noun = self._noun(concept)
        bare = noun.split(' ', 1)[1] if noun.startswith(('a ', 'an ')) else noun
        caption = noun if self.rng.random() < 0.72 else self._one_of((bare, f'a picture of {noun}', f'{noun} on a white background', f'the {bare}', f'a drawing of {noun}', f'one {bare}', f'a cute {bare}', f'an emoji of {noun}'))
        return self._alone('single', shape, concept, caption)

    def _color(self, shape: str) -> Plan:
        background, words = self._background(0)
        concept = self._next()
        return self._alone('color', shape, concept, f'{self._noun(concept)} {words}', background)

    def _scene(self, shape: str) -> Plan:
        background, words = self._background(1)
        concept = self._next()
        return self._alone('scene', shape, concept, f'{self._noun(concept)} {words}', background)

    def _size(self, shape: str) -> Plan:
        concept, small = self._next(), self.rng.random() < 0.5
        color = self._one_of(list(DYES)) if self.rng.random() < 0.25 and concept in self.dyeable else None
        noun = self._noun(concept, color).removeprefix('a ').removeprefix('an ')
        word = self._one_of(('small', 'tiny', 'little') if small else ('big', 'large', 'huge', 'giant'))
        return Plan(f'{word} {noun}' if noun in BARE else with_article(f'{word} {noun}'), 'size', shape, (Thing(concept, 80 if small else 244, 128, 128, color),))

    def _count(self, shape: str) -> Plan:
        concept = self._one_of(self.countable)
        count = int(self.rng.choice([1, 2, 3, 4, 5], p=[0.08, 0.24, 0.26, 0.26, 0.16]))
        background, words = self._background(0) if self.rng.random() < 0.12 else ('white', '')
        color = self._one_of(list(DYES)) if self.rng.random() < 0.06 and concept in self.dyeable else None
        word = str(count) if self.rng.random() < 0.12 else NUMBERS[count]
        if count == 2 and self.rng.random() < 0.08:
            word = 'a pair of'
        phrase = self._phrase(concept) if self.rng.random() < 0.3 else self.concepts[concept].name
        noun = phrase if count == 1 else plural(phrase)
        caption = f'{word} {color + " " if color else ""}{noun} {words}'.strip()
        if count == 1:
            return self._alone('count', shape, concept, caption, background, color)
        stacked = shape == 'tall'
        size = self.size_for(shape, count, stacked)
        return Plan(caption, 'count', shape, tuple(Thing(concept, size, x, y, color) for x, y in self.places(shape, count, 'white', stacked)), background)

    def _pair(self, shape: str) -> Plan | None:
        a, b = self._next(), self._one_of(range(len(self.concepts)))
        if a == b:
            return None
        background, words = self._background(0.5) if self.rng.random() < 0.5 else ('white', '')
        dyed = self.rng.random()
        colors = (self._one_of(list(DYES)) if dyed < 0.10 and a in self.dyeable else None, self._one_of(list(DYES)) if dyed < 0.06 and b in self.dyeable else None)
        first, second = self._noun(a, colors[0]), self._noun(b, colors[1])
        stacked = self.rng.random() < 0.2
        if stacked:
            template = self._one_of(('{0} above {1}', '{0} over {1}', '{1} below {0}', '{1} under {0}', '{0} on top of {1}'))
        else:
            template = self._one_of(('{0} and {1}', '{0} and {1}', '{0} and {1}', '{0} next to {1}', '{0} beside {1}', '{0} with {1}', '{0} to the left of {1}', '{0} left of {1}', '{1} to the right of {0}', '{1} right of {0}', '{0} on the left and {1} on the right'))
        caption = f'{template.format(first, second)} {words}'.strip()
        return self.pair_plan(a, b, caption, background, stacked, shape, colors)

    def pair_plan(self, a: int, b: int, caption: str, background: str = 'white', stacked: bool = False, shape: str = 'square', colors=(None, None)) -> Plan:
        size = self.size_for(shape, 2, stacked)
        places = self.places(shape, 2, background, stacked)
        return Plan(caption, 'pair', shape, tuple(Thing(c, size, x, y, color) for c, (x, y), color in zip((a, b), places, colors)), background, {'stacked': stacked})

    def _dye(self, shape: str) -> Plan | None:
        concept, color = self._one_of(self.dyeable), self._one_of(list(DYES))
        if any(phrase.startswith(color) for phrase in self.concepts[concept].phrases) or (color == 'black' and self.concepts[concept].name == 'cat'):
            return None
        background, words = self._background(0.4) if self.rng.random() < 0.2 else ('white', '')
        if background == f'color:{color}':
            return None
        return self._alone('dye', shape, concept, f'{self._noun(concept, color)} {words}'.strip(), background, color)

    def _setting(self) -> tuple[str, str]:
        return self._background(0.5) if self.rng.random() < 0.35 else ('white', '')

    def _wearing(self, shape: str) -> Plan | None:
        wearer = self._one_of(self.heads)
        worn = self._one_of(self.hats) if self.rng.random() < 0.7 else self._one_of(self.eyewear)
        background, words = self._setting()
        verb = self._one_of(('wearing', 'wearing', 'with', 'in'))
        return self.wearing_plan(wearer, worn, f'{self._noun(wearer)} {verb} {self._noun(worn)} {words}'.strip(), background)

    def wearing_plan(self, wearer: int, worn: int, caption: str, background: str = 'white') -> Plan:
        left, top, right, bottom = self.sprites.box(wearer, 192)
        x, y = 128 - 96 + (left + right) / 2, 160 - 96
        if worn in self.hats:
            _, _, _, hat_bottom = self.sprites.box(worn, 116)
            thing = Thing(worn, 116, x, y + top + 0.16 * (bottom - top) - hat_bottom + 58)
        else:
            thing = Thing(worn, 116, x, y + top + 0.47 * (bottom - top))
        return Plan(caption, 'wearing', 'square', (Thing(wearer, 192, 128, 160), thing), background)

    def _holding(self, shape: str) -> Plan | None:
        holder, held = self._one_of(self.holders), self._one_of(self.smalls)
        if holder == held:
            return None
        background, words = self._setting()
        name = self.concepts[held].name
        usual = 'eating' if self.concepts[held].group == 'food-drink' else 'reading' if 'book' in name or name == 'newspaper' else 'holding'
        verb = self._one_of(('holding', 'holding', usual, usual, 'carrying', 'with'))
        return self.holding_plan(holder, held, f'{self._noun(holder)} {verb} {self._noun(held)} {words}'.strip(), background)

    def holding_plan(self, holder: int, held: int, caption: str, background: str = 'white') -> Plan:
        return Plan(caption, 'holding', 'square', (Thing(holder, 192, 96, 128), Thing(held, 116, 192, 192)), background)

    def _riding(self, shape: str) -> Plan | None:
        rider, mount = self._one_of(self.holders), self._one_of(self.mounts)
        if rider == mount:
            return None
        background, words = self._setting()
        verb = self._one_of(('riding', 'riding', 'on', 'riding on'))
        return self.riding_plan(rider, mount, f'{self._noun(rider)} {verb} {self._noun(mount)} {words}'.strip(), background)

    def riding_plan(self, rider: int, mount: int, caption: str, background: str = 'white') -> Plan:
        top = self.sprites.box(mount, 192)[1]
        y = 32 * round(max(64, 160 - 96 + top + 16 - 44) / 32)
        return Plan(caption, 'riding', 'square', (Thing(rider, 116, 128, y), Thing(mount, 192, 128, 160)), background)

    # Drawing

    def background(self, name: str, shape: str, exact: bool = False) -> np.ndarray:
        height, width = SHAPES[shape]
        if name == 'white':
            return np.full((height, width, 3), 255, np.uint8)
        kind, _, which = name.partition(':')
        if kind == 'color':
            shift = 0 if exact else self.rng.integers(-8, 9, 3)
            return np.broadcast_to(np.clip(np.array(COLORS[which]) + shift, 0, 255).astype(np.uint8), (height, width, 3)).copy()
        variant = 0 if exact else int(self.rng.integers(VARIANTS))
        key = (which, shape, variant)
        if key not in self._scenes:
            self._scenes[key] = draw_scene(which, height, width, variant)
        return self._scenes[key].copy()

    def draw(self, plan: Plan, exact: bool = False, jitter: int = 1) -> np.ndarray:
        """uint8 [height, width, 3]. `exact` leaves out every chance, for reference pictures."""
        canvas = self.background(plan.background, plan.shape, exact)
        dx, dy = (0, 0) if exact else self.rng.integers(-jitter, jitter + 1, 2)
        for thing in plan.things:
            sprite = self.sprites.get(thing.concept, thing.size)
            if thing.dye:
                sprite = dye(sprite, thing.dye)
            if plan.kind not in ('wearing', 'holding', 'riding') and not exact:
                dx, dy = self.rng.integers(-jitter, jitter + 1, 2)
            paste(canvas, sprite, thing.x + dx, thing.y + dy)
        return canvas
