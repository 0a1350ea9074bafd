"""What every training loop shares: a deadline, checkpoints that survive a kill, a log, pictures made beside the training."""

import json
import multiprocessing
import os
import signal
import time

import numpy as np
import torch

from . import paths


class Clock:
    """Counts the minutes of a run over all its sessions, so that a resumed run keeps its schedule."""

    def __init__(self, minutes: float, spent_s: float = 0.0) -> None:
        self.minutes, self._spent_s, self._since = minutes, spent_s, time.monotonic()

    @property
    def spent_s(self) -> float:
        return self._spent_s + time.monotonic() - self._since

    @property
    def progress(self) -> float:
        return min(1.0, self.spent_s / (self.minutes * 60))


def save_checkpoint(name: str, state: dict) -> None:
    """Written to a temporary name and renamed: a kill at any time leaves a whole checkpoint."""
    paths.WORK.mkdir(parents=True, exist_ok=True)
    path = paths.WORK / f'{name}.pt'
    torch.save(state, f'{path}.new')
    os.replace(f'{path}.new', path)


def load_checkpoint(name: str) -> dict | None:
    path = paths.WORK / f'{name}.pt'
    return torch.load(path, map_location='cpu', weights_only=False) if path.exists() else None


class Log:
    def __init__(self, name: str) -> None:
        paths.WORK.mkdir(parents=True, exist_ok=True)
        self._path = paths.WORK / f'{name}.jsonl'

    def write(self, **row) -> None:
        with self._path.open('a') as file:
            file.write(json.dumps(row) + '\n')
        print(' '.join(f'{k} {v:.4g}' if isinstance(v, float) else f'{k} {v}' for k, v in row.items()), flush=True)

    def rows(self) -> list[dict]:
        return [json.loads(line) for line in self._path.read_text().splitlines()] if self._path.exists() else []


class Threads:
    """One thread while others work on the machine, all cores while it idles.

    Two threads wait for each other at every layer; on a core shared with other work that wait costs more than the
    second thread brings. Looks at the machine's idle time every few seconds.
    """

    def __init__(self, most: int = 2) -> None:
        self._most, self.count, self._seen, self._cpu, self._at = most, 1, self._machine(), time.process_time(), time.monotonic()
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)

    @staticmethod
    def _machine() -> tuple[float, float]:
        try:
            with open('/proc/stat') as file:
                fields = [float(x) for x in file.readline().split()[1:9]]
        except OSError:
            return 0.0, 0.0
        return fields[3] + fields[4], sum(fields)

    def tune(self) -> None:
        now = time.monotonic()
        if now - self._at < 4:
            return
        idle, total = self._machine()
        share = (idle - self._seen[0]) / max(total - self._seen[1], 1)
        mine = (time.process_time() - self._cpu) / (now - self._at)
        self._seen, self._cpu, self._at = (idle, total), time.process_time(), now
        wanted = self._most if (self.count == 1 and share > 0.3) else 1 if (self.count > 1 and mine < 0.8 * self.count) else self.count
        if wanted != self.count:
            self.count = wanted
            torch.set_num_threads(wanted)


def _produce(queue, make_batch, seed: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a child of a loop that traps it would outlive its parent's wish
    os.nice(1)
    torch.set_num_threads(1)
    for batch in make_batch(seed):
        queue.put(batch)


class Stop:
    """Set by SIGTERM or Ctrl-C: the loop ends after its step and saves."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, *_args) -> None:
        self.asked = True


class Producer:
    """Runs a generator of numpy batches in a child process, a few batches ahead."""

    def __init__(self, make_batch, seed: int, ahead: int = 8) -> None:
        context = multiprocessing.get_context('fork')
        self._queue = context.Queue(ahead)
        self._child = context.Process(target=_produce, args=(self._queue, make_batch, seed), daemon=True)
        self._child.start()

    def next(self) -> np.ndarray:
        return self._queue.get(timeout=120)

    def close(self) -> None:
        self._child.terminate()


def warm_then_cosine(progress: float, step: int, peak: float, warm_steps: int = 100, constant: float = 0.0, floor: float = 0.02) -> float:
    """Learning rate: linear warm-up by step, constant until `constant` of the run, then cosine to `floor` of the peak."""
    after = max(0.0, (progress - constant) / (1 - constant))
    return peak * min(1.0, (step + 1) / warm_steps) * (floor + (1 - floor) * 0.5 * (1 + np.cos(np.pi * after)))

