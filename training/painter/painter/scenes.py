"""Backgrounds: flat colours, and simple scenes drawn from shapes."""

import numpy as np
from PIL import Image, ImageDraw

COLORS = {
    'red': (214, 48, 49), 'orange': (245, 140, 40), 'yellow': (252, 214, 60), 'green': (70, 170, 80), 'blue': (60, 110, 220),
    'light blue': (165, 215, 245), 'purple': (140, 80, 190), 'pink': (250, 160, 195), 'brown': (140, 95, 60), 'grey': (150, 155, 160), 'black': (28, 28, 32),
}
COLOR_WORDS = {name: (name,) for name in COLORS} | {'grey': ('grey', 'gray'), 'light blue': ('light blue', 'pale blue')}

# The words after the object's name; the first is the one the tests use.
SCENES = {
    'sky': ('in the sky', 'in a blue sky with clouds', 'in the clouds'),
    'grass': ('on the grass', 'in a meadow', 'in a field', 'on a lawn', 'in a green field', 'in the garden', 'in a park'),
    'night': ('at night', 'in the night sky', 'under the stars', 'in a starry night', 'in the moonlight'),
    'sea': ('on the sea', 'in the sea', 'in the ocean', 'on the water', 'in a lake'),
    'underwater': ('under water', 'underwater', 'under the sea', 'at the bottom of the sea'),
    'snow': ('in the snow', 'on the snow', 'in winter', 'on a snowy day'),
    'beach': ('on the beach', 'on the sand', 'at the beach'),
    'sunset': ('at sunset', 'at sunrise', 'in front of a sunset', 'in the evening'),
    'space': ('in space', 'in outer space', 'among the stars'),
    'forest': ('in the forest', 'in the woods', 'in front of trees'),
    'rain': ('in the rain', 'on a rainy day', 'in a storm'),
    'city': ('in the city', 'in a city', 'in front of a city', 'on a street'),
    'desert': ('in the desert', 'in the sahara'),
    'room': ('in a room', 'in the living room', 'at home', 'in the house', 'on the floor'),
    'mountains': ('in the mountains', 'in front of mountains', 'on a mountain'),
}
GROUNDED = {'grass', 'snow', 'beach', 'forest', 'city', 'desert', 'room', 'sea', 'mountains'}
VARIANTS = 3


def _vertical(top, bottom, height: int, width: int) -> Image.Image:
    t = np.linspace(0, 1, height)[:, None, None]
    rows = np.asarray(top)[None, None] * (1 - t) + np.asarray(bottom)[None, None] * t
    return Image.fromarray(np.broadcast_to(rows, (height, width, 3)).round().astype(np.uint8).copy())


def _cloud(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, fill=(255, 255, 255)) -> None:
    for dx, dy, s in ((-1.1, 0.2, 0.7), (0, -0.15, 1), (1.1, 0.2, 0.75), (0, 0.3, 0.8)):
        draw.ellipse((x + (dx - s) * r, y + (dy - s) * r, x + (dx + s) * r, y + (dy + s) * r), fill=fill)


def _stars(draw, rng, h, w, count, low=1.5, high=4.0, below=1.0) -> None:
    for _ in range(count):
        x, y, r = rng.uniform(0, w), rng.uniform(0, h * below), rng.uniform(low, high)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 250, 215))


def _hills(draw, rng, h, w, level, fill, bumps=2, rise=0.10) -> None:
    xs = np.linspace(0, w, 60)
    phase = rng.uniform(0, 6.28)
    ys = level * h - rise * h * 0.5 * (1 + np.sin(xs / w * bumps * 3.14 + phase))
    draw.polygon([(0, h), *zip(xs, ys), (w, h)], fill=fill)


def draw_scene(name: str, height: int, width: int, variant: int) -> np.ndarray:
    """uint8 [height, width, 3]; drawn at twice the size so that edges are smooth."""
    rng = np.random.default_rng([list(SCENES).index(name), variant, height, width])
    h, w = height * 2, width * 2
    sky = _vertical((120, 190, 245), (205, 232, 252), h, w)
    if name == 'sky':
        im, d = sky, ImageDraw.Draw(sky)
        for x, y in ((0.15, 0.2), (0.8, 0.15), (0.12, 0.82), (0.88, 0.75)):
            _cloud(d, w * (x + rng.uniform(-0.05, 0.05)), h * (y + rng.uniform(-0.05, 0.05)), h * 0.07)
    elif name == 'grass':
        im, d = sky, ImageDraw.Draw(sky)
        _cloud(d, w * rng.uniform(0.1, 0.35), h * 0.16, h * 0.06)
        _cloud(d, w * rng.uniform(0.65, 0.9), h * 0.22, h * 0.05)
        _hills(d, rng, h, w, 0.66, (120, 195, 90))
        _hills(d, rng, h, w, 0.76, (95, 175, 75))
    elif name == 'night':
        im = _vertical((18, 22, 62), (50, 58, 120), h, w)
        d = ImageDraw.Draw(im)
        _stars(d, rng, h, w, 34)
        x = w * rng.uniform(0.78, 0.86)
        d.ellipse((x - h * 0.09, h * 0.06, x + h * 0.09, h * 0.24), fill=(250, 240, 195))
    elif name == 'sea':
        im, d = sky, ImageDraw.Draw(sky)
        x = w * rng.uniform(0.12, 0.22)
        d.ellipse((x - h * 0.08, h * 0.06, x + h * 0.08, h * 0.22), fill=(255, 225, 110))
        _hills(d, rng, h, w, 0.60, (60, 140, 205), 9, 0.03)
        _hills(d, rng, h, w, 0.80, (45, 120, 190), 7, 0.03)
    elif name == 'underwater':
        im = _vertical((70, 175, 220), (20, 80, 150), h, w)
        d = ImageDraw.Draw(im)
        for _ in range(12):
            x, y, r = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(5, 12)
            d.ellipse((x - r, y - r, x + r, y + r), outline=(200, 235, 250), width=3)
        _hills(d, rng, h, w, 0.95, (225, 200, 140), 3, 0.05)
        for x in (0.08, 0.16, 0.9):
            for k in range(5):
                y = h * (0.92 - 0.07 * k)
                d.ellipse((w * x - 9 + 8 * (-1) ** k, y - 24, w * x + 9 + 8 * (-1) ** k, y + 24), fill=(40, 140, 90))
    elif name == 'snow':
        im = _vertical((150, 185, 220), (210, 225, 240), h, w)
        d = ImageDraw.Draw(im)
        _hills(d, rng, h, w, 0.68, (235, 243, 250))
        _hills(d, rng, h, w, 0.80, (250, 253, 255))
        for _ in range(36):
            x, y, r = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(3, 7)
            d.ellipse((x - r, y - r, x + r, y + r), fill=(255, 255, 255))
    elif name == 'beach':
        im, d = sky, ImageDraw.Draw(sky)
        d.rectangle((0, h * 0.48, w, h), fill=(60, 160, 215))
        _hills(d, rng, h, w, 0.70, (245, 222, 165), 2, 0.06)
        x = w * rng.uniform(0.8, 0.9)
        d.ellipse((x - h * 0.09, h * 0.05, x + h * 0.09, h * 0.23), fill=(255, 225, 100))
    elif name == 'sunset':
        im = _vertical((120, 70, 140), (255, 165, 85), h, w)
        d = ImageDraw.Draw(im)
        x = w * rng.uniform(0.35, 0.65)
        d.ellipse((x - h * 0.2, h * 0.48, x + h * 0.2, h * 0.88), fill=(255, 215, 100))
        _hills(d, rng, h, w, 0.86, (85, 45, 95), 3, 0.08)
    elif name == 'space':
        im = Image.new('RGB', (w, h), (16, 14, 36))
        d = ImageDraw.Draw(im)
        _stars(d, rng, h, w, 60, 1.2, 3.6)
        x, y, r = w * rng.uniform(0.08, 0.16), h * rng.uniform(0.12, 0.2), h * 0.09
        d.ellipse((x - r, y - r, x + r, y + r), fill=(205, 110, 80))
        x, y, r = w * rng.uniform(0.86, 0.94), h * rng.uniform(0.8, 0.9), h * 0.07
        d.ellipse((x - r, y - r, x + r, y + r), fill=(110, 150, 215))
    elif name == 'forest':
        im, d = sky, ImageDraw.Draw(sky)
        for k in range(9):
            x, top = w * (k + rng.uniform(0.2, 0.8)) / 9, h * rng.uniform(0.05, 0.25)
            d.rectangle((x - 9, h * 0.6, x + 9, h * 0.8), fill=(110, 75, 45))
            for j in range(3):
                y = top + j * h * 0.13
                d.polygon(((x, y), (x - h * (0.07 + 0.025 * j), y + h * 0.22), (x + h * (0.07 + 0.025 * j), y + h * 0.22)), fill=((35, 110, 60), (45, 130, 70))[k % 2])
        _hills(d, rng, h, w, 0.78, (100, 165, 80))
    elif name == 'rain':
        im = _vertical((105, 115, 135), (150, 160, 175), h, w)
        d = ImageDraw.Draw(im)
        for x in (0.12, 0.5, 0.88):
            _cloud(d, w * (x + rng.uniform(-0.04, 0.04)), h * 0.1, h * 0.09, (225, 228, 235))
        for _ in range(46):
            x, y = rng.uniform(0, w), rng.uniform(h * 0.2, h)
            d.line((x, y, x - 6, y + 26), fill=(190, 215, 245), width=4)
        d.rectangle((0, h * 0.92, w, h), fill=(95, 105, 120))
    elif name == 'city':
        im, d = sky, ImageDraw.Draw(sky)
        x = 0.0
        while x < w:
            b, top = rng.uniform(0.09, 0.15) * w, h * rng.uniform(0.12, 0.5)
            d.rectangle((x, top, x + b - 5, h), fill=((125, 135, 155), (150, 160, 180), (105, 115, 140))[int(x) % 3])
            for wy in np.arange(top + 24, h * 0.74, 64):
                for wx in np.arange(x + 12, x + b - 24, 30):
                    d.rectangle((wx, wy, wx + 15, wy + 34), fill=(250, 235, 160))
            x += b
        d.rectangle((0, h * 0.82, w, h), fill=(90, 92, 98))
    elif name == 'desert':
        im = _vertical((255, 215, 150), (255, 238, 200), h, w)
        d = ImageDraw.Draw(im)
        x = w * rng.uniform(0.75, 0.88)
        d.ellipse((x - h * 0.1, h * 0.06, x + h * 0.1, h * 0.26), fill=(255, 190, 70))
        _hills(d, rng, h, w, 0.66, (235, 185, 110), 2, 0.12)
        _hills(d, rng, h, w, 0.82, (222, 165, 90), 3, 0.08)
    elif name == 'room':
        im = Image.new('RGB', (w, h), (245, 228, 200))
        d = ImageDraw.Draw(im)
        d.rectangle((0, h * 0.78, w, h), fill=(175, 120, 75))
        d.rectangle((0, h * 0.76, w, h * 0.785), fill=(255, 250, 240))
        x = w * rng.uniform(0.06, 0.12)
        d.rectangle((x, h * 0.1, x + h * 0.24, h * 0.38), fill=(150, 205, 245), outline=(255, 255, 255), width=12)
        d.line((x + h * 0.12, h * 0.1, x + h * 0.12, h * 0.38), fill=(255, 255, 255), width=8)
        x = w * rng.uniform(0.8, 0.86)
        d.rectangle((x, h * 0.12, x + h * 0.16, h * 0.3), fill=(215, 110, 90), outline=(120, 80, 50), width=8)
    else:
        im, d = sky, ImageDraw.Draw(sky)
        for x, top, half in ((0.2, 0.18, 0.3), (0.78, 0.12, 0.34), (0.5, 0.28, 0.26)):
            x += rng.uniform(-0.05, 0.05)
            d.polygon(((w * x, h * top), (w * (x - half), h * 0.8), (w * (x + half), h * 0.8)), fill=(125, 135, 155))
            d.polygon(((w * x, h * top), (w * (x - half * 0.25), h * (top + 0.16)), (w * (x + half * 0.25), h * (top + 0.16))), fill=(250, 252, 255))
        _hills(d, rng, h, w, 0.8, (110, 180, 90))
    return np.asarray(im.resize((width, height), Image.Resampling.BOX))
