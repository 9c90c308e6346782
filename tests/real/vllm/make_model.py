"""Writes a tiny Qwen2 model with random weights, its tokenizer and chat template, to the folder named on the command line."""

import pathlib
import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

out = sys.argv[1]
specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

bpe = Tokenizer(models.BPE())
bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
bpe.decoder = decoders.ByteLevel()
corpus = (p.read_text(errors="ignore") for p in pathlib.Path(pathlib.__file__).parent.glob("*.py"))
bpe.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=4096, special_tokens=specials, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=specials[2], pad_token=specials[0])
tokenizer.chat_template = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
tokenizer.save_pretrained(out)

torch.manual_seed(0)
config = Qwen2Config(
    vocab_size=len(tokenizer),
    hidden_size=256,
    intermediate_size=512,
    num_hidden_layers=4,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=4096,
    bos_token_id=0,
    pad_token_id=0,
    eos_token_id=2,
    dtype="bfloat16",
)
Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(out)
