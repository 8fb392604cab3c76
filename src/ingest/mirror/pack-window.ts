/** A pack as it arrives: a window of it in memory, every byte passed on to the upload and hashed once consumed. */
import { createHash } from 'node:crypto';
import type { Upload } from './multipart.ts';
import { compareOids } from './oid.ts';
import { broken } from './pack-entry.ts';

export const TRAILER_BYTES = 20;

export class PackWindow {
  readonly buffer: Uint8Array;
  /** Where the unconsumed bytes begin and end in `buffer`. */
  start = 0;
  end = 0;
  /** True when the stream has given its last byte. */
  ended = false;
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private readonly upload: Upload;
  private readonly onBytes: (received: number) => Promise<void>;
  private readonly hash = createHash('sha1');
  private hashed = 0;
  private origin = 0;
  private received = 0;
  private pending: Uint8Array | null = null;

  constructor(
    pack: ReadableStream<Uint8Array>,
    upload: Upload,
    capacity: number,
    onBytes: (received: number) => Promise<void>,
  ) {
    this.buffer = new Uint8Array(capacity);
    this.reader = pack.getReader();
    this.upload = upload;
    this.onBytes = onBytes;
  }

  get available(): number {
    return this.end - this.start;
  }

  /** Offset in the pack of the first unconsumed byte. */
  get offset(): number {
    return this.origin + this.start;
  }

  get bytesReceived(): number {
    return this.received;
  }

  /** Makes `wanted` bytes available, or all there are when the stream ends before. At most the capacity. */
  async fill(wanted: number): Promise<void> {
    while (this.available < wanted && !this.ended) {
      if (!this.pending) await this.receive();
      else this.take(this.pending);
    }
  }

  /** The unconsumed bytes, as a view. */
  view(): Uint8Array {
    return this.buffer.subarray(this.start, this.end);
  }

  consume(bytes: number): void {
    this.start += bytes;
  }

  /** Checks the SHA-1 at the end of the pack and that nothing follows it. @throws MirrorError `corrupt` */
  async finish(): Promise<void> {
    await this.fill(TRAILER_BYTES + 1);
    if (this.available < TRAILER_BYTES) throw broken('it ends before its checksum');
    if (this.available > TRAILER_BYTES)
      throw broken('bytes follow its checksum, or its object count is wrong');
    this.hashConsumed();
    if (compareOids(this.hash.digest(), this.view()) !== 0) throw broken('its checksum does not match');
    this.consume(TRAILER_BYTES);
  }

  async cancel(reason: unknown): Promise<void> {
    // The stream may be the very thing that failed; its error is already on the way to the caller.
    await this.reader.cancel(reason).catch(() => undefined);
  }

  private async receive(): Promise<void> {
    const { value, done } = await this.reader.read();
    if (done) {
      this.ended = true;
      return;
    }
    this.received += value.length;
    await this.upload.write(value);
    this.take(value);
    await this.onBytes(this.received);
  }

  private take(chunk: Uint8Array): void {
    if (this.end + chunk.length > this.buffer.length) this.compact();
    const taken = chunk.subarray(0, this.buffer.length - this.end);
    this.buffer.set(taken, this.end);
    this.end += taken.length;
    this.pending = taken.length < chunk.length ? chunk.subarray(taken.length) : null;
  }

  private compact(): void {
    this.hashConsumed();
    this.buffer.copyWithin(0, this.start, this.end);
    this.origin += this.start;
    this.end -= this.start;
    this.start = 0;
    this.hashed = 0;
  }

  private hashConsumed(): void {
    this.hash.update(this.buffer.subarray(this.hashed, this.start));
    this.hashed = this.start;
  }
}
