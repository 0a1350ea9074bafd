"""Reads the weights back out of the shipped graphs, so that a new run goes on from the last one when its checkpoints are lost."""

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from . import paths
from .sketch import Sketch
from .training import save_checkpoint
from .unet import make_unet
from .vae import Decoder, Encoder


def _weights(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    """Initialisers in float32 by the names they had before `compact` stored them small."""
    stored = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    out = {}
    for name, value in stored.items():
        if name.endswith('_int8'):
            out[name[:-5]] = value.astype(np.float32) * stored[f'{name[:-5]}_scale']
        elif name.endswith('_half'):
            out[name[:-5]] = value.astype(np.float32)
        elif not name.endswith('_scale'):
            out[name] = value
    return out


def state(name: str, root: str, module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The state of `module` as it lies in the graph `name` under `root`. The exporter renames what it turns or reshapes
    (linear weights, norms); the node that uses one still bears its layer's path. Throws KeyError where one is missing."""
    graph = onnx.load(paths.MODEL / name / 'model.onnx').graph
    weights = _weights(graph)
    for node in graph.node:
        for renamed in (i for i in node.input if i.startswith('onnx::') and i in weights):
            layer = node.name.strip('/').rsplit('/', 1)[0].replace('/', '.').replace('value.value', 'value').replace('.pool', '.pool.positional_embedding' if node.op_type == 'Add' else '.pool')
            value = weights[renamed].T if node.op_type == 'MatMul' else weights[renamed]
            weights[layer if layer.endswith('embedding') else f'{layer}.{"bias" if node.op_type == "Add" else "weight"}'] = value
    shapes = {key: value.shape for key, value in module.state_dict().items()}
    return {key: torch.from_numpy(np.array(weights[f'{root}{key}'])).reshape(shape) for key, shape in shapes.items()}


def build() -> None:
    """Writes the checkpoints `vae`, `sketch` and `unet`, each at the first step of a new schedule."""
    save_checkpoint('vae', {'encoder': state('vae_encoder', 'encoder.', Encoder()), 'decoder': state('vae_decoder', 'decoder.', Decoder()), 'step': 0, 'spent_s': 0.0, 'taken_up': True})
    for name, root, module in (('sketch', 'unet.sketch.', Sketch()), ('unet', 'unet.', make_unet())):
        weights = state('unet', root, module)
        save_checkpoint(name, {'weights': weights, 'average': weights, 'step': 0, 'samples': 0, 'spent_s': 0.0})
