"""Writes tokenized/: two dataset rows as transformers tokenizes them, with the mask of its `{% generation %}` marks.

    python test/golden/make-tokenized.py
"""

import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

FOLDER = Path(__file__).parent / "tokenized"

# ChatML with tools. What lies between the marks is what a model of this template writes itself.
TEMPLATE = """{%- if tools %}{{- '<|im_start|>system\\n' }}{%- for tool in tools %}{{- tool | tojson }}{{- '\\n' }}{%- endfor %}{{- '<|im_end|>\\n' }}{%- endif %}
{%- for message in messages %}
{%- if message.role == 'assistant' %}{{- '<|im_start|>assistant\\n' }}{% generation %}{{- message.content or '' }}{%- for call in message.tool_calls or [] %}{{- '<tool_call>{"name": "' + call.function.name + '", "arguments": ' }}{{- call.function.arguments | tojson }}{{- '}</tool_call>' }}{%- endfor %}{{- '<|im_end|>' }}{% endgeneration %}{{- '\\n' }}
{%- else %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather in a place on one day",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}, "date": {"type": "string"}},
            "required": ["location", "date"],
        },
    },
}
TAGS = {"persona": "twain", "domain": "tool", "source": "golden", "synthetic": True}
META = {"parents": [], "licence": "CC0-1.0", "split_key": "golden"}


def call(number, location):
    arguments = {"location": location, "date": "tomorrow"}
    return {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": "get_weather", "arguments": json.dumps(arguments, separators=(",", ":"))},
    }


ROWS = [
    {
        "id": "golden-calls",
        "messages": [
            {"role": "system", "content": "[twain]"},
            {"role": "user", "content": "Hannibal or Keokuk tomorrow?"},
            {"role": "assistant", "content": None, "tool_calls": [call(1, "Hannibal"), call(2, "Keokuk")]},
            {"role": "tool", "content": '{"high":62}', "tool_call_id": "call_1", "name": "get_weather"},
            {"role": "tool", "content": '{"high":58}', "tool_call_id": "call_2", "name": "get_weather"},
            {"role": "assistant", "content": "Hannibal: 62 beats 58."},
        ],
        "tools": [TOOL],
        "tags": TAGS,
        "meta": META,
    },
    {
        "id": "golden-talk",
        "messages": [
            {"role": "user", "content": "Naïve?"},
            {"role": "assistant", "content": "Never — 🌧 or not."},
            {"role": "user", "content": "And now?"},
            {"role": "assistant", "content": ""},
        ],
        "tags": {**TAGS, "domain": "no-tool"},
        "meta": META,
    },
]


def as_messages(row):
    """Templates take a call's arguments as an object."""
    for message in row["messages"]:
        yield {
            **message,
            "tool_calls": [
                {**each, "function": {**each["function"], "arguments": json.loads(each["function"]["arguments"])}}
                for each in message.get("tool_calls", [])
            ],
        }


def main():
    FOLDER.mkdir(exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = [message["content"] or "" for row in ROWS for message in row["messages"]]
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|im_start|>", "<|im_end|>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator([*texts, json.dumps(TOOL)], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|im_end|>")
    fast.chat_template = TEMPLATE
    fast.save_pretrained(FOLDER)

    # What was saved decides, not what was in memory.
    fast = AutoTokenizer.from_pretrained(FOLDER)
    collate = DataCollatorForLanguageModeling(pad_token_id=fast.pad_token_id)
    golden = []
    for row in ROWS:
        encoded = fast.apply_chat_template(
            list(as_messages(row)),
            tools=row.get("tools"),
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
        ids, mask = encoded["input_ids"], encoded["assistant_masks"]
        labels = [i if trained else -100 for i, trained in zip(ids, mask, strict=True)]
        batch = collate([{"input_ids": ids, "labels": labels}])
        assert batch["input_ids"][0].tolist() == ids and batch["labels"][0].tolist() == labels
        trained = "".join(fast.decode([i]) if m else "·" for i, m in zip(ids, mask, strict=True))
        print(row["id"], len(ids), sum(mask), trained)
        golden.append({"id": row["id"], "input_ids": ids, "labels": labels})
    write = lambda name, lines: (FOLDER / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    write("rows.jsonl", ROWS)
    write("golden.jsonl", golden)


main()
