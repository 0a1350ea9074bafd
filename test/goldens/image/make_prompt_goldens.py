"""Token ids that transformers gives for prompts, by every layout of tokenizer folders.

Usage: python make_prompt_goldens.py     (after make_tiny_pipelines.py; writes prompts.json and tokenizers/bert/ beside this script)
The references: CLIPTokenizerFast (its rules for Unicode; the slow class needs ftfy for the same), T5Tokenizer over sentencepiece itself, T5TokenizerFast, BertTokenizerFast.
"""

import json
from pathlib import Path

import tokenizers
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertTokenizerFast, CLIPTokenizerFast, PreTrainedTokenizerFast, T5Tokenizer, T5TokenizerFast

from tiny_parts import CORPUS

HERE = Path(__file__).parent
PROMPTS = [
    "", " ", "a red fox sleeping in the snow", "A RED Fox,  sleeping\tin\nthe snow!", "don't stop, it's 1990: we're they'll I'd", "photograph 35mm f/1.8 --ar 16:9",
    "café naïve Zürich Ångström", "cafe\u0301 with a combining accent", "ﬁne ligatures, ½ and ① and full-width ＡＢＣ", "Привет, мир", "日本の城 漢字かな交じり", "עברית and العربية",
    "emoji 🦊🌨️ and 👩‍👩‍👧", "a_b-c.d;e?f!g", "?'s and 'tis", "1234567890 3.14", "\u00a0non-breaking\u2003em space\u200b zero width", "x" * 90, "very " * 100 + "long, " * 30 + "prompt",
    "İstanbul ß ẞ", "tabs\t\tand\r\nnew lines", "<|endoftext|> is special", "</s> and <pad> too", "&amp; <b>html</b>", "...---...", "ends with space ",
]  # fmt: skip


def bert() -> Path:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=300, special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    folder = HERE / "tokenizers" / "bert"
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=32, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")
    fast.save_pretrained(folder)
    return folder


def main() -> None:
    sources = [
        ("clip", "models/sd1/tokenizer", CLIPTokenizerFast, 77), ("clip-pad-0", "models/sd2/tokenizer", CLIPTokenizerFast, 77),
        ("t5-spiece", "models/sd3/tokenizer_3", T5Tokenizer, 256), ("t5-json", "models/flux-dev/tokenizer_2", T5TokenizerFast, 512),
        ("bert", str(bert().relative_to(HERE)), PreTrainedTokenizerFast, 32),
    ]  # fmt: skip
    result = {}
    for name, folder, cls, length in sources:
        tokenizer = cls.from_pretrained(HERE / folder)
        rows = []
        for prompt in PROMPTS:
            full = tokenizer(prompt, truncation=False, verbose=False).input_ids
            padded = tokenizer(prompt, truncation=True, padding="max_length", max_length=length).input_ids
            pad = padded[len(full)] if len(full) < length else None
            rows.append({"ids": padded[: min(len(full), length)], "pad": pad, "whole": full})
            assert len(padded) == length
        result[name] = {"folder": folder, "length": length, "rows": rows}
    versions = {"transformers": transformers.__version__, "tokenizers": tokenizers.__version__}
    body = ",\n".join(f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}" for name, value in result.items())
    head = json.dumps({"madeBy": "make_prompt_goldens.py", "versions": versions, "prompts": PROMPTS})
    (HERE / "prompts.json").write_text(head[:-1] + ', "tokenizers": {\n' + body + "\n}}\n")


main()
