/**
 * Macros that no grammar can know, blanked out before parsing. What remains has the same length and line breaks, so
 * every offset still holds. Only places where C and C++ allow no second word are touched: `class API Foo {`, a line
 * of nothing but `FMT_BEGIN_NAMESPACE`, `API void f(`, `void API f(`.
 */

/** `class LIB_API Foo {`, `struct ALIGNED(8) S final : B`: a word too many between the keyword and the name. */
const TYPE_HEAD =
  /\b((?:class|struct|union)\s+)([A-Za-z_]\w*(?:\s*\([^()\n]{0,100}\))?)(?=\s+(?!final\b)[A-Za-z_]\w*\s*(?:<[^<>{};]{0,100}>\s*)?(?:final\s*)?(?:\{|:(?!:)))/g;

/** `API void f(…)`, `static API int *f(…)`, `ATTR(1, 2) void f(…)` at the start of a line, followed by a whole declaration head. */
const DECLARATION_HEAD =
  /^([ \t]*(?:(?:extern|static|inline|virtual|constexpr|extern "C")\s+){0,3})((?:[A-Z_][A-Z0-9_]{2,}(?:\([^()\n]{0,100}\))?[ \t]+){1,3})(?=~\w+\s*\(|(?:template|class|struct|union|enum|namespace|using|typedef)\b|(?:(?:const|static|inline|extern|constexpr|virtual|explicit|friend|typename|struct|class|enum|union|unsigned|signed|long|short)\s+){0,4}(?!(?:const|volatile|return|else|case|goto|operator|throw|new|delete|if|for|while|do|switch|and|or|not)\b)[A-Za-z_][\w:]*(?:<[^;{}()\n]{0,100}>)?[\s*&]+(?:\(\s*\*|(?:[A-Z_]{3,}\s+)?(?:operator\b|~?[A-Za-z_][\w:]*)\s*[(;=[{]))/gm;

/** `void API f(`: a word too many between the type and the name. */
const CALL_CONVENTION =
  /^([ \t]*(?:(?:extern|static|inline|const|unsigned|struct)\s+){0,4}(?!(?:return|else|case|goto|throw|new|delete|static|extern|inline|const)\b)[A-Za-z_][\w:]*[ \t*&]+)([A-Z_][A-Z0-9_]{2,})(?=[ \t]+[A-Za-z_][\w:]*\s*\()/gm;

/** `void f(int) ATTR(1, 2);`, `int f() const NOEXCEPT {`: a word between the parameters and the end of the head. */
const TRAILING = /\)(\s*(?:const\s+)?)([A-Z_][A-Z0-9_]{2,}(?:\([^()\n]{0,100}\))?)(?=\s*[;{])/g;

/** `PRIVATE_UNLESS_TESTED:`, `Q_SIGNALS:` among the members of a class. */
const LABEL = /^[ \t]*(?:[A-Z_][A-Z0-9_]{2,}|signals)[ \t]*:(?=[ \t]*\r?$)/gm;

/** A line with nothing but one upper-case word, which is no statement, argument, enumerator or return type. */
const LONE_WORD = /^[ \t]*[A-Z_][A-Z0-9_]{2,}[ \t]*$/gm;

export function blankMacros(text: string): string {
  return text
    .replace(TYPE_HEAD, (_all, keyword: string, macro: string) => keyword + blank(macro))
    .replace(DECLARATION_HEAD, (_all, before: string, macro: string) => before + blank(macro))
    .replace(CALL_CONVENTION, (_all, before: string, macro: string) => before + blank(macro))
    .replace(TRAILING, (all, gap: string, macro: string, at: number, whole: string) =>
      closesDeclarator(whole, at) ? `)${gap}${blank(macro)}` : all,
    )
    .replace(LABEL, blank)
    .replace(LONE_WORD, (line: string, at: number, all: string) =>
      standsAlone(all, at, at + line.length) ? blank(line) : line,
    );
}

/** True when the `)` at `close` ends the parameters of a declaration: before its `(` stand a type and a name. */
function closesDeclarator(text: string, close: number): boolean {
  let depth = 0;
  for (let at = close; at >= 0 && at > close - 1000; at--) {
    const char = text[at]!;
    if (char === ')') depth++;
    else if (char === '(' && --depth === 0) return DECLARATOR.test(text.slice(Math.max(0, at - 120), at));
    else if (char === ';' || char === '}') return false;
  }
  return false;
}

const DECLARATOR =
  /(?:^|[;{}\n])[^;{}=()\n]*[\w>*&][\s*&]+~?(?!(?:if|for|while|switch|return|else|do)\b)(?:\w+|\(\s*\*\s*\w+\s*\))\s*$/;

function blank(text: string): string {
  return text.replace(/[^\s]/g, ' ');
}

/**
 * `NON_NULL(3)` on a line of its own before a declaration. In a function that may be a call without its semicolon, so it is
 * blanked only where the grammar met errors.
 */
const LONE_CALL =
  /^[ \t]*[A-Z_][A-Z0-9_]{2,}\((?:[^()\n]|\([^()\n]{0,60}\)){0,100}\)[ \t]*\r?$(?=\n\s{0,80}(?:template\b|(?:const|static|inline|extern|constexpr|virtual|explicit|friend|typename|struct|class|enum|unsigned|signed|[A-Z_][A-Z0-9_]{2,}|[A-Za-z_][\w:]*(?:<[^;{}()\n]{0,100}>)?[\s*&]{1,9})[^;{}=\n]{0,200}\())/gm;

export function blankLoneCalls(text: string): string {
  return text.replace(LONE_CALL, blank);
}

/** True between two declarations: after `;`, `{`, `}`, a label, a directive or a comment, and before a new start. */
function standsAlone(text: string, start: number, end: number): boolean {
  return AFTER.test(text.slice(end, end + 200)) && endsBefore(text, start);
}

const AFTER =
  /^\s*(?:$|#|\/[/*]|\[\[|~|(?:template|class|struct|union|enum|namespace|using|typedef|static|extern|inline|const|constexpr|virtual|void|int|char|unsigned|public|private|protected|friend|explicit)\b|[A-Za-z_][\w:]*[\s*&<]+[\w~])/;

function endsBefore(text: string, start: number): boolean {
  let at = start - 1;
  while (at >= 0 && text.charCodeAt(at) <= 32) at--;
  if (at < 0 || ';{}:'.includes(text[at]!) || text.startsWith('*/', at - 1)) return true;
  const line = text.slice(Math.max(text.lastIndexOf('\n', at) + 1, at - 300), at + 1);
  return /^\s*#|\/\/|^\s*[A-Z_][A-Z0-9_]{2,}$|^\s*template\b.*>$/.test(line);
}
