"""Writes test/golden/lora/: a tiny Llama, adapters saved by PEFT, and what PyTorch computes with them.

    python test/golden/make-lora.py

Made with torch 2.15.0, transformers 5.23.0 and peft 0.21.2 on x86-64. Every adapter gets random A and B, and
DoRA random magnitudes, so that each part counts. `expected.safetensors` of a case holds the logits [1, tokens,
vocab] and `d_<name>`, the gradient of the summed cross-entropy of all tokens but the first.
"""

from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).parent / "lora"
IDS = [3, 17, 5, 22, 9, 1, 14, 8]
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class FixedDropout(torch.nn.Module):
    """Zeroes what a mask in the file says: dropout without the chance in it."""

    def __init__(self, mask, rate):
        super().__init__()
        self.mask, self.rate = mask, rate

    def forward(self, x):
        return x * self.mask / (1 - self.rate)


def base():
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=24, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=16, rms_norm_eps=1e-5, tie_word_embeddings=True,
        rope_theta=10000.0, bos_token_id=None, eos_token_id=None, pad_token_id=None, attn_implementation="eager",
    )
    model = LlamaForCausalLM(config).float()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.copy_(1 + 0.2 * torch.randn_like(parameter))
            else:
                parameter.copy_(torch.randn_like(parameter) * (1.0 if "embed" in name else 0.35))
    return model


CASES = {
    "plain": dict(target_modules=LINEARS),
    "rslora": dict(target_modules=["q_proj", "down_proj"], use_rslora=True),
    "dora": dict(target_modules=LINEARS, use_dora=True),
    "patterns": dict(
        target_modules=r".*layers\.[01]\.(self_attn\.(q|v)_proj|mlp\.(up|down)_proj)",
        rank_pattern={r"layers\.1\.mlp\.(up|down)_proj": 3, "q_proj": 2},
        alpha_pattern={"down_proj": 10, r"model\.layers\.0\.self_attn\.q_proj": 3},
    ),
    "dropout": dict(target_modules=["q_proj", "up_proj"], lora_dropout=0.25),
    "dora-dropout": dict(target_modules=["k_proj", "gate_proj"], lora_dropout=0.25, use_dora=True),
}


def main():
    model = base()
    HERE.mkdir(exist_ok=True)
    model.config.save_pretrained(HERE / "base")
    save_file(
        {name: tensor.contiguous() for name, tensor in model.state_dict().items() if name != "lm_head.weight"},
        HERE / "base" / "model.safetensors",
        metadata={"format": "pt"},
    )
    for case, options in CASES.items():
        model = get_peft_model(
            base(), LoraConfig(r=4, lora_alpha=6, task_type="CAUSAL_LM", **options)
        )
        torch.manual_seed(2)
        expected = {}
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_magnitude" in name:
                    parameter.mul_(1 + 0.3 * torch.rand_like(parameter))
                elif "lora_" in name:
                    parameter.copy_(0.4 * torch.randn_like(parameter))
        if options.get("lora_dropout"):
            for name, module in model.named_modules():
                if name.endswith("_proj") and hasattr(module, "lora_dropout"):
                    mask = (torch.rand(1, len(IDS), module.in_features) >= 0.25).float()
                    module.lora_dropout["default"] = FixedDropout(mask, 0.25)
                    expected["mask_" + name.removeprefix("base_model.model.")] = mask
        model.train()
        ids = torch.tensor([IDS])
        logits = model(ids).logits
        loss = torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="sum")
        loss.backward()
        expected["logits"] = logits.detach()
        expected["loss"] = loss.detach().reshape(1)
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                plain = name.removeprefix("base_model.model.").replace(".default", "")
                expected["d_" + plain.replace("lora_magnitude_vector.weight", "lora_magnitude_vector")] = parameter.grad
        model.save_pretrained(HERE / case)
        (HERE / case / "README.md").unlink()
        save_file(expected, HERE / case / "expected.safetensors")
        print(case, float(loss))


main()
