/**
 * TensorBoard's event files: TFRecords (u64 length, masked CRC-32C of the length, data, masked CRC-32C of the
 * data, all little-endian) of `Event` messages (tensorflow/core/util/event.proto) with scalar summaries.
 */
import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFailure } from "../core/atomic-file.ts";
import { Message } from "../engine/onnx/protobuf.ts";
import type { Tracker } from "./tracker.ts";

/** CRC-32C (Castagnoli), reflected polynomial 0x82f63b78, by byte. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** TFRecord stores checksums rotated and shifted, for data that itself holds checksums. */
export function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + 4 + data.length + 4);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return bytes;
}

const event = (step: number): Message =>
  new Message().double(1, Date.now() / 1000).integer(2, step);

/** A new file in `folder` for the steps after `step`; of older files TensorBoard then hides those steps. */
export async function openTensorboard(folder: string, step: number): Promise<Tracker> {
  const path = join(folder, `events.out.tfevents.${Date.now()}.${process.pid}.twainbot`);
  const append = (message: Message): Promise<void> =>
    appendFile(path, record(message.finish())).catch((error: unknown) => {
      throw writeFailure(path, error);
    });
  await mkdir(folder, { recursive: true });
  await append(event(0).string(3, "brain.Event:2"));
  // SessionLog.START at a step: what an interrupted run wrote from there on is void.
  await append(event(step + 1).message(7, new Message().integer(1, 1)));
  return {
    async log(at, scalars) {
      const summary = new Message();
      for (const [tag, number] of Object.entries(scalars))
        summary.message(1, new Message().string(1, tag).float(2, number));
      await append(event(at).message(5, summary));
      return undefined;
    },
    close: () => Promise.resolve(undefined),
  };
}
