/** IP addresses as `new URL` spells them (it has normalised decimal, octal, hex and full-width forms), judged as numbers. */
export interface IpAddress {
  version: 4 | 6;
  value: bigint;
}

export interface Network extends IpAddress {
  prefix: number;
}

/** Parses a dotted IPv4 or an IPv6 address, with or without brackets; null for names. */
export function parseIp(text: string): IpAddress | null {
  const host = text.replace(/^\[(.*)\]$/, '$1');
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(host)) return parseV4(host);
  return host.includes(':') ? parseV6(host) : null;
}

/** Parses `address/prefix`; null when either half is wrong. */
export function parseNetwork(text: string): Network | null {
  const match = /^(.+)\/(\d{1,3})$/.exec(text);
  const ip = match ? parseIp(match[1]!) : null;
  if (!match || !ip) return null;
  const prefix = Number(match[2]);
  return prefix <= width(ip) ? { ...ip, prefix } : null;
}

export function inNetwork(ip: IpAddress, network: Network): boolean {
  if (ip.version !== network.version) return false;
  const shift = BigInt(width(ip) - network.prefix);
  return ip.value >> shift === network.value >> shift;
}

/** True for unicast addresses of the public internet (IANA special-purpose registries). */
export function isPublicAddress(ip: IpAddress): boolean {
  const within = (network: Network) => inNetwork(ip, network);
  if (ip.version === 4) return !SPECIAL_V4.some(within);
  // Everything that embeds an IPv4 address (mapped, NAT64, 6to4, Teredo) is outside or carved out of 2000::/3.
  return within(GLOBAL_V6) && !SPECIAL_V6.some(within);
}

const width = (ip: IpAddress) => (ip.version === 4 ? 32 : 128);

const networks = (list: string) => list.split(' ').map((text) => parseNetwork(text)!);

const SPECIAL_V4 = networks(
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 ' +
    '192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4',
);
const GLOBAL_V6 = parseNetwork('2000::/3')!;
const SPECIAL_V6 = networks('2001::/23 2001:db8::/32 2002::/16 3fff::/20');

function parseV4(text: string): IpAddress | null {
  let value = 0n;
  for (const part of text.split('.')) {
    const octet = Number(part);
    if (octet > 255) return null;
    value = (value << 8n) | BigInt(octet);
  }
  return { version: 4, value };
}

function parseV6(text: string): IpAddress | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = groups(halves[0]!);
  const tail = halves.length === 2 ? groups(halves[1]!) : [];
  if (!head || !tail) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  let value = 0n;
  for (const group of [...head, ...new Array<number>(missing).fill(0), ...tail]) {
    value = (value << 16n) | BigInt(group);
  }
  return { version: 6, value };
}

/** 16-bit groups of one side of `::`; a dotted quad at the end counts as two. null when malformed. */
function groups(text: string): number[] | null {
  if (text === '') return [];
  const out: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && part.includes('.')) {
      const v4 = parseIp(part);
      if (v4?.version !== 4) return null;
      out.push(Number(v4.value >> 16n), Number(v4.value & 0xffffn));
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) out.push(Number.parseInt(part, 16));
    else return null;
  }
  return out;
}
