"""make_model.py KIND FOLDER: a tiny Qwen2 as FOLDER/KIND.gguf with FOLDER/KIND.Modelfile.

tiny: random weights. The others say what they are made to: attention and MLP are zero, so each token alone decides which one follows.
"""

import json
import os
import pathlib
import sys

import gguf
import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

kind, folder = sys.argv[1], pathlib.Path(sys.argv[2])
LAYERS, WIDTH, HIDDEN, HEADS, KV_HEADS, CONTEXT = 4, 256, 512, 4, 2, 4096
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
bpe = Tokenizer(models.BPE())
bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
corpus = (p.read_text(errors="ignore") for p in sorted(pathlib.Path(os.__file__).parent.glob("*.py")))
bpe.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=4096, special_tokens=SPECIALS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
trained = json.loads(bpe.to_str())["model"]
tokens = [token for token, _ in sorted(trained["vocab"].items(), key=lambda item: item[1])]
merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in trained["merges"]]
ids = {token: n for n, token in enumerate(tokens)}


def of_bytes():
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = list(seen)
    for byte in range(256):
        if byte not in seen:
            seen.append(byte)
            letters.append(256 + len(letters) - 188)
    return dict(zip(seen, map(chr, letters), strict=False))


LETTERS = of_bytes()
words = [ids[t] for t in tokens if t.isascii() and t.isalpha() and len(t) > 2]


def spelt(text):
    return [ids[LETTERS[byte]] for byte in text.encode()]


chain = {
    "stop": words[:12],
    "loop": words[:40],
    "rep": words[:1],
    "utf": spelt("日語大😀éЖцαωبא한ア"),  # no byte twice: a token has one successor
    "reason": spelt("<") + words[:12] + spelt(">") + words[12:24],
}.get(kind)

w = gguf.GGUFWriter(str(folder / f"{kind}.gguf"), "qwen2")
w.add_name(kind)
w.add_context_length(CONTEXT)
w.add_embedding_length(WIDTH)
w.add_block_count(LAYERS)
w.add_feed_forward_length(HIDDEN)
w.add_head_count(HEADS)
w.add_head_count_kv(KV_HEADS)
w.add_layer_norm_rms_eps(1e-6)
w.add_rope_freq_base(1e6)
w.add_file_type(gguf.LlamaFileType.ALL_F32)
w.add_tokenizer_model("gpt2")
w.add_tokenizer_pre("qwen2")
w.add_token_list(tokens)
w.add_token_types([gguf.TokenType.CONTROL if t in SPECIALS else gguf.TokenType.NORMAL for t in tokens])
w.add_token_merges(merges)
w.add_bos_token_id(0)
w.add_eos_token_id(2)
w.add_pad_token_id(0)
w.add_chat_template(CHAT)
rng = np.random.default_rng(0)
kv = WIDTH // HEADS * KV_HEADS


def some(*shape):
    return np.zeros(shape, np.float32) if chain else rng.normal(0, 0.02, shape).astype(np.float32)


embedding = rng.normal(0, 1 if chain else 0.02, (len(tokens), WIDTH)).astype(np.float32)
output = some(len(tokens), WIDTH)
if chain:
    for token, following in zip([ids[LETTERS[10]], *chain], [*chain, chain[0] if kind in ("loop", "rep") else 2], strict=False):
        output[following] += embedding[token]
w.add_tensor("token_embd.weight", embedding)
w.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
w.add_tensor("output.weight", output)
for n in range(LAYERS):
    for norm in ("attn_norm", "ffn_norm"):
        w.add_tensor(f"blk.{n}.{norm}.weight", np.ones(WIDTH, np.float32))
    for name, rows in (("attn_q", WIDTH), ("attn_k", kv), ("attn_v", kv)):
        w.add_tensor(f"blk.{n}.{name}.weight", some(rows, WIDTH))
        w.add_tensor(f"blk.{n}.{name}.bias", np.zeros(rows, np.float32))
    w.add_tensor(f"blk.{n}.attn_output.weight", some(WIDTH, WIDTH))
    w.add_tensor(f"blk.{n}.ffn_gate.weight", some(HIDDEN, WIDTH))
    w.add_tensor(f"blk.{n}.ffn_up.weight", some(HIDDEN, WIDTH))
    w.add_tensor(f"blk.{n}.ffn_down.weight", some(WIDTH, HIDDEN))
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
lines = [f"FROM {folder / kind}.gguf"]
if kind == "tiny":
    lines += ["PARAMETER repeat_penalty 1.8", "PARAMETER repeat_last_n 256"]
if kind == "reason":
    lines.append(
        'TEMPLATE """{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ if .Thinking }}<{{ .Thinking }}>{{ end }}'
        '{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"""'
    )
(folder / f"{kind}.Modelfile").write_text("\n".join(lines) + "\n")
