"""Golden pictures from a plain Python loop: diffusers' scheduler, torch's CPU noise, the shipped files.

The project's engine must paint the same within 2/255. The pictures and cases.json lie in test/goldens/painter.
"""

import json

import numpy as np
from PIL import Image

from . import paths
from .diffusion import GUIDANCE, GUIDANCE_RESCALE, STEPS
from .pipeline import Painter

FOLDER = paths.REPOSITORY / 'test/goldens/painter'
CASES = (
    {'file': 'cat-and-dog.png', 'prompt': 'a cat and a dog', 'negative': '', 'seed': 42, 'width': 256, 'height': 256},
    {'file': 'fox-in-snow-wide.png', 'prompt': 'a fox in the snow', 'negative': 'a tree', 'seed': 7, 'width': 320, 'height': 192},
)


def build() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    painter, cases = Painter(), []
    for case in CASES:
        picture = painter.paint([case['prompt']], [case['seed']], width=case['width'], height=case['height'], negative=case['negative'])[0]
        again = painter.paint([case['prompt']], [case['seed']], width=case['width'], height=case['height'], negative=case['negative'])[0]
        if np.abs(picture.astype(int) - again).max() > 0:
            raise SystemExit('parity: two runs of one seed differ')
        Image.fromarray(picture).save(FOLDER / case['file'], optimize=True)
        cases.append({**case, 'steps': STEPS, 'guidanceScale': GUIDANCE, 'guidanceRescale': GUIDANCE_RESCALE, 'sampler': 'DDIM'})
    import diffusers
    import onnxruntime
    import torch

    (FOLDER / 'cases.json').write_text(json.dumps({
        'about': 'Made by training/painter: run.py parity. Red, green and blue of every pixel within `tolerance` of 255.', 'tolerance': 2,
        'versions': {'diffusers': diffusers.__version__, 'torch': torch.__version__, 'onnxruntime': onnxruntime.__version__}, 'cases': cases}, indent=2) + '\n')
    print(f'{len(cases)} golden pictures in {FOLDER}')
