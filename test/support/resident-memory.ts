import { readdirSync, readFileSync } from 'node:fs';

/** Resident memory of the `workerd` processes below a process, in bytes, with the most it was since `watch` began. */
export class ResidentMemory {
  readonly #root: number;
  #peak = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(root: number) {
    this.#root = root;
  }

  now(): number {
    const parents = new Map<number, number>();
    const workers: number[] = [];
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        // "pid (name) state ppid …": the name may hold spaces, so it is cut off at its last parenthesis.
        const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
        const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        parents.set(Number(entry), Number(parent));
        if (stat.includes('(workerd)')) workers.push(Number(entry));
      } catch {
        // The process ended while it was looked at.
      }
    }
    return workers.filter((pid) => this.#below(pid, parents)).reduce((sum, pid) => sum + residentOf(pid), 0);
  }

  /** Takes samples until `peak` is read. */
  watch(): void {
    this.#peak = this.now();
    this.#timer ??= setInterval(() => {
      this.#peak = Math.max(this.#peak, this.now());
    }, 100);
  }

  peak(): number {
    clearInterval(this.#timer);
    this.#timer = undefined;
    return Math.max(this.#peak, this.now());
  }

  #below(pid: number, parents: Map<number, number>): boolean {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) {
      if (at === this.#root) return true;
    }
    return false;
  }
}

function residentOf(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
