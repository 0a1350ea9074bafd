"""Makes the tiny random models under tiny/ and the ids that transformers gives for them (tiny-greedy.json).

    python make_tiny_models.py        (packages: training/text/requirements.txt)

Each model has 2 layers and random weights of a wide spread (so that its choices are not all the same token); optimum exports
it with its key-value cache. The tokenizer is a byte-level BPE trained here on a few lines. `llama-fp16` is the Llama graph
with float16 weights, cache and logits; its golden comes from running that very graph without a cache, token by token.
"""

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import transformers
from onnxruntime.transformers.float16 import convert_float_to_float16
from optimum.exporters.onnx import main_export
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

HERE = Path(__file__).resolve().parent
VOCAB, WIDTH, LAYERS, NEW_TOKENS = 384, 32, 2, 40
PROMPTS = ["Hello there, how are you?", "def add(a, b):\n    return a + b\n", "日本 🙂 é — the quick brown fox jumps over the lazy dog. The end"]
CORPUS = ["the quick brown fox jumps over the lazy dog", "Hello there, how are you today?", "def add(a, b): return a + b", "a b c d e f g"]
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
COMMON = dict(vocab_size=VOCAB, bos_token_id=1, eos_token_id=2, pad_token_id=0)
LLAMA_LIKE = dict(
    **COMMON, hidden_size=WIDTH, intermediate_size=48, num_hidden_layers=LAYERS, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256
)
FAMILIES = {
    "llama": transformers.LlamaConfig(**LLAMA_LIKE),
    "qwen2": transformers.Qwen2Config(**LLAMA_LIKE),
    "qwen3": transformers.Qwen3Config(**LLAMA_LIKE, head_dim=16),
    "gemma2": transformers.Gemma2Config(**LLAMA_LIKE, head_dim=16, query_pre_attn_scalar=16, sliding_window=16, tie_word_embeddings=False),
    "gemma3": transformers.Gemma3TextConfig(**LLAMA_LIKE, head_dim=16, query_pre_attn_scalar=16, sliding_window=16, tie_word_embeddings=False),
    "phi3": transformers.Phi3Config(**LLAMA_LIKE),
    "mistral": transformers.MistralConfig(**LLAMA_LIKE, sliding_window=16),
    "gpt2": transformers.GPT2Config(**COMMON, n_embd=WIDTH, n_layer=LAYERS, n_head=4, n_positions=256),
    "opt": transformers.OPTConfig(
        **COMMON, hidden_size=WIDTH, ffn_dim=48, num_hidden_layers=LAYERS, num_attention_heads=4, max_position_embeddings=256, word_embed_proj_dim=WIDTH
    ),
}


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=VOCAB, special_tokens=specials, initial_alphabet=alphabet, show_progress=False))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|pad|>", clean_up_tokenization_spaces=False, model_max_length=256
    )
    fast.chat_template = CHATML
    return fast


def random_model(name: str, config) -> torch.nn.Module:
    torch.manual_seed(sum(map(ord, name)))
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.35)
    return model


def greedy(model, prompt: list[int]) -> list[int]:
    with torch.inference_mode():
        ids = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long), max_new_tokens=NEW_TOKENS, do_sample=False)
    return ids[0, len(prompt) :].tolist()


def greedy_of_graph(path: Path, prompt: list[int]) -> list[int]:
    session, ids = onnxruntime.InferenceSession(str(path)), list(prompt)
    while len(ids) < len(prompt) + NEW_TOKENS:
        feeds = {
            "input_ids": np.array([ids], np.int64),
            "attention_mask": np.ones((1, len(ids)), np.int64),
            "position_ids": np.arange(len(ids), dtype=np.int64)[None],
        }
        wanted = {}
        for port in session.get_inputs():
            empty = np.zeros([1, *[size if isinstance(size, int) else 0 for size in port.shape[1:]]], np.float16)
            wanted[port.name] = feeds.get(port.name, empty)
        ids.append(int(session.run(["logits"], wanted)[0][0, -1].astype(np.float32).argmax()))
        if ids[-1] == 2:
            break
    return ids[len(prompt) :]


def main() -> None:
    tokenizer, golden = tiny_tokenizer(), {"prompts": PROMPTS, "promptIds": [], "maxTokens": NEW_TOKENS, "ids": {}}
    golden["promptIds"] = [tokenizer(prompt).input_ids for prompt in PROMPTS]
    target = HERE / "tiny"
    shutil.rmtree(target, ignore_errors=True)
    for name, config in FAMILIES.items():
        model = random_model(name, config)
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(f"{folder}/torch")
            tokenizer.save_pretrained(f"{folder}/torch")
            main_export(f"{folder}/torch", f"{folder}/onnx", task="text-generation-with-past", do_validation=False)
            reloaded = transformers.AutoModelForCausalLM.from_pretrained(f"{folder}/torch", attn_implementation="eager").eval()
            golden["ids"][name] = [greedy(reloaded, ids) for ids in golden["promptIds"]]
            keep(Path(folder) / "onnx", target / name)
        print(name, [len(set(ids)) for ids in golden["ids"][name]])
    keep(target / "llama", target / "llama-fp16")
    half = convert_float_to_float16(onnx.load(target / "llama" / "model.onnx"), keep_io_types=False, disable_shape_infer=True)
    onnx.save(half, target / "llama-fp16" / "model.onnx")
    golden["ids"]["llama-fp16"] = [greedy_of_graph(target / "llama-fp16" / "model.onnx", ids) for ids in golden["promptIds"]]
    no_decoder = onnx.parser.parse_model('<ir_version: 9, opset_import: ["" : 18]> g (float[n] x) => (float[n] y) { y = Abs(x) }')
    onnx.save(no_decoder, HERE / "no-decoder.onnx")
    (HERE / "tiny-greedy.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")


def keep(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for name in ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "model.onnx"):
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)


if __name__ == "__main__":
    main()
