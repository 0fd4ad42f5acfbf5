/** Addresses that lead into the user's own network, their machine or nowhere. */
import { BlockList, isIP } from "node:net";

const IPV4: readonly (readonly [net: string, bits: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  // Multicast, reserved and broadcast.
  ["224.0.0.0", 3],
];
const IPV6: readonly (readonly [net: string, bits: number])[] = [
  // Unspecified, loopback, and IPv4 addresses in their two old spellings: ::10.0.0.1, ::ffff:10.0.0.1.
  ["::", 96],
  ["::ffff:0:0", 96],
  ["100::", 64],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 9],
  ["ff00::", 8],
];

/** Two lists: in one, `::ffff:0:0/96` would match every IPv4 address. */
function makeLists(): { ipv4: BlockList; ipv6: BlockList } {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const [net, bits] of IPV4) {
    lists.ipv4.addSubnet(net, bits);
    // NAT64 (RFC 6052): the last 32 bits are an IPv4 address.
    lists.ipv6.addSubnet(`64:ff9b::${net}`, 96 + bits, "ipv6");
  }
  for (const [net, bits] of IPV6) lists.ipv6.addSubnet(net, bits, "ipv6");
  return lists;
}

let lists: ReturnType<typeof makeLists> | undefined;

/** Of an IPv4 or IPv6 address in its usual spelling; anything else counts as private. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return true;
  lists ??= makeLists();
  return family === 6 ? lists.ipv6.check(address, "ipv6") : lists.ipv4.check(address);
}
