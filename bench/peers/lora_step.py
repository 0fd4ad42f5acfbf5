"""LoRA training steps of transformers + PEFT + PyTorch on the CPU, at the shape of `twainbot bench train`.

Prints one line of JSON: tokens a second (median step) and the peak resident memory of the process.
Random weights, random tokens, float32, LoRA on all linear layers, AdamW, every token but the first trained.
"""

import argparse
import json
import resource
import statistics
import time

import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

parser = argparse.ArgumentParser()
parser.add_argument("--hidden", type=int, default=576)
parser.add_argument("--intermediate", type=int, default=1536)
parser.add_argument("--layers", type=int, default=30)
parser.add_argument("--heads", type=int, default=9)
parser.add_argument("--kv-heads", type=int, default=3)
parser.add_argument("--vocab", type=int, default=49152)
parser.add_argument("--rows", type=int, default=4)
parser.add_argument("--length", type=int, default=512)
parser.add_argument("--rank", type=int, default=16)
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--threads", type=int, default=0)
parser.add_argument("--recompute", action="store_true", help="gradient checkpointing")
args = parser.parse_args()

if args.threads:
    torch.set_num_threads(args.threads)
torch.manual_seed(1)
config = LlamaConfig(
    vocab_size=args.vocab,
    hidden_size=args.hidden,
    intermediate_size=args.intermediate,
    num_hidden_layers=args.layers,
    num_attention_heads=args.heads,
    num_key_value_heads=args.kv_heads,
    max_position_embeddings=args.length,
    tie_word_embeddings=True,
    use_cache=False,
)
model = LlamaForCausalLM(config)
if args.recompute:
    model.gradient_checkpointing_enable()
    model.enable_input_require_grads()
model = get_peft_model(
    model,
    LoraConfig(r=args.rank, lora_alpha=2 * args.rank, target_modules="all-linear", task_type="CAUSAL_LM"),
)
model.train()
optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=1e-4)
ids = torch.randint(0, args.vocab, (args.rows, args.length))


def step() -> float:
    started = time.perf_counter()
    loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return time.perf_counter() - started


step()
seconds = statistics.median(step() for _ in range(args.steps))
print(
    json.dumps(
        {
            "tokensPerSecond": args.rows * args.length / seconds,
            "peakGigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }
    )
)
