"""Draws captioned pictures, encodes both halves once, and keeps them in shards the UNet trains on."""

import json
import os
import time
from collections.abc import Iterator

import numpy as np
import torch

from . import paths
from .compose import SHAPES, Composer
from .text import TextEncoder
from .training import Threads, load_checkpoint
from .vae import Encoder, to_tensor

FOLDER = paths.WORK / 'latents'
SHARD = 6144
SHARES = {'square': 0.9, 'wide': 0.05, 'tall': 0.05}


def frozen_encoder() -> Encoder:
    encoder = Encoder()
    encoder.load_state_dict(load_checkpoint('vae')['encoder'])
    return encoder.eval().to(memory_format=torch.channels_last)


@torch.inference_mode()
def encode(encoder: Encoder, pictures: np.ndarray) -> np.ndarray:
    """float16 [n, 32, h, w], not yet normalised."""
    out = []
    for start in range(0, len(pictures), 32):
        with torch.autocast('cpu', torch.bfloat16):
            out.append(encoder(to_tensor(pictures[start:start + 32])).float())
    return torch.cat(out).half().numpy()


def write_shard(index: int, encoder: Encoder, text: TextEncoder, size: int = SHARD) -> None:
    composer = Composer(50_000 + index)
    arrays, captions_of = {}, {}
    for shape, share in SHARES.items():
        count, latents, captions = max(1, round(size * share)), [], []
        for start in range(0, count, 256):
            plans = [composer.plan(shape=shape) for _ in range(min(256, count - start))]
            captions += [p.caption for p in plans]
            latents.append(encode(encoder, np.stack([composer.draw(p) for p in plans])))
        arrays[f'{shape}_latents'] = np.concatenate(latents)
        rows = text.ragged(captions)
        arrays[f'{shape}_tokens'] = np.concatenate(rows)
        arrays[f'{shape}_ends'] = np.cumsum([len(r) for r in rows])
        captions_of[shape] = captions
    FOLDER.mkdir(parents=True, exist_ok=True)
    temporary = FOLDER / f'new-{index:04d}.npz'
    np.savez(temporary, **arrays)
    os.replace(temporary, FOLDER / f'shard-{index:04d}.npz')
    (FOLDER / f'captions-{index:04d}.json').write_text(json.dumps(captions_of))
    statistics = FOLDER / 'statistics.json'
    if not statistics.exists():
        z = torch.as_tensor(arrays['square_latents']).float()
        statistics.write_text(json.dumps({'mean': z.mean((0, 2, 3)).tolist(), 'std': z.std((0, 2, 3)).tolist()}))


def build(count: int, minutes: float | None = None) -> None:
    """Writes shards until there are `count`, or until the minutes are over; goes on where it stopped."""
    Threads(1)
    encoder, text, since = frozen_encoder(), TextEncoder(threads=1), time.monotonic()
    for index in range(count):
        if minutes and time.monotonic() - since > minutes * 60:
            return
        if not (FOLDER / f'shard-{index:04d}.npz').exists():
            start = time.monotonic()
            write_shard(index, encoder, text)
            print(f'shard {index}: {SHARD} pictures in {time.monotonic() - start:.0f} s', flush=True)


class Shards:
    """All shards on disk, in memory; `refresh` takes up new ones. Batches are normalised and padded."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._shards: list[dict[str, np.ndarray]] = []
        self._names: set[str] = set()
        self._decks: dict[str, list[tuple[int, int]]] = {shape: [] for shape in SHAPES}
        self.refresh()
        data = json.loads((FOLDER / 'statistics.json').read_text())
        self.mean, self.std = (torch.tensor(data[k]).view(1, -1, 1, 1) for k in ('mean', 'std'))
        self.pictures = 0

    def refresh(self) -> int:
        for path in sorted(FOLDER.glob('shard-*.npz')):
            if path.name not in self._names:
                with np.load(path) as data:
                    self._shards.append({k: data[k] for k in data.files})
                self._names.add(path.name)
        return len(self._shards)

    def each(self, shape: str) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Of every shard: latents float16 [n, 32, h, w], not yet normalised; the texts' rows, one after the other; where each text ends."""
        for shard in self._shards:
            yield shard[f'{shape}_latents'], shard[f'{shape}_tokens'], shard[f'{shape}_ends']

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents float32 [size, 32, h, w] of one shape, and text float32 [size, 24, 384]."""
        shape = str(self._rng.choice(list(SHARES), p=list(SHARES.values())))
        deck = self._decks[shape]
        if len(deck) < size:
            every = [(s, i) for s, shard in enumerate(self._shards) for i in range(len(shard[f'{shape}_latents']))]
            deck.extend(every[i] for i in self._rng.permutation(len(every)))
        picked = [deck.pop() for _ in range(size)] if len(deck) >= size else [deck[i % len(deck)] for i in range(size)]
        latents = torch.from_numpy(np.stack([self._shards[s][f'{shape}_latents'][i] for s, i in picked])).float()
        text = np.zeros((size, 24, 384), np.float32)
        for row, (s, i) in zip(text, picked):
            ends = self._shards[s][f'{shape}_ends']
            tokens = self._shards[s][f'{shape}_tokens'][ends[i - 1] if i else 0:ends[i]]
            row[:len(tokens)] = tokens
        return ((latents - self.mean) / self.std).contiguous(memory_format=torch.channels_last), torch.from_numpy(text)
