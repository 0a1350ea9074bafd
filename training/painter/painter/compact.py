"""Stores an ONNX graph's weights small and computes in float32 all the same.

Each big weight becomes an int8 initialiser with one scale per output channel, followed by Cast and Mul (or a float16 one
followed by Cast). ONNX Runtime folds these constants when it loads the graph, so a run costs what the float32 graph
costs, and the only error is the rounding of the weights.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def _channel_axis(graph: onnx.GraphProto, name: str, rank: int) -> int:
    """The axis of a weight that runs over its output channels."""
    for node in graph.node:
        if name in node.input:
            if node.op_type == 'Gemm':
                trans = next((a.i for a in node.attribute if a.name == 'transB'), 0)
                return 0 if trans else 1
            if node.op_type == 'MatMul':
                return rank - 1
            return 0  # Conv, Gather
    return 0


def _round_int8(weight: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric int8 with the scale per channel that makes the squared error least, of a few tried."""
    rest = tuple(a for a in range(weight.ndim) if a != axis)
    peak = np.abs(weight).max(rest, keepdims=True)
    peak[peak == 0] = 1
    best_q, best_scale, best_error = None, None, None
    for shrink in (1.0, 0.95, 0.9, 0.85, 0.8):
        scale = (peak * shrink / 127).astype(np.float32)
        q = np.clip(np.round(weight / scale), -127, 127)
        error = np.square(q * scale - weight).sum(rest, keepdims=True)
        if best_error is None:
            best_q, best_scale, best_error = q, scale, error
        else:
            better = error < best_error
            best_q, best_scale, best_error = np.where(better, q, best_q), np.where(better, scale, best_scale), np.where(better, error, best_error)
    return best_q.astype(np.int8), best_scale.astype(np.float32)


def compact(source: str, target: str, kind: str = 'int8', least: int = 2048, keep=(), half=()) -> None:
    """Writes `source` to `target` with weights of at least `least` numbers stored as `kind` ('int8' or 'float16').
    Weights whose name contains a word of `keep` stay float32, those with a word of `half` become float16."""
    model = onnx.load(source)
    graph = model.graph
    kept, nodes = [], []
    for tensor in graph.initializer:
        weight = numpy_helper.to_array(tensor)
        if weight.dtype != np.float32 or weight.size < least or any(word in tensor.name for word in keep):
            kept.append(tensor)
            continue
        name = tensor.name
        if kind == 'float16' or weight.ndim < 2 or any(word in name for word in half):
            kept.append(numpy_helper.from_array(weight.astype(np.float16), f'{name}_half'))
            nodes.append(helper.make_node('Cast', [f'{name}_half'], [name], to=TensorProto.FLOAT))
            continue
        q, scale = _round_int8(weight, _channel_axis(graph, name, weight.ndim))
        kept += [numpy_helper.from_array(q, f'{name}_int8'), numpy_helper.from_array(scale, f'{name}_scale')]
        nodes += [helper.make_node('Cast', [f'{name}_int8'], [f'{name}_wide'], to=TensorProto.FLOAT),
                  helper.make_node('Mul', [f'{name}_wide', f'{name}_scale'], [name])]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    body = list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes + body)
    onnx.checker.check_model(model)
    onnx.save(model, target)
