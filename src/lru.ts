/** What a value costs beside its bytes: the view, its buffer, the entry. A million values of four bytes are no 4 MB. */
const ENTRY_BYTES = 512;

/** Least-recently-used values bounded by the bytes they hold. */
export class ByteLru<K, V> {
  private readonly entries = new Map<K, { value: V; bytes: number }>();
  private readonly maxBytes: number;
  private held = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.held;
  }

  get(key: K): V | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.value;
  }

  /** Keeps `value` unless it alone would take more than half of the cache. */
  set(key: K, value: V, size: number): void {
    const bytes = size + ENTRY_BYTES;
    this.delete(key);
    if (bytes > this.maxBytes / 2) return;
    this.entries.set(key, { value, bytes });
    this.held += bytes;
    if (this.held > this.maxBytes) this.evict();
  }

  delete(key: K): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    this.entries.delete(key);
    this.held -= entry.bytes;
  }

  clear(): void {
    this.entries.clear();
    this.held = 0;
  }

  private evict(): void {
    for (const [key, entry] of this.entries) {
      this.entries.delete(key);
      this.held -= entry.bytes;
      if (this.held <= this.maxBytes) return;
    }
  }
}
