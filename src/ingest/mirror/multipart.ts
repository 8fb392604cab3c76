/** Bytes of unknown length into one R2 object, with two buffers' worth of memory. R2 wants parts of equal size. */
const PART_BYTES = 5 * 1024 * 1024;

export interface Upload {
  /** Copies `bytes`; waits only while the part before is still on its way. */
  write(bytes: Uint8Array): Promise<void>;
  /** Bytes not yet uploaded, with their offset. Valid until the next `write`. */
  readonly tail: { offset: number; bytes: Uint8Array };
  /** Memory held at this moment. */
  readonly heldBytes: number;
  /** Makes the object visible. */
  complete(): Promise<void>;
  /** Leaves nothing behind, whatever has happened before. */
  abort(): Promise<void>;
}

/** Opens an upload; nothing is sent until a part is full, so a small object is one plain `put`. */
export function openUpload(bucket: R2Bucket, key: string, partBytes = PART_BYTES): Upload {
  let buffer: Uint8Array = new Uint8Array(Math.min(partBytes, 256 * 1024));
  let used = 0;
  let sent = 0;
  let spare: Uint8Array | null = null;
  let multipart: R2MultipartUpload | null = null;
  let inFlight: Promise<void> = Promise.resolve();
  let flying = 0;
  let completed = false;
  const parts: R2UploadedPart[] = [];

  async function flush(): Promise<void> {
    await inFlight;
    const upload = multipart ?? (await bucket.createMultipartUpload(key));
    multipart = upload;
    const full = buffer;
    const number = parts.length + 1;
    inFlight = upload.uploadPart(number, full).then((part) => {
      parts.push(part);
      spare = full;
    });
    flying = partBytes;
    // Awaited at the next flush; marked as handled so that a failure in between is not an unhandled rejection.
    inFlight.catch(() => undefined);
    sent += used;
    buffer = spare ?? new Uint8Array(partBytes);
    spare = null;
    used = 0;
  }

  function grow(wanted: number): void {
    const larger = new Uint8Array(Math.min(partBytes, Math.max(buffer.length * 4, wanted)));
    larger.set(buffer.subarray(0, used));
    buffer = larger;
  }

  return {
    write: async (bytes) => {
      let rest = bytes;
      while (rest.length > 0) {
        if (used === partBytes) await flush();
        if (used + rest.length > buffer.length && buffer.length < partBytes) grow(used + rest.length);
        const taken = rest.subarray(0, buffer.length - used);
        buffer.set(taken, used);
        used += taken.length;
        rest = rest.subarray(taken.length);
      }
    },
    get heldBytes() {
      return buffer.length + flying;
    },
    get tail() {
      return { offset: sent, bytes: buffer.subarray(0, used) };
    },
    complete: async () => {
      if (multipart) {
        await inFlight;
        if (used > 0) parts.push(await multipart.uploadPart(parts.length + 1, buffer.subarray(0, used)));
        await multipart.complete(parts);
      } else await bucket.put(key, buffer.subarray(0, used));
      spare = null;
      flying = 0;
      completed = true;
    },
    abort: async () => {
      await inFlight.catch(() => undefined);
      if (completed) await bucket.delete(key);
      else await multipart?.abort();
    },
  };
}
