import { isIPv4 } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isPrivateAddress } from "./private-address.ts";

test("the machine, its networks, other spellings of them, and what is no address are private", () => {
  for (const address of [
    "127.0.0.1",
    "0.0.0.0",
    "10.255.255.255",
    "172.31.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:192.168.1.1",
    "::127.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "fd00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "localhost",
    "",
  ])
    expect(isPrivateAddress(address), address).toBe(true);
});

test("the rest of the world is not", () => {
  for (const address of [
    "8.8.8.8",
    "172.32.0.1",
    "100.63.0.1",
    "2606:4700::1111",
    "64:ff9b::808:808",
  ])
    expect(isPrivateAddress(address), address).toBe(false);
});

test("NAT64 hides no IPv4 address: it is judged as that address is", () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      expect(isIPv4(address)).toBe(true);
      expect(isPrivateAddress(`64:ff9b::${address}`)).toBe(isPrivateAddress(address));
    }),
  );
});
