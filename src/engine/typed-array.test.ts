import { expect, test } from "vitest";
import { fromHalf, fromHalves, toHalf, typedArray } from "./typed-array.ts";

test("every half-precision number survives the round trip", () => {
  const lost = Array.from({ length: 0x10000 }, (_, bits) => bits).filter((bits) => {
    const number = fromHalf(bits);
    return Number.isNaN(number) ? !Number.isNaN(fromHalf(toHalf(number))) : toHalf(number) !== bits;
  });
  expect(lost).toEqual([]);
});

test("many halves at once are the same numbers as few", () => {
  const every = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
  const many = new Uint16Array(5 * every.length);
  for (let i = 0; i < 5; i++) many.set(every, i * every.length);
  const numbers = fromHalves(many);
  expect(numbers.length).toBe(many.length);
  expect(numbers.slice(0, every.length)).toEqual(fromHalves(every));
  expect(numbers.slice(-every.length)).toEqual(Float32Array.from(every, fromHalf));
});

test("numbers between two halves go to the nearer, ties to the even one", () => {
  for (let bits = 0; bits < 0x7bff; bits += 97) {
    const [low, high] = [fromHalf(bits), fromHalf(bits + 1)];
    const middle = (low + high) / 2;
    expect(toHalf(middle)).toBe(bits % 2 === 0 ? bits : bits + 1);
    expect(toHalf(low + (high - low) * 0.26)).toBe(bits);
    expect(toHalf(low + (high - low) * 0.74)).toBe(bits + 1);
  }
  expect(toHalf(65519)).toBe(0x7bff);
  expect(toHalf(65520)).toBe(0x7c00);
});

test("a wrong length or array class is refused", () => {
  expect(() => typedArray("float32", [2, 2], [1, 2, 3])).toThrow(
    /3 numbers for float32\[2,2\], which holds 4/,
  );
  expect(() => typedArray("int64", [1], new Float32Array(1))).toThrow(
    /int64 data cannot be a Float32Array/,
  );
});
