/** A stream in pieces, each as soon as it weighs `limit`: for what works faster on many items at once. */
export async function* batchesOf<T>(
  items: AsyncIterable<T>,
  limit: number,
  weightOf: (item: T) => number = () => 1,
): AsyncGenerator<T[]> {
  let batch: T[] = [];
  let weight = 0;
  for await (const item of items) {
    batch.push(item);
    weight += weightOf(item);
    if (weight < limit) continue;
    yield batch;
    batch = [];
    weight = 0;
  }
  if (batch.length > 0) yield batch;
}
