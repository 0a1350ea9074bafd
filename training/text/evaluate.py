"""Compares the ONNX model with its own weights, dequantised to float32, run by transformers' LlamaForCausalLM.

    python evaluate.py [--gguf FILE] [--model FOLDER] [--tokens 64] [--golden FILE]

For each of the 20 prompts in prompts.json the reference writes 64 tokens greedily (past an end token, too); then both
read prompt and answer in one pass (teacher forcing), and at each of the 64 places we compare the choice and take
KL(reference ‖ ours) in nats. Prints a Markdown table; exits with 1 when the mean KL passes 0.001 or a prompt agrees on
fewer than 62 of 64 tokens. --golden writes the reference's five best log-probabilities of the first two prompts.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from convert import default_gguf

KL_LIMIT, AGREEMENT_LIMIT = 0.001, 62


def our_logits(session: onnxruntime.InferenceSession, ids: list[int], keep: int) -> np.ndarray:
    feeds = {
        "input_ids": np.array([ids], np.int64),
        "attention_mask": np.ones((1, len(ids)), np.int64),
        "num_logits_to_keep": np.array(keep, np.int64),
    }
    for port in session.get_inputs():
        if port.name.startswith("past_key_values"):
            feeds[port.name] = np.zeros((1, port.shape[1], 0, port.shape[3]), np.float32)
    return session.run(["logits"], feeds)[0][0]


def main() -> None:
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser()
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--model", type=Path, default=here.parents[1] / "models" / "smollm2-135m-instruct")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--golden", type=Path)
    options = parser.parse_args()
    source = options.gguf or default_gguf()

    tokenizer = PreTrainedTokenizerFast.from_pretrained(options.model)
    reference = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32).eval()
    session = onnxruntime.InferenceSession(str(options.model / "onnx" / "model_q4.onnx"))

    rows, golden = [], []
    for messages in json.loads((here / "prompts.json").read_text()):
        prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True)
        with torch.inference_mode():
            answer = reference.generate(
                torch.tensor([prompt]), max_new_tokens=options.tokens, min_new_tokens=options.tokens, do_sample=False, eos_token_id=None, pad_token_id=2
            )[0].tolist()
            wanted = reference(torch.tensor([answer[:-1]])).logits[0, len(prompt) - 1 :].double()
        ours = torch.from_numpy(our_logits(session, answer[:-1], options.tokens)).double()
        wanted_log, ours_log = wanted.log_softmax(-1), ours.log_softmax(-1)
        kl = (wanted_log.exp() * (wanted_log - ours_log)).sum(-1).mean().item()
        agree = int((wanted.argmax(-1) == ours.argmax(-1)).sum())
        rows.append((messages[-1]["content"], kl, agree, (wanted - ours).abs().max().item()))
        if len(golden) < 2:
            best = wanted_log.topk(5)
            golden.append(
                {"promptIds": prompt, "answerIds": answer[len(prompt) :], "topIds": best.indices.tolist(), "topLogProbabilities": [[round(p, 5) for p in row] for row in best.values.tolist()]}
            )

    print(f"| prompt | mean KL | agreement of {options.tokens} | largest logit difference |\n|---|---|---|---|")
    for text, kl, agree, difference in rows:
        print(f"| {text[:60]} | {kl:.1e} | {agree} | {difference:.1e} |")
    mean, worst = float(np.mean([row[1] for row in rows])), min(row[2] for row in rows)
    print(f"| **all {len(rows)}** | **{mean:.1e}** | **worst {worst}, mean {np.mean([row[2] for row in rows]):.2f}** | {max(row[3] for row in rows):.1e} |")
    if options.golden is not None:
        options.golden.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    if mean > KL_LIMIT or worst < AGREEMENT_LIMIT:
        sys.exit(f"not good enough: mean KL {mean:.6f} (limit {KL_LIMIT}), worst agreement {worst} (limit {AGREEMENT_LIMIT})")


if __name__ == "__main__":
    main()
