"""Draws every concept once at each size a composition uses, and keeps the result in one file."""

import io
import json

import numpy as np

from . import paths
from .concepts import Concept, load_concepts

SIZES = (244, 192, 160, 116, 80)  # big; alone; in the autoencoder's collages only; one of two to four, a thing worn or held; one of five, a small one
CANVAS = 256


def _render(svg: str, size: int) -> np.ndarray:
    import resvg_py
    from PIL import Image

    data = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size))
    return np.asarray(Image.open(io.BytesIO(data)).convert('RGBA'))


def build_sprites(icons_wanted: list[str], name: str) -> None:
    """Writes WORK/NAME.npz: for each size an array [icons, size, size, 4] of uint8 RGBA, straight alpha."""
    pack = json.loads((paths.ART / '@iconify-json/fluent-emoji-flat/icons.json').read_text())
    bodies = [pack['icons'][icon]['body'] for icon in icons_wanted]
    arrays = {}
    for size in SIZES:
        arrays[f's{size}'] = np.stack([
            _render(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="{size}" height="{size}">{body}</svg>', size) for body in bodies])
    paths.WORK.mkdir(parents=True, exist_ok=True)
    np.savez(paths.WORK / f'{name}.npz', **arrays)


def build() -> None:
    concepts = load_concepts()
    build_sprites([c.icon for c in concepts], 'sprites')
    used = {c.icon for c in concepts}
    pack = json.loads((paths.ART / '@iconify-json/fluent-emoji-flat/icons.json').read_text())['icons']
    # Art the autoencoder never sees in training: every ninth icon that no concept uses and that has no skin tone.
    strangers = [i for i in sorted(pack) if i not in used and not any(t in i for t in ('-dark', '-light', '-medium', 'button', 'oclock', 'thirty', 'flag'))][::9][:96]
    build_sprites(strangers, 'strangers')


class Sprites:
    """All sprites in memory. `get(concept, size)` is uint8 [size, size, 4]."""

    def __init__(self, name: str = 'sprites') -> None:
        with np.load(paths.WORK / f'{name}.npz') as data:
            self._by_size = {size: data[f's{size}'] for size in SIZES}
        self.count = len(self._by_size[192])

    def get(self, index: int, size: int) -> np.ndarray:
        return self._by_size[size][index]

    def box(self, index: int, size: int) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of what is drawn."""
        alpha = self.get(index, size)[..., 3] > 40
        ys, xs = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
        return int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1


__all__ = ['SIZES', 'CANVAS', 'Sprites', 'build', 'Concept']
