import { allOf, anyOf, MAX_NEEDLE, MIN_NEEDLE, type Needles } from './needles.ts';

/**
 * The needles of a regular expression in RE2 syntax, after Russ Cox, "Regular Expression Matching with a Trigram
 * Index" (https://swtch.com/~rsc/regexp/regexp4.html): literal runs that every match contains. The source must have
 * compiled; what this reader does not understand demands nothing.
 */
export function regexNeedles(source: string): Needles {
  const reader = new Reader(source);
  return demand(reader.alternation());
}

/** What a piece of a pattern matches: exactly one of a few strings (case folded), or something that contains `needs`. */
type Piece = { exact: string[] } | { exact: null; needs: Needles };

const NOTHING: Piece = { exact: [''] };
const ANYTHING: Piece = { exact: null, needs: null };
/** How many alternatives are worth carrying as exact strings before they are demanded and dropped. */
const MAX_EXACT = 16;
/** Character classes up to this size count as alternatives. */
const MAX_CLASS = 4;

function demand(piece: Piece): Needles {
  if (piece.exact === null) return piece.needs;
  return anyOf(piece.exact.map((text) => ([...text].length < MIN_NEEDLE ? null : text.slice(0, MAX_NEEDLE))));
}

function concat(pieces: Piece[]): Piece {
  const needs: Needles[] = [];
  let run = [''];
  let whole = true;
  for (const piece of pieces) {
    const joined = piece.exact && cross(run, piece.exact);
    if (joined) {
      run = joined;
      continue;
    }
    whole = false;
    needs.push(demand({ exact: run }));
    if (piece.exact === null) needs.push(piece.needs);
    run = piece.exact ?? [''];
  }
  return whole ? { exact: run } : { exact: null, needs: allOf([...needs, demand({ exact: run })]) };
}

/** Every pairing, or null when there would be too many or too long ones. */
function cross(left: string[], right: string[]): string[] | null {
  if (left.length * right.length > MAX_EXACT) return null;
  const pairs = [...new Set(left.flatMap((a) => right.map((b) => a + b)))];
  return pairs.some((pair) => pair.length > MAX_NEEDLE) ? null : pairs;
}

function alternatives(branches: Piece[]): Piece {
  if (branches.length === 1) return branches[0]!;
  const exact = branches.flatMap((branch) => branch.exact ?? []);
  if (branches.every((branch) => branch.exact !== null) && exact.length <= MAX_EXACT) {
    return { exact: [...new Set(exact)] };
  }
  return { exact: null, needs: anyOf(branches.map(demand)) };
}

class Reader {
  readonly #chars: string[];
  #at = 0;

  constructor(source: string) {
    this.#chars = [...source];
  }

  /** Branches up to `)` or the end. */
  alternation(): Piece {
    const branches: Piece[] = [];
    do branches.push(this.#branch());
    while (this.#take('|'));
    return alternatives(branches);
  }

  #branch(): Piece {
    const pieces: Piece[] = [];
    while (this.#at < this.#chars.length && this.#char() !== '|' && this.#char() !== ')') {
      pieces.push(this.#repeated(this.#atom()));
    }
    return concat(pieces);
  }

  #char(offset = 0): string {
    return this.#chars[this.#at + offset] ?? '';
  }

  #take(char: string): boolean {
    if (this.#char() !== char) return false;
    this.#at++;
    return true;
  }

  #atom(): Piece {
    const char = this.#chars[this.#at++]!;
    if (char === '(') return this.#group();
    if (char === '[') return this.#class();
    if (char === '\\') return this.#escape();
    if (char === '.') return ANYTHING;
    if (char === '^' || char === '$') return NOTHING;
    return { exact: [char.toLowerCase()] };
  }

  /** `(…)`, `(?:…)`, `(?P<n>…)`, `(?i)`, `(?i:…)`; a look-around matches no characters of its own. */
  #group(): Piece {
    let looksAround = false;
    if (this.#take('?')) {
      const rest = this.#chars.slice(this.#at, this.#at + 80).join('');
      const head =
        /^(?:P?<[\p{L}_][\p{L}\p{N}_]*>|<?[=!]|[a-zA-Z-]*:|[a-zA-Z-]+(?=\)))/u.exec(rest)?.[0] ?? '';
      looksAround = /[=!]$/.test(head);
      this.#at += [...head].length;
    }
    const inner = this.alternation();
    this.#take(')');
    return looksAround ? NOTHING : inner;
  }

  #repeated(piece: Piece): Piece {
    const [min, max] = this.#quantifier();
    if (min === 1 && max === 1) return piece;
    const result: Piece =
      min === 0
        ? max === 1 && piece.exact && piece.exact.length < MAX_EXACT
          ? { exact: [...new Set(['', ...piece.exact])] }
          : ANYTHING
        : { exact: null, needs: demand(piece) };
    return this.#repeated(result);
  }

  /** The bounds of a quantifier at this point; (1, 1) when there is none. Laziness changes nothing here. */
  #quantifier(): [number, number] {
    const bounds = this.#bounds();
    if (bounds[0] !== 1 || bounds[1] !== 1) this.#take('?');
    return bounds;
  }

  #bounds(): [number, number] {
    if (this.#take('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.#take('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.#take('?')) return [0, 1];
    const counted = /^\{(\d+)(,?)(\d*)\}/.exec(this.#chars.slice(this.#at, this.#at + 16).join(''));
    if (!counted) return [1, 1];
    this.#at += counted[0].length;
    const min = Number(counted[1]);
    const max = counted[2] === '' ? min : Number(counted[3] || Number.POSITIVE_INFINITY);
    return [min, max === 1 && min === 1 ? Number.POSITIVE_INFINITY : max];
  }

  /** `[abc]` of few plain members is alternatives; ranges, classes and negations can be anything. */
  #class(): Piece {
    const members = new Set<string>();
    let plain = !this.#take('^');
    for (let first = true; this.#at < this.#chars.length; first = false) {
      const char = this.#chars[this.#at++]!;
      if (char === ']' && !first) break;
      if (char === '[' && this.#char() === ':') {
        plain = false;
        while (this.#at < this.#chars.length && !this.#take(']')) this.#at++;
      } else if (char === '\\') {
        const escaped = this.#escape();
        if (escaped.exact?.length === 1 && escaped.exact[0] !== '') members.add(escaped.exact[0]!);
        else plain = false;
      } else if (this.#char() === '-' && this.#char(1) !== ']') {
        plain = false;
      } else members.add(char.toLowerCase());
    }
    return plain && members.size > 0 && members.size <= MAX_CLASS ? { exact: [...members] } : ANYTHING;
  }

  #escape(): Piece {
    const char = this.#chars[this.#at++] ?? '';
    if (char === 'Q') return this.#quoted();
    if (char === 'x') return this.#hex();
    if (char === 'p' || char === 'P') {
      if (this.#take('{')) while (this.#at < this.#chars.length && !this.#take('}')) this.#at++;
      else this.#at++;
      return ANYTHING;
    }
    if ('bBAzZ'.includes(char)) return NOTHING;
    const control = CONTROLS[char];
    if (control) return { exact: [control] };
    return /[\p{L}\p{N}]/u.test(char) ? ANYTHING : { exact: [char.toLowerCase()] };
  }

  #quoted(): Piece {
    const rest = this.#chars.slice(this.#at).join('');
    const end = rest.indexOf('\\E');
    const text = end < 0 ? rest : rest.slice(0, end);
    this.#at += [...text].length + (end < 0 ? 0 : 2);
    // One character a piece, so that a quantifier after \E could only bind to the last of them.
    return { exact: null, needs: demand({ exact: [text.toLowerCase()] }) };
  }

  #hex(): Piece {
    const match = /^(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{2}))/.exec(
      this.#chars.slice(this.#at, this.#at + 12).join(''),
    );
    if (!match) return ANYTHING;
    this.#at += match[0].length;
    const code = Number.parseInt(match[1] ?? match[2]!, 16);
    return code > 0x10ffff ? ANYTHING : { exact: [String.fromCodePoint(code).toLowerCase()] };
  }
}

const CONTROLS: Record<string, string> = { t: '\t', n: '\n', r: '\r', f: '\f', v: '\v', a: '\x07' };
