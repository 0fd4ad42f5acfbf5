/** Which of many items have one key, found by sorting typed arrays: a map of them would be ten times as large. */

/** Integers that become more, in one typed array. */
export interface IntList {
  readonly length: number;
  push(value: number): void;
  append(values: Int32Array): void;
  /** What is in it so far; valid until more is added. */
  view(): Int32Array;
}

export function createIntList(): IntList {
  let values = new Int32Array(1024);
  let length = 0;
  const grow = (more: number): void => {
    if (length + more <= values.length) return;
    const larger = new Int32Array(Math.max(values.length * 2, length + more));
    larger.set(values);
    values = larger;
  };
  return {
    get length() {
      return length;
    },
    push(value) {
      grow(1);
      values[length++] = value;
    },
    append(more) {
      grow(more.length);
      values.set(more, length);
      length += more.length;
    },
    view: () => values.subarray(0, length),
  };
}

/** Groups of two and more items with one 32-bit key, as ascending indices. */
export function* equalKeys(
  count: number,
  keyOf: (index: number) => number,
): Generator<Uint32Array> {
  // Key in the high half, index in the low one (every platform that we run on is little-endian): sorted as one number.
  const halves = new Uint32Array(2 * count);
  for (let i = 0; i < count; i++) {
    halves[2 * i] = i;
    halves[2 * i + 1] = keyOf(i);
  }
  new BigUint64Array(halves.buffer).sort();
  for (let from = 0; from < count;) {
    const key = halves[2 * from + 1];
    let to = from;
    while (to < count && halves[2 * to + 1] === key) to++;
    if (to - from > 1)
      yield Uint32Array.from({ length: to - from }, (_, k) => halves[2 * (from + k)]!);
    from = to;
  }
}

/** Items that are joined one to another, as groups (union-find with path halving, the smaller index is the root). */
export interface Groups {
  join(a: number, b: number): void;
  /** Groups of two and more, each ascending, in the order of their first members. */
  all(): number[][];
}

export function createGroups(count: number): Groups {
  const parent = Int32Array.from({ length: count }, (_, i) => i);
  const rootOf = (item: number): number => {
    let at = item;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!;
      at = parent[at]!;
    }
    return at;
  };
  return {
    join(a, b) {
      const [x, y] = [rootOf(a), rootOf(b)];
      if (x < y) parent[y] = x;
      else parent[x] = y;
    },
    all() {
      const groups = new Map<number, number[]>();
      for (let i = 0; i < count; i++) {
        const root = rootOf(i);
        if (root === i) continue;
        const group = groups.get(root);
        if (group) group.push(i);
        else groups.set(root, [root, i]);
      }
      return [...groups.values()].toSorted((a, b) => a[0]! - b[0]!);
    },
  };
}
