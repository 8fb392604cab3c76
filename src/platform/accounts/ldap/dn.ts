/** Distinguished names, compared as a directory does: by what they say, not by how they are spelled (RFC 4514). */

/**
 * One spelling for all spellings of a name: types and values in lower case, escapes resolved, outer spaces dropped,
 * inner ones folded, the parts of a multi-valued RDN in order. Only for comparing: it is not a name to send.
 */
export function canonicalDn(dn: string): string {
  const rdns = splitAt(dn, /[,;]/).map((rdn) => splitAt(rdn, /\+/).map(canonicalPair).toSorted().join('+'));
  return rdns.join(',');
}

function canonicalPair(pair: string): string {
  const equals = pair.indexOf('=');
  const value = fold(unescaped(pair.slice(equals + 1))).replace(/[\\,;+="]/g, '\\$&');
  return `${pair.slice(0, Math.max(0, equals)).trim().toLowerCase()}=${value}`;
}

const fold = (value: string) => value.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim();

/** Splits at separators that are neither escaped nor within quotes (of RFC 2253, which some still write). */
function splitAt(text: string, separator: RegExp): string[] {
  const parts: string[] = [];
  let from = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') quoted = !quoted;
    else if (!quoted && separator.test(text[at]!)) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return [...parts, text.slice(from)];
}

/** `\2C` and `\c3\a4` are bytes of UTF-8, `\,` is the character itself; surrounding quotes go. */
function unescaped(value: string): string {
  const bare = value.replace(/^\s*"(.*)"\s*$/s, '$1');
  return bare.replace(/((?:\\[\da-f]{2})+)|\\(.)/gis, (_, hex: string | undefined, character: string) =>
    hex === undefined ? character : Buffer.from(hex.replaceAll('\\', ''), 'hex').toString('utf8'),
  );
}
