"""Draws what docs/painter.md and the model card show: curves, contact sheets, the table of figures."""

import json
import platform
import re
import time

import numpy as np
from PIL import Image

from . import paths
from .concepts import load_concepts
from .diffusion import GUIDANCE, GUIDANCE_RESCALE, STEPS, grid
from .export import checksums
from .pipeline import Painter
from .training import Log

FOLDER = paths.REPOSITORY / 'docs/painter'
PAGE = paths.REPOSITORY / 'docs/painter.md'
VERDICTS = paths.PROJECT / 'newcomer-verdicts.json'
EARLIER = paths.PROJECT / 'earlier-runs.json'  # the figures of the weights that the last run began from, and of those before
# The four pictures of the README; each is made by: fresco imagine "PROMPT" --model pocket-painter --seed SEED
README = (('a cat wearing a top hat', 108), ('a blue dog', 111), ('a fox in the snow', 104), ('a ghost in the forest', 132))
FIRST_NEWCOMER_SEED = 100


def curve(name: str, title: str, rows: list[tuple[float, float]], x_label: str, y_label: str) -> None:
    """A line as a small SVG, without a plotting package."""
    w, h, left, bottom = 640, 300, 56, 44
    xs, ys = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    low, high = float(ys.min()), float(ys.max())
    margin = (high - low) * 0.06 or 1
    low, high = low - margin, high + margin
    px = lambda x: left + (x - xs.min()) / max(float(np.ptp(xs)), 1e-9) * (w - left - 16)
    py = lambda y: h - bottom - (y - low) / (high - low) * (h - bottom - 34)
    points = ' '.join(f'{px(x):.1f},{py(y):.1f}' for x, y in zip(xs, ys))
    ticks = ''.join(f'<text x="{left - 6}" y="{py(v) + 4:.1f}" text-anchor="end">{v:.3g}</text><line x1="{left}" x2="{w - 16}" y1="{py(v):.1f}" y2="{py(v):.1f}" stroke="#ddd"/>' for v in np.linspace(low, high, 5))
    ticks += ''.join(f'<text x="{px(v):.1f}" y="{h - bottom + 18}" text-anchor="middle">{v:,.0f}</text>' for v in np.linspace(xs.min(), xs.max(), 6))
    (FOLDER / f'{name}.svg').write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" font-family="sans-serif" font-size="12" fill="#333"><rect width="{w}" height="{h}" fill="#fff"/>'
        f'<text x="{left}" y="20" font-size="14">{title}</text>{ticks}<polyline fill="none" stroke="#3465c4" stroke-width="2" points="{points}"/>'
        f'<text x="{w / 2}" y="{h - 8}" text-anchor="middle">{x_label}</text><text x="14" y="{h / 2}" text-anchor="middle" transform="rotate(-90 14 {h / 2})">{y_label}</text></svg>\n')


def sheet(name: str, pictures: np.ndarray, columns: int, shrink: int = 2, quality: int = 86) -> None:
    small = pictures if shrink == 1 else pictures.reshape(len(pictures), pictures.shape[1] // shrink, shrink, pictures.shape[2] // shrink, shrink, 3).mean((2, 4)).round().astype(np.uint8)
    path = FOLDER / f'{name}.jpg'
    Image.fromarray(grid(small, columns)).save(path, quality=quality, optimize=True)
    if path.stat().st_size > 300_000:
        raise SystemExit(f'{path.name} is over 300 kB')


def between(page: str, mark: str, text: str) -> str:
    return re.sub(rf'(<!-- {mark} -->).*?(<!-- /{mark} -->)', lambda m: f'{m[1]}\n{text}\n{m[2]}', page, flags=re.S)


def figures_table() -> str:
    rows = json.loads((paths.WORK / 'evaluation.json').read_text())['table']
    errors = json.loads((paths.WORK / 'export-errors.json').read_text())
    earlier = json.loads(EARLIER.read_text())
    lines = [f'| figure | reached | {" | ".join(f"{name} run" for name in reversed(earlier))} | goal | |', f'| --- | --- | {"--- | " * len(earlier)}--- | --- |']

    def line(figure: str, value: str, goal: str, reached: bool | None) -> None:
        before = ' | '.join(run.get(figure, '') for run in reversed(earlier.values()))
        lines.append(f'| {figure} | {value} | {before} | {goal} | {"" if reached is None else "yes" if reached else "**missed**"} |')

    line('concepts', str(len(load_concepts())), '600', len(load_concepts()) >= 600)
    for row in rows:
        value = f'{row["value"]:.2f} dB' if 'dB' in row['figure'] else f'{100 * row["value"]:.1f} %'
        goal = '' if row['goal'] is None else f'{row["goal"]:g} dB' if 'dB' in row['figure'] else f'{100 * row["goal"]:g} %'
        line(row['figure'], value, goal, None if row['goal'] is None else row['value'] >= row['goal'])
    for part, error in errors.items():
        line(f'{part}: ONNX against torch before rounding, largest difference', f'{error["float32_max"]:.1e}', '1e-4', error['float32_max'] <= 1e-4)
        line(f'{part}: as stored, relative error of the output', f'{100 * error["stored_relative"]:.2f} %', '3 %', error['stored_relative'] <= 0.03)
    return '\n'.join(lines)


def newcomers_table() -> str:
    prompts = json.loads(paths.PROMPTS.read_text())['prompts']
    verdicts = json.loads(VERDICTS.read_text())['verdicts'] if VERDICTS.exists() else [['not judged', '']] * len(prompts)
    counts = {k: sum(v[0] == k for v in verdicts) for k in ('works', 'partly', 'fails')}
    lines = [f'{counts["works"]} work, {counts["partly"]} partly, {counts["fails"]} fail (goal: 30 work).', '', '| # | prompt | seed | verdict | what is seen |', '| --- | --- | --- | --- | --- |']
    lines += [f'| {i + 1} | {p} | {FIRST_NEWCOMER_SEED + i} | {v} | {why} |' for i, (p, (v, why)) in enumerate(zip(prompts, verdicts))]
    return '\n'.join(lines)


def speed(painter: Painter) -> str:
    painter.paint(['a cat'], [0])
    times = []
    for seed in range(5):
        since = time.perf_counter()
        painter.paint(['a cat'], [seed])
        times.append(time.perf_counter() - since)
    return f'{min(times):.2f} s at best and {sorted(times)[2]:.2f} s at the median of five, for 20 guided steps in the Python loop with two threads ({platform.machine()}, other work beside it)'


def build() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    painter = Painter()
    # A run that kept what an earlier one had trained has no log of it, and the earlier curve stays.
    for name, log, title, value in (
        ('autoencoder', 'vae', 'Autoencoder, end to end: PSNR on 16 probe pictures', 'psnr'),
        ('decoder', 'decoder', 'Decoder alone, encoder frozen: PSNR on 32 probe pictures', 'psnr'),
        ('sketch', 'sketch', 'Sketch alone: squared error on captions kept aside', 'unseen'),
    ):
        rows = [(r['minutes'], r[value]) for r in Log(log).rows() if 'probe' not in r]
        if rows:
            curve(f'curve-{name}', title, rows, 'minutes', 'dB' if value == 'psnr' else 'error')
    rows = [(r['samples'] / 1000, r['error']) for r in Log('unet').rows() if r['step'] > 100]
    if rows:
        curve('curve-unet', 'UNet: squared error of v (running mean)', rows, 'thousand samples', 'error')
    shown = np.load(paths.WORK / 'shown.npz')
    for key in ('retrieval', 'backgrounds', 'dyes', 'pairs', 'pairsOnBackgrounds', 'counts', 'worn'):
        sheet(key, shown[key], 8)
    sheet('reconstruction', shown['reconstruction'], 8)
    prompts = json.loads(paths.PROMPTS.read_text())['prompts']
    pictures = painter.paint(prompts, [FIRST_NEWCOMER_SEED + i for i in range(len(prompts))])
    sheet('newcomers', pictures, 8)
    np.save(paths.WORK / 'newcomers.npy', pictures)
    wide = painter.paint(['a cat and a dog', 'a castle at night', 'three apples', 'a sailboat on the sea'], [1, 2, 3, 4], width=320, height=192)
    sheet('wide', wide, 4)
    tall = painter.paint(['a cat above a dog', 'a rocket in space', 'three apples', 'a tree on the grass', 'a robot', 'a pink cake'], [1, 2, 3, 4, 5, 6], width=192, height=320)
    sheet('tall', tall, 6)
    for prompt, seed in README:
        Image.fromarray(painter.paint([prompt], [seed])[0]).save(FOLDER / f'{prompt.replace(" ", "-")}-{seed}.png', optimize=True)
    table, time_line = figures_table(), speed(painter)
    if PAGE.exists():
        page = between(between(between(PAGE.read_text(), 'figures', table), 'newcomers', newcomers_table()), 'speed', time_line)
        PAGE.write_text(page)
    write_card(table, time_line)


def write_card(table: str, time_line: str) -> None:
    names = ', '.join(c.name for c in load_concepts())
    sketch, unet = ((Log(name).rows() or [{}])[-1] for name in ('sketch', 'unet'))
    template = (paths.PROJECT / 'model-card.md').read_text()
    values = {'TABLE': table, 'SPEED': time_line, 'CONCEPTS': names, 'COUNT': str(len(load_concepts())), 'STEPS': str(STEPS), 'GUIDANCE': f'{GUIDANCE:g}', 'RESCALE': f'{GUIDANCE_RESCALE:g}',
              'SKETCH_MINUTES': f'{sketch.get("minutes", 0):.0f}', 'UNET_MINUTES': f'{unet.get("minutes", 0):.0f}', 'UNET_SAMPLES': f'{unet.get("samples", 0):,}'}
    for key, value in values.items():
        template = template.replace(f'{{{{{key}}}}}', value)
    (paths.MODEL / 'README.md').write_text(template)
    (paths.MODEL / 'SHA256SUMS').write_text(checksums(paths.MODEL))
