import { lineRange } from '../lines.ts';
import type { CallSite, Facts } from './facts.ts';
import { type Family, familyOf } from './modules.ts';

/** How much of a function is looked through for a local declaration before a call: lines, then characters. */
const MAX_LINES = 400;
const MAX_CHARACTERS = 20_000;

/**
 * True when `name` means a parameter or a local variable of the function around the call: it then hides whatever is
 * imported or defined under that name. Read from the caller's signature and, where it is at hand, the text before the call.
 */
export function isShadowed(facts: Facts, site: CallSite, name: string): boolean {
  if (!site.caller || !/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name)) return false;
  const family = familyOf(site.lang);
  if (isParameter(site.caller.signature, name, family)) return true;
  const text = facts.text(site.path);
  if (text === null) return false;
  const code = bodyBefore(text, site);
  // `const walk = () => … walk()`: the declaration of the function itself is no local of it.
  const inside = site.caller.name === name ? code.slice(code.indexOf(name) + name.length) : code;
  return declaresLocal(inside, name, family);
}

/** True when a signature's parameter list binds `name`. */
export function isParameter(signature: string, name: string, family: Family): boolean {
  const open = signature.indexOf('(');
  const arrow = /^(?:.*=\s*)?(?:async\s+)?([\w$]+)\s*=>/.exec(signature);
  if (arrow?.[1] === name) return true;
  if (open < 0) return false;
  const parameters = signature.slice(open + 1);
  const word = quoted(name);
  switch (family) {
    case 'go':
      return new RegExp(`[(,]\\s*${word}(?:\\s*,\\s*[\\w]+)*\\s+[\\w*\\[.(]`).test(`(${parameters}`);
    case 'jvm':
    case 'csharp':
    case 'c':
      return new RegExp(`[\\w>\\])*&?.]\\s*[\\s*&]${word}\\s*(?:[,)=:]|\\[)|[(,]\\s*${word}\\s*:`).test(
        `(${parameters}`,
      );
    default:
      return new RegExp(
        `(?:^|[,({\\[*]|\\.\\.\\.|\\b(?:mut|private|public|readonly|protected)\\s)\\s*&?${word}\\s*(?:[:,)?=}\\]]|$)`,
      ).test(parameters);
  }
}

/** The lines from the caller's start up to and with the call. */
function bodyBefore(text: string, site: CallSite): string {
  const from = Math.max(site.caller!.startLine, site.line - MAX_LINES);
  return lineRange(text, from, site.line).slice(-MAX_CHARACTERS);
}

/** True when code declares a variable, loop variable or lambda parameter `name`. */
export function declaresLocal(code: string, name: string, family: Family): boolean {
  if (!code.includes(name)) return false;
  return patterns(quoted(name), family).some((pattern) => pattern.test(code));
}

function patterns(word: string, family: Family): RegExp[] {
  switch (family) {
    case 'javascript':
      return [
        new RegExp(`\\b(?:const|let|var)\\s+${word}\\b`),
        new RegExp(`\\b(?:const|let|var)\\s*[{\\[][^=;]{0,400}[\\s,{\\[:]${word}\\s*[,}\\]=][^;]*=`),
        new RegExp(`(?:^|[(,=\\s])${word}\\s*=>`),
        new RegExp(
          `\\(\\s*(?:[^()=;]{0,200},\\s*)?${word}\\s*(?:[?]?:[^()=;]{0,200})?(?:,[^()=;]{0,200})?\\)\\s*(?::[^=;{]{0,100})?=>`,
        ),
        new RegExp(`\\bcatch\\s*\\(\\s*${word}\\b`),
      ];
    case 'python':
      return [
        new RegExp(`^[ \\t]+${word}\\s*(?::[^=\\n]+)?=(?!=)`, 'm'),
        new RegExp(`\\bfor\\s+(?:[\\w, ()]*,\\s*)?${word}\\b[^\\n:]*\\bin\\b`),
        new RegExp(`\\bas\\s+${word}\\b\\s*[:,)]`),
        new RegExp(`\\blambda\\s+(?:[^:\\n]{0,200},\\s*)?${word}\\s*[,:=]`),
      ];
    case 'go':
      return [
        new RegExp(`(?:^|[\\s,;])${word}(?:\\s*,\\s*\\w+)*\\s*:=`, 'm'),
        new RegExp(`\\bvar\\s+${word}\\b`),
        new RegExp(`\\bfunc\\s*\\([^)]{0,400}\\b${word}\\s+[\\w*\\[.]`),
      ];
    case 'rust':
      return [
        new RegExp(`\\blet\\s+(?:mut\\s+)?${word}\\b`),
        new RegExp(`\\|[^|\\n]{0,200}\\b${word}\\b[^|\\n]{0,200}\\|`),
      ];
    case 'jvm':
    case 'csharp':
    case 'c':
      return [
        new RegExp(`\\b(?:val|var|auto)\\s+${word}\\b`),
        new RegExp(`[\\w>\\]*&]\\s*[\\s*&]${word}\\s*(?:=[^=]|:[^:])`),
      ];
    case 'swift':
      return [new RegExp(`\\b(?:let|var)\\s+${word}\\b`)];
    case 'ruby':
      return [
        new RegExp(`^\\s*${word}\\s*=[^=~]`, 'm'),
        new RegExp(`\\|[^|\\n]{0,200}\\b${word}\\b[^|\\n]{0,200}\\|`),
      ];
    default:
      return [];
  }
}

function quoted(name: string): string {
  return name.replace(/[$]/g, '\\$');
}
