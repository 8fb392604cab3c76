/**
 * Answers of a directory (RFC 4511), from bytes. Requests are written by ldapts; its readers are not used, because they
 * trust the lengths they read: six bytes (`64 04 04 00 30 64`) keep its search entry parsing for ever.
 */

/** An element of BER: what it is, and its bytes. Lengths never reach beyond the element that holds it. */
interface Element {
  tag: number;
  value: Uint8Array;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const OCTETS = 0x04;
const ENUMERATED = 0x0a;
const CONTROLS = 0xa0;
const ENTRY = 0x64;
const REFERENCE = 0x73;
/** Operations that end a request, by their tag: bind, search and extended. */
const ENDS = new Set([0x61, 0x65, 0x78]);
const PAGED_RESULTS = '1.2.840.113556.1.4.319';

/** The largest message that is read: what is asked for fits many times, and a larger one is refused at its header. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;

/** One message. `id` 0 is the directory speaking unasked, which it does to hang up. */
export type Message = { id: number } & (
  | { kind: 'entry'; dn: string; attributes: Attributes }
  | { kind: 'reference' }
  | { kind: 'end'; operation: number; code: number; diagnostic: string; cookie: Uint8Array }
);

/** Attribute type in lower case, without options such as `;lang-en` → its values. */
export type Attributes = Map<string, Uint8Array[]>;

/** The bytes are not an answer of a directory. */
export class MalformedMessage extends Error {}

/**
 * The first message of what has arrived, and how many bytes it took; null while it is incomplete.
 * @throws MalformedMessage for what no further byte can turn into a message
 */
export function takeMessage(bytes: Uint8Array): { message: Message; length: number } | null {
  const head = readHeader(bytes, 0);
  if (bytes.length > 0 && bytes[0] !== SEQUENCE) throw new MalformedMessage('not an LDAP message');
  if (!head) return null;
  if (head.end > MAX_MESSAGE_BYTES) throw new MalformedMessage(`a message of ${head.end} bytes`);
  if (bytes.length < head.end) return null;
  return { message: decode(bytes.subarray(head.start, head.end)), length: head.end };
}

function decode(bytes: Uint8Array): Message {
  const [first, operation, controls] = elementsOf(bytes);
  const id = integerOf(first, INTEGER);
  if (!operation) throw new MalformedMessage('a message without an operation');
  if (operation.tag === ENTRY) return { id, kind: 'entry', ...entryOf(operation) };
  if (operation.tag === REFERENCE) return { id, kind: 'reference' };
  if (!ENDS.has(operation.tag)) throw new MalformedMessage(`operation 0x${operation.tag.toString(16)}`);
  const [code, , diagnostic] = elementsOf(operation.value);
  return {
    id,
    kind: 'end',
    operation: operation.tag,
    code: integerOf(code, ENUMERATED),
    diagnostic: textOf(bytesOf(diagnostic, OCTETS)),
    cookie: controls?.tag === CONTROLS ? pageCookie(controls) : new Uint8Array(),
  };
}

function entryOf(operation: Element): { dn: string; attributes: Attributes } {
  const [name, list] = elementsOf(operation.value);
  const attributes: Attributes = new Map();
  for (const item of elementsOf(bytesOf(list, SEQUENCE))) {
    const [type, values] = elementsOf(bytesOf(item, SEQUENCE));
    const key = textOf(bytesOf(type, OCTETS)).toLowerCase().replace(/;.*$/s, '');
    const found = elementsOf(bytesOf(values, SET)).map((value) => bytesOf(value, OCTETS));
    attributes.set(key, [...(attributes.get(key) ?? []), ...found]);
  }
  return { dn: textOf(bytesOf(name, OCTETS)), attributes };
}

/** Where the next page begins; empty after the last one, and where the directory knows no pages. */
function pageCookie(controls: Element): Uint8Array {
  for (const control of elementsOf(controls.value)) {
    const parts = elementsOf(bytesOf(control, SEQUENCE));
    if (textOf(bytesOf(parts[0], OCTETS)) !== PAGED_RESULTS) continue;
    const [page] = elementsOf(bytesOf(parts.at(-1), OCTETS));
    return bytesOf(elementsOf(bytesOf(page, SEQUENCE))[1], OCTETS);
  }
  return new Uint8Array();
}

/** The elements that fill `bytes` exactly. */
function elementsOf(bytes: Uint8Array): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const head = readHeader(bytes, at);
    if (!head || head.end > bytes.length) throw new MalformedMessage('an element that is cut off');
    found.push({ tag: bytes[at]!, value: bytes.subarray(head.start, head.end) });
    at = head.end;
  }
  return found;
}

/** Where an element's value begins and ends; null when the header itself is not all there. */
function readHeader(bytes: Uint8Array, at: number): { start: number; end: number } | null {
  const first = bytes[at + 1];
  if (first === undefined) return null;
  if (first < 0x80) return { start: at + 2, end: at + 2 + first };
  const count = first & 0x7f;
  if (count === 0 || count > 4) throw new MalformedMessage('a length that LDAP does not allow');
  const start = at + 2 + count;
  if (bytes.length < start) return null;
  const length = bytes.subarray(at + 2, start).reduce((sum, byte) => sum * 256 + byte, 0);
  return { start, end: start + length };
}

function bytesOf(element: Element | undefined, tag: number): Uint8Array {
  if (element?.tag !== tag) throw new MalformedMessage('an element of another kind');
  return element.value;
}

/** Message ids and result codes: not negative, and of four bytes at most. */
function integerOf(element: Element | undefined, tag: number): number {
  const bytes = bytesOf(element, tag);
  if (bytes.length < 1 || bytes.length > 4 || bytes[0]! > 0x7f) throw new MalformedMessage('a number');
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws MalformedMessage when the bytes are not UTF-8, as LDAP's strings are */
function textOf(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch (error) {
    throw new MalformedMessage('a text that is not UTF-8', { cause: error });
  }
}
