/**
 * Folders with real, very small models that read texts: a table of word vectors, the mean over the attention mask, and
 * for a classifier a linear layer on top. Written with the wire format alone, as other exporters write them.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Message } from "../../src/engine/onnx/protobuf.ts";

const FLOAT = 1;
const INT64 = 7;

function tensor(
  name: string,
  type: number,
  dims: readonly number[],
  data: ArrayBufferView,
): Message {
  const message = new Message();
  for (const size of dims) message.integer(1, size);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return message.integer(2, type).string(8, name).bytes(9, bytes);
}

const floats = (name: string, dims: readonly number[], values: readonly number[]): Message =>
  tensor(name, FLOAT, dims, Float32Array.from(values));

/** Float numbers that a file beside the model holds, from its beginning. */
function elsewhere(name: string, dims: readonly number[], location: string): Message {
  const message = new Message();
  for (const size of dims) message.integer(1, size);
  const entry = new Message().string(1, "location").string(2, location);
  return message.integer(2, FLOAT).string(8, name).message(13, entry).integer(14, 1);
}

function value(name: string, type: number, dims: readonly (string | number)[]): Message {
  const shape = new Message();
  for (const size of dims)
    shape.message(
      1,
      typeof size === "string" ? new Message().string(2, size) : new Message().integer(1, size),
    );
  const tensorType = new Message().integer(1, type).message(2, shape);
  return new Message().string(1, name).message(2, new Message().message(1, tensorType));
}

function node(
  type: string,
  inputs: readonly string[],
  output: string,
  attributes: Record<string, number> = {},
): Message {
  const message = new Message();
  for (const input of inputs) message.string(1, input);
  message.string(2, output).string(3, output).string(4, type);
  for (const [name, number] of Object.entries(attributes))
    message.message(5, new Message().string(1, name).integer(3, number).integer(20, 2));
  return message;
}

export interface TextModelSpec {
  /** The vector of each word; all others have none, nor have the special tokens. */
  words: Readonly<Record<string, readonly number[]>>;
  /**
   * `tokens`: a vector for each token, the pooling left to the reader; `sentence`: their mean; `logits`: that times
   * `weights` (a column for each label) plus `bias`.
   */
  output: "tokens" | "sentence" | "logits";
  weights?: readonly (readonly number[])[];
  bias?: readonly number[];
  labels?: readonly string[];
  problem?: string;
  /** Tokens that it reads, special ones included. */
  length?: number;
  inputs?: readonly string[];
  outputName?: string;
  /** Word vectors lie in a file of their own, of this name; the model only names it. */
  weightsIn?: string;
  /** Sizes of the inputs; free where left out. */
  inputShape?: readonly number[];
}

const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];

const tableOf = ({ words }: TextModelSpec): number[] => {
  const vectors = Object.values(words);
  return [...new Array<number>(SPECIAL.length * vectors[0]!.length).fill(0), ...vectors.flat()];
};

function modelBytes(spec: TextModelSpec): Uint8Array {
  const vectors = Object.values(spec.words);
  const size = vectors[0]!.length;
  const rows = SPECIAL.length + vectors.length;
  const table = tableOf(spec);
  const { inputs = ["input_ids", "attention_mask", "token_type_ids"] } = spec;
  const free = ["batch", "sequence"];
  const graph = new Message();
  const nodes = [
    node("Gather", ["table", "input_ids"], "tokens"),
    node("Cast", ["attention_mask"], "ones", { to: FLOAT }),
    node("Unsqueeze", ["ones", "two"], "mask"),
    node("Mul", ["tokens", "mask"], "masked"),
    node("ReduceSum", ["masked", "one"], "sum", { keepdims: 0 }),
    node("ReduceSum", ["mask", "one"], "count", { keepdims: 0 }),
    node("Div", ["sum", "count"], "mean"),
  ];
  const labels = spec.weights?.[0]?.length ?? 0;
  const results = {
    tokens: { name: "last_hidden_state", dims: [...free, size], from: "tokens" },
    sentence: { name: "sentence_embedding", dims: ["batch", size], from: "mean" },
    logits: { name: "logits", dims: ["batch", labels], from: "scores" },
  };
  const { name, dims, from } = results[spec.output];
  if (spec.output === "logits")
    nodes.push(
      node("MatMul", ["mean", "weights"], "products"),
      node("Add", ["products", "bias"], "scores"),
    );
  nodes.push(node("Identity", [from], spec.outputName ?? name));
  for (const each of nodes) graph.message(1, each);
  graph.string(2, "text-model");
  graph.message(
    5,
    spec.weightsIn === undefined
      ? floats("table", [rows, size], table)
      : elsewhere("table", [rows, size], spec.weightsIn),
  );
  graph.message(5, tensor("one", INT64, [1], BigInt64Array.of(1n)));
  graph.message(5, tensor("two", INT64, [1], BigInt64Array.of(2n)));
  if (spec.output === "logits") {
    graph.message(5, floats("weights", [size, labels], spec.weights!.flat()));
    graph.message(5, floats("bias", [labels], spec.bias ?? new Array<number>(labels).fill(0)));
  }
  for (const input of inputs) graph.message(11, value(input, INT64, spec.inputShape ?? free));
  // Whatever is no input of a reader's must be there all the same for the graph to be whole.
  for (const input of ["input_ids", "attention_mask"])
    if (!inputs.includes(input))
      graph.message(5, tensor(input, INT64, [1, 1], BigInt64Array.of(1n)));
  graph.message(12, value(spec.outputName ?? name, FLOAT, dims));
  return new Message()
    .integer(1, 8)
    .string(2, "test")
    .message(7, graph)
    .message(8, new Message().string(1, "").integer(2, 17))
    .finish();
}

/** `tokenizer.json` of a BERT whose words are never split. */
function tokenizerJson(words: readonly string[]): unknown {
  const vocab = Object.fromEntries([...SPECIAL, ...words].map((word, id) => [word, id]));
  const special = (id: string): unknown => ({ SpecialToken: { id, type_id: 0 } });
  return {
    version: "1.0",
    // As exporters leave it there; whoever heeds it cuts every text.
    truncation: { max_length: 4, strategy: "LongestFirst", stride: 0, direction: "Right" },
    padding: {
      strategy: { Fixed: 4 },
      direction: "Right",
      pad_id: 0,
      pad_type_id: 0,
      pad_token: "[PAD]",
    },
    added_tokens: SPECIAL.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [special("[CLS]"), { Sequence: { id: "A", type_id: 0 } }, special("[SEP]")],
      pair: [special("[CLS]"), { Sequence: { id: "A", type_id: 0 } }, special("[SEP]")],
      special_tokens: Object.fromEntries(
        ["[CLS]", "[SEP]"].map((id) => [id, { id, ids: [vocab[id]], tokens: [id] }]),
      ),
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

/** Writes the folder; `at` is where in it the model lies. */
export async function writeTextModel(
  folder: string,
  spec: TextModelSpec,
  at = "model.onnx",
): Promise<string> {
  const files: Record<string, string | Uint8Array> = {
    [at]: modelBytes(spec),
    ...(spec.weightsIn !== undefined && {
      [join(dirname(at), spec.weightsIn)]: new Uint8Array(Float32Array.from(tableOf(spec)).buffer),
    }),
    "config.json": JSON.stringify({
      model_type: "bert",
      max_position_embeddings: spec.length ?? 64,
      ...(spec.labels && { id2label: Object.fromEntries(spec.labels.entries()) }),
      ...(spec.problem !== undefined && { problem_type: spec.problem }),
    }),
    "tokenizer.json": JSON.stringify(tokenizerJson(Object.keys(spec.words))),
    "tokenizer_config.json": JSON.stringify({
      tokenizer_class: "BertTokenizer",
      unk_token: "[UNK]",
      cls_token: "[CLS]",
      sep_token: "[SEP]",
      pad_token: "[PAD]",
      model_max_length: 1e30,
    }),
  };
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}
