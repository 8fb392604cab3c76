/** zlib streams inside larger bytes: a pack does not say how long they are, so inflating is how the end is found. */
import { createInflate, type Inflate, inflateSync } from 'node:zlib';
import { broken } from './pack-entry.ts';
import { inflateSmall, SMALL_BYTES } from './small-objects.ts';

export interface Inflated {
  bytes: Uint8Array;
  /** Compressed bytes taken, checksum included. */
  consumed: number;
}

/**
 * Inflates the stream that begins `bytes`; what follows it is left alone.
 * @param size what the stream must yield, exactly.
 * @throws MirrorError `corrupt` when it yields another size, or is broken or incomplete.
 */
export function inflateExactly(bytes: Uint8Array, size: number): Inflated {
  if (size <= SMALL_BYTES) {
    const small = new Uint8Array(size);
    const consumed = inflateSmall(bytes, small);
    if (consumed > 0) return { bytes: small, consumed };
  }
  // One output buffer of the right size: zlib's default of 16 KB chunks costs five times as much.
  // One byte more than wanted, so that a stream that yields too much is caught and never collected.
  const options = { info: true, chunkSize: Math.max(64, size + 1), maxOutputLength: size + 1 };
  let result: { buffer: Uint8Array; engine: { bytesWritten: number } };
  try {
    result = inflateSync(bytes, options) as unknown as typeof result;
  } catch (error) {
    throw asBroken(error);
  }
  if (result.buffer.length !== size) throw broken('an object is not as long as it declares');
  const { buffer } = result;
  // Without Buffer's clothes: what leaves the mirror is a plain Uint8Array.
  const plain = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
  return { bytes: plain, consumed: result.engine.bytesWritten };
}

/** Inflates a stream of any size in pieces that are handed to `sink` and not kept. */
export class PieceInflater {
  private readonly engine: Inflate;
  private readonly size: number;
  private readonly done: Promise<void>;
  private produced = 0;
  private ended = false;
  private failure: unknown = null;

  constructor(size: number, sink: (piece: Uint8Array) => void) {
    this.size = size;
    this.engine = createInflate({ chunkSize: 64 * 1024 });
    this.done = new Promise((resolve) => {
      const finish = (failure: unknown) => {
        this.failure ??= failure;
        this.ended = true;
        resolve();
      };
      this.engine.on('data', (piece: Uint8Array) => {
        this.produced += piece.length;
        if (this.failure !== null) return;
        if (this.produced > this.size) return finish(broken('an object is longer than it declares'));
        // What the sink throws (a limit reached) must come out of `push`, not out of an event.
        try {
          sink(piece);
        } catch (error) {
          finish(error);
        }
      });
      this.engine.on('end', () => finish(null));
      this.engine.on('error', (error) => finish(asBroken(error)));
    });
  }

  /**
   * Feeds compressed bytes; they may be reused when the promise resolves.
   * @returns how many of all bytes fed so far the stream took when it has ended, else null.
   * @throws MirrorError `corrupt`
   */
  async push(bytes: Uint8Array): Promise<number | null> {
    // zlib never calls back for input that it has no use for, it ends: hence the race.
    const written = new Promise<void>((resolve) => this.engine.write(bytes, () => resolve()));
    await Promise.race([written, this.done]);
    return this.ended || this.failure !== null ? this.settle() : null;
  }

  /** To be called when all input has been fed. @throws MirrorError `corrupt` when the stream is not complete */
  async finish(): Promise<void> {
    this.engine.end();
    await this.done;
    this.settle();
  }

  private settle(): number {
    const consumed = this.engine.bytesWritten;
    this.engine.destroy();
    if (this.failure !== null) throw this.failure;
    if (this.produced !== this.size) throw broken('an object is not as long as it declares');
    return consumed;
  }
}

function asBroken(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ERR_BUFFER_TOO_LARGE') return broken('an object is longer than it declares');
  if (code === 'Z_BUF_ERROR') return broken('it ends inside an object');
  if (code.startsWith('Z_') || error instanceof RangeError) return broken('an object cannot be inflated');
  return error;
}
