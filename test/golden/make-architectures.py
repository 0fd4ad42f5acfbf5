"""Golden files of the model families: what transformers, PEFT and torch compute for tiny random models.

    python make-architectures.py [family ...]     writes test/golden/<family>/

README.md says how it was run and what the files hold.
"""

import json
import shutil
import sys
from pathlib import Path

import peft
import torch
from safetensors.torch import save_file
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

HERE = Path(__file__).parent
SHAPE = dict(
    vocab_size=64,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=256,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=None,
)
# Small lengths, so that a context of 40 tokens reaches all three bands of Llama 3.1's scaling.
LLAMA3 = dict(
    rope_type="llama3",
    rope_theta=500.0,
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=32,
)
LONGROPE = dict(
    rope_type="longrope",
    rope_theta=100.0,
    short_factor=[1.0, 1.1, 1.3, 1.7],
    long_factor=[1.0, 2.0, 4.0, 8.0],
)
# name: (config, model, stored type, largest shard in bytes or None)
FAMILIES = {
    "llama": (
        LlamaConfig(**{**SHAPE, "num_key_value_heads": 4}, rms_norm_eps=1e-5),
        LlamaForCausalLM,
        torch.float32,
        None,
    ),
    "llama31": (
        LlamaConfig(**SHAPE, tie_word_embeddings=True, rope_parameters=LLAMA3),
        LlamaForCausalLM,
        torch.bfloat16,
        16_000,
    ),
    "llama-linear-biased": (
        LlamaConfig(
            **SHAPE,
            attention_bias=True,
            mlp_bias=True,
            rope_parameters=dict(rope_type="linear", rope_theta=100.0, factor=4.0),
        ),
        LlamaForCausalLM,
        torch.float16,
        None,
    ),
    "mistral": (
        MistralConfig(**SHAPE, head_dim=16, sliding_window=None, rope_parameters=dict(rope_type="default", rope_theta=1e6)),
        MistralForCausalLM,
        torch.bfloat16,
        None,
    ),
    "qwen2": (
        Qwen2Config(**SHAPE, tie_word_embeddings=True),
        Qwen2ForCausalLM,
        torch.float32,
        None,
    ),
    "qwen3": (
        Qwen3Config(**SHAPE, head_dim=12),
        Qwen3ForCausalLM,
        torch.float16,
        None,
    ),
    "phi3": (
        Phi3Config(**{**SHAPE, "pad_token_id": 0, "num_key_value_heads": 4}, sliding_window=40),
        Phi3ForCausalLM,
        torch.bfloat16,
        None,
    ),
    "phi3-longrope": (
        Phi3Config(
            **{**SHAPE, "pad_token_id": 0, "max_position_embeddings": 512},
            original_max_position_embeddings=64,
            rope_parameters=LONGROPE,
        ),
        Phi3ForCausalLM,
        torch.bfloat16,
        None,
    ),
}
LENGTHS = [9, 17, 13]
PROMPT = 12
GENERATED = 16
OPTIMIZER = dict(learningRate=5e-3, beta1=0.9, beta2=0.98, epsilon=1e-8, weightDecay=0.01, gradientClip=1.5)
STEPS = 10
MARGIN = 5e-3
SEEDS = {"llama31": 200}


def draw(shape, deviation, generator):
    return torch.randn(shape, generator=generator) * deviation


def randomise(model, generator):
    """Weights large enough that every path counts; norms and biases are not what they start as."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.copy_(1 + draw(parameter.shape, 0.2, generator))
            elif name.endswith("bias"):
                parameter.copy_(draw(parameter.shape, 0.3, generator))
            elif "embed" in name:
                parameter.copy_(draw(parameter.shape, 0.5, generator))
            else:
                parameter.copy_(draw(parameter.shape, parameter.shape[1] ** -0.5, generator))


def batch(examples):
    """Right-padded ids and attention mask, and labels with -100 where nothing is trained."""
    longest = max(len(example["ids"]) for example in examples)
    ids = torch.zeros(len(examples), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, -100)
    for row, example in enumerate(examples):
        n = len(example["ids"])
        ids[row, :n] = torch.tensor(example["ids"])
        mask[row, :n] = 1
        for i, trained in enumerate(example["trained"]):
            if trained and i > 0:
                labels[row, i] = example["ids"][i]
    return ids, mask, labels


def loss_of(model, ids, mask, labels):
    logits = model(input_ids=ids, attention_mask=mask).logits
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=-100
    )


@torch.no_grad()
def greedy(model, prompt):
    """The likeliest token again and again, and the smallest lead of a likeliest over its second."""
    ids = list(prompt)
    lead = float("inf")
    for _ in range(GENERATED):
        best = model(input_ids=torch.tensor([ids])).logits[0, -1].topk(2)
        lead = min(lead, (best.values[0] - best.values[1]).item())
        ids.append(best.indices[0].item())
    return ids[len(prompt) :], lead


def stored(folder, model, dtype, shard):
    """Saves in `dtype` and loads again, in float32. Casting back in place would leave rounded rotary buffers."""
    model.to(dtype).save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    (folder / "generation_config.json").unlink(missing_ok=True)
    return type(model).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def make(name, seed):
    config, kind, dtype, shard = FAMILIES[name]
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(seed)
    model = kind(config)
    randomise(model, generator)
    model = stored(folder, model, dtype, shard)

    examples = []
    for length in LENGTHS:
        trained = (torch.rand(length, generator=generator) < 0.6).int()
        trained[0], trained[-1] = 0, 1
        ids = torch.randint(0, SHAPE["vocab_size"], (length,), generator=generator)
        examples.append({"ids": ids.tolist(), "trained": trained.tolist()})
    ids, mask, labels = batch(examples)
    prompt = torch.randint(0, SHAPE["vocab_size"], (PROMPT,), generator=generator).tolist()
    tensors = {}
    longest = torch.tensor([examples[1]["ids"]])
    with torch.no_grad():
        tensors["logits"] = model(input_ids=longest).logits[0]
    base_tokens, base_lead = greedy(model, prompt)

    adapted = peft.get_peft_model(
        model,
        peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", lora_dropout=0.0, task_type="CAUSAL_LM"),
    )
    with torch.no_grad():
        for key, parameter in adapted.named_parameters():
            if "lora_" in key:
                parameter.copy_(draw(parameter.shape, 0.1, generator))
    adapted.eval()
    adapted.peft_config["default"].base_model_name_or_path = name
    adapted.save_pretrained(folder / "adapter")
    (folder / "adapter" / "README.md").unlink(missing_ok=True)
    # PEFT keeps the targets as a set: its order changes from run to run.
    written = folder / "adapter" / "adapter_config.json"
    settings = json.loads(written.read_text())
    settings["target_modules"].sort()
    written.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
    with torch.no_grad():
        tensors["adapterLogits"] = adapted(input_ids=longest).logits[0]
    tokens, lead = greedy(adapted, prompt)
    assert min(lead, base_lead) > MARGIN, f"{name}: a tie, {lead} {base_lead}: take another seed"

    trainable = {key: p for key, p in adapted.named_parameters() if p.requires_grad}
    loss_of(adapted, ids, mask, labels).backward()
    for key, parameter in trainable.items():
        short = key.removeprefix("base_model.model.").replace(".default", "")
        tensors[f"gradient.{short}"] = parameter.grad.clone()
        parameter.grad = None

    optimizer = torch.optim.AdamW(
        trainable.values(),
        lr=OPTIMIZER["learningRate"],
        betas=(OPTIMIZER["beta1"], OPTIMIZER["beta2"]),
        eps=OPTIMIZER["epsilon"],
        weight_decay=OPTIMIZER["weightDecay"],
    )
    losses, norms = [], []
    for _ in range(STEPS):
        loss = loss_of(adapted, ids, mask, labels)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(trainable.values(), OPTIMIZER["gradientClip"])
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        norms.append(norm.item())

    save_file({key: t.float().contiguous() for key, t in tensors.items()}, folder / "golden.safetensors")
    golden = {
        "examples": examples,
        "prompt": prompt,
        "generated": base_tokens,
        "adapterGenerated": tokens,
        "optimizer": OPTIMIZER,
        "losses": losses,
        "gradNorms": norms,
    }
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{name}: {size / 1024:.0f} KiB, lead {min(lead, base_lead):.4f}, loss {losses[0]:.4f} to {losses[-1]:.4f}, norm {norms[0]:.3f} to {norms[-1]:.3f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for position, family in enumerate(FAMILIES):
        if len(sys.argv) == 1 or family in sys.argv[1:]:
            make(family, SEEDS.get(family, 100) + position)
