"""Writes a tiny Qwen2 model with random weights, its tokenizer and chat template, as the GGUF file named on the command line."""

import json
import pathlib
import sys

import gguf
import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

LAYERS, WIDTH, HIDDEN, HEADS, KV_HEADS, CONTEXT = 4, 256, 512, 4, 2, 4096
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

bpe = Tokenizer(models.BPE())
bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
corpus = (p.read_text(errors="ignore") for p in sorted(pathlib.Path(pathlib.__file__).parent.glob("*.py")))
alphabet = pre_tokenizers.ByteLevel.alphabet()
bpe.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=4096, special_tokens=SPECIALS, initial_alphabet=alphabet))
trained = json.loads(bpe.to_str())["model"]
tokens = [token for token, _ in sorted(trained["vocab"].items(), key=lambda item: item[1])]
merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in trained["merges"]]
kinds = [gguf.TokenType.CONTROL if token in SPECIALS else gguf.TokenType.NORMAL for token in tokens]

writer = gguf.GGUFWriter(sys.argv[1], "qwen2")
writer.add_name("tiny")
writer.add_context_length(CONTEXT)
writer.add_embedding_length(WIDTH)
writer.add_block_count(LAYERS)
writer.add_feed_forward_length(HIDDEN)
writer.add_head_count(HEADS)
writer.add_head_count_kv(KV_HEADS)
writer.add_layer_norm_rms_eps(1e-6)
writer.add_rope_freq_base(1e6)
writer.add_file_type(gguf.LlamaFileType.ALL_F32)
writer.add_tokenizer_model("gpt2")
writer.add_tokenizer_pre("qwen2")
writer.add_token_list(tokens)
writer.add_token_types(kinds)
writer.add_token_merges(merges)
writer.add_bos_token_id(0)
writer.add_eos_token_id(2)
writer.add_pad_token_id(0)
writer.add_chat_template(TEMPLATE)

generator = np.random.default_rng(0)


def random(*shape):
    return generator.normal(0, 0.02, shape).astype(np.float32)


kv_width = WIDTH // HEADS * KV_HEADS
writer.add_tensor("token_embd.weight", random(len(tokens), WIDTH))
writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
writer.add_tensor("output.weight", random(len(tokens), WIDTH))
for layer in range(LAYERS):
    for norm in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(WIDTH, np.float32))
    for name, rows in (("attn_q", WIDTH), ("attn_k", kv_width), ("attn_v", kv_width)):
        writer.add_tensor(f"blk.{layer}.{name}.weight", random(rows, WIDTH))
        writer.add_tensor(f"blk.{layer}.{name}.bias", np.zeros(rows, np.float32))
    writer.add_tensor(f"blk.{layer}.attn_output.weight", random(WIDTH, WIDTH))
    writer.add_tensor(f"blk.{layer}.ffn_gate.weight", random(HIDDEN, WIDTH))
    writer.add_tensor(f"blk.{layer}.ffn_up.weight", random(HIDDEN, WIDTH))
    writer.add_tensor(f"blk.{layer}.ffn_down.weight", random(WIDTH, HIDDEN))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
