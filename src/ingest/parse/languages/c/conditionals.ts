/**
 * Directives where the grammars do not expect them, above all conditional compilation that cuts through a construct. The grammars understand `#if` around whole declarations and
 * statements; where a branch holds half of one (an opening brace, a parameter, an `else`) the rest of the file is lost.
 * Such groups are reduced to their first branch; directives and the other branches become blanks of the same length.
 */

interface Branch {
  /** Range of the directive that opens it, and where its content ends. */
  start: number;
  contentStart: number;
  contentEnd: number;
  balanced: boolean;
  /** Open brackets at its end. */
  braces: number;
  parens: number;
}

interface Group {
  braces: number;
  parens: number;
  /** The group stands where a declaration or statement may begin. */
  clean: boolean;
  inEnum: boolean;
  branches: Branch[];
  lowest: number;
}

function openBranch(start: number, contentStart: number): Branch {
  return { start, contentStart, contentEnd: contentStart, balanced: true, braces: 0, parens: 0 };
}

interface Span {
  start: number;
  end: number;
}

/** The text with broken conditionals reduced, or null when there are none. Linear in the text. */
export function flattenConditionals(text: string): string | null {
  const blanks = new ConditionalScanner(text).scan();
  if (blanks.length === 0) return null;
  blanks.sort((a, b) => a.start - b.start);
  let out = '';
  let from = 0;
  for (const { start, end } of blanks) {
    if (end <= from) continue;
    const begin = Math.max(start, from);
    out += text.slice(from, begin) + text.slice(begin, end).replace(/[^\r\n]/g, ' ');
    from = end;
  }
  return out + text.slice(from);
}

const HASH = 35;
const SLASH = 47;
const STAR = 42;
const QUOTE = 34;
const APOSTROPHE = 39;
const NEWLINE = 10;
const BACKSLASH = 92;

class ConditionalScanner {
  private readonly text: string;
  private readonly groups: Group[] = [];
  private readonly blanks: Span[] = [];
  /** For each open brace: does it open an enum? */
  private readonly enums: boolean[] = [];
  private braces = 0;
  private parens = 0;
  /** Offset of the last character that is neither space, comment nor directive; -1 at the start. */
  private last = -1;

  constructor(text: string) {
    this.text = text;
  }

  scan(): Span[] {
    const { text } = this;
    let lineStart = true;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === NEWLINE) lineStart = true;
      if (code <= 32) continue;
      if (code === HASH && lineStart) at = this.directive(at);
      else if (code === SLASH && text.charCodeAt(at + 1) === STAR) at = this.until('*/', at + 2) + 1;
      else if (code === SLASH && text.charCodeAt(at + 1) === SLASH) at = this.until('\n', at) - 1;
      else {
        lineStart = false;
        if (code === QUOTE || (code === APOSTROPHE && !/\w/.test(text[at - 1] ?? '')))
          at = this.literal(at, code);
        else this.bracket(code);
        this.last = at;
      }
    }
    return this.blanks;
  }

  private until(mark: string, from: number): number {
    const found = this.text.indexOf(mark, from);
    return found === -1 ? this.text.length : found;
  }

  /** Past a string or character, which ends with its line at the latest; a raw string ends with its delimiter. */
  private literal(start: number, quote: number): number {
    const { text } = this;
    const raw =
      quote === QUOTE && text[start - 1] === 'R'
        ? /^"([^()\\\s]{0,16})\(/.exec(text.slice(start, start + 20))
        : null;
    if (raw) return this.until(`)${raw[1]}"`, start) + raw[1]!.length + 1;
    for (let at = start + 1; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === quote) return at;
      if (code === NEWLINE) return at - 1;
      if (code === BACKSLASH) at++;
    }
    return text.length;
  }

  private bracket(code: number): void {
    if (code === 123) {
      this.braces++;
      this.enums.push(/\benum\b[^;{}()]*$/.test(this.text.slice(Math.max(0, this.last - 80), this.last + 1)));
    } else if (code === 125) {
      this.braces--;
      this.enums.pop();
      const group = this.groups.at(-1);
      if (group) group.lowest = Math.min(group.lowest, this.braces);
    } else if (code === 40) this.parens++;
    else if (code === 41) this.parens--;
  }

  /** Reads a directive with its continuation lines and comments; returns the offset of its last character. */
  private directive(start: number): number {
    const { end, comments } = this.directiveEnd(start);
    const word = /^#[ \t]*(\w+)/.exec(this.text.slice(start, start + 40))?.[1] ?? '';
    if (word === 'if' || word === 'ifdef' || word === 'ifndef') this.open(start, end);
    else if (word === 'else' || word === 'elif' || word === 'elifdef' || word === 'elifndef')
      this.next(start, end);
    else if (word === 'endif') this.close(start, end);
    else this.plain(start, end, comments);
    return end - 1;
  }

  private directiveEnd(start: number): { end: number; comments: Span[] } {
    const { text } = this;
    const comments: Span[] = [];
    for (let at = start; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === NEWLINE) return { end: text[at - 1] === '\r' ? at - 1 : at, comments };
      if (code === BACKSLASH) at += text[at + 1] === '\r' ? 2 : 1;
      else if (code === QUOTE) at = this.literal(at, code);
      else if (code === SLASH && text.charCodeAt(at + 1) === STAR) {
        const end = Math.min(this.until('*/', at + 2) + 2, text.length);
        comments.push({ start: at, end });
        at = end - 1;
      } else if (code === SLASH && text.charCodeAt(at + 1) === SLASH) {
        const end = this.until('\n', at);
        comments.push({ start: at, end });
        at = end - 1;
      }
    }
    return { end: text.length, comments };
  }

  /** `#define` and its like are understood between declarations only, and without comments of their own. */
  private plain(start: number, end: number, comments: readonly Span[]): void {
    const inEnum = this.enums.at(-1) ?? false;
    if (inEnum || this.parens > 0 || this.endsOpen()) this.blanks.push({ start, end });
    else this.blanks.push(...comments);
  }

  private open(start: number, end: number): void {
    const inEnum = this.enums.at(-1) ?? false;
    this.groups.push({
      braces: this.braces,
      parens: this.parens,
      clean: this.endsClean(inEnum),
      inEnum,
      branches: [openBranch(start, end)],
      lowest: this.braces,
    });
  }

  private next(start: number, end: number): void {
    const group = this.groups.at(-1);
    if (!group) return;
    this.finish(group, start);
    this.braces = group.braces;
    this.parens = group.parens;
    this.levelEnums();
    group.lowest = group.braces;
    group.branches.push(openBranch(start, end));
  }

  private close(start: number, end: number): void {
    const group = this.groups.pop();
    if (!group) return;
    this.finish(group, start);
    const whole = group.clean && group.branches.every((branch) => branch.balanced);
    if (!whole) this.reduce(group, start, end);
    const outer = this.groups.at(-1);
    if (outer) outer.lowest = Math.min(outer.lowest, group.lowest);
  }

  private finish(group: Group, end: number): void {
    const branch = group.branches.at(-1)!;
    branch.contentEnd = end;
    branch.braces = this.braces;
    branch.parens = this.parens;
    branch.balanced =
      this.braces === group.braces &&
      this.parens === group.parens &&
      group.lowest >= group.braces &&
      !/^\s*else\b/.test(this.text.slice(branch.contentStart, branch.contentStart + 200)) &&
      this.endsClean(group.inEnum);
  }

  /** Only the first branch counts, for what is open after the group as well. */
  private reduce(group: Group, endifStart: number, endifEnd: number): void {
    const [first, ...others] = group.branches;
    this.blanks.push({ start: first!.start, end: first!.contentStart });
    for (const branch of others) this.blanks.push({ start: branch.start, end: branch.contentEnd });
    this.blanks.push({ start: endifStart, end: endifEnd });
    if (others.length === 0) return;
    this.braces = first!.braces;
    this.parens = first!.parens;
    this.levelEnums();
  }

  /** As many entries as braces are open; what a blanked branch closed is no enum. */
  private levelEnums(): void {
    const open = Math.max(0, this.braces);
    while (this.enums.length > open) this.enums.pop();
    while (this.enums.length < open) this.enums.push(false);
  }

  /** In the middle of an expression or a list. */
  private endsOpen(): boolean {
    return this.last >= 0 && ',=(+-*/&|<?'.includes(this.text[this.last]!);
  }

  private endsClean(inEnum: boolean): boolean {
    if (this.last < 0) return true;
    const char = this.text[this.last]!;
    return char === ';' || char === '{' || char === '}' || char === ':' || (inEnum && char === ',');
  }
}
