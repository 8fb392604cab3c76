/** What of a chunk is embedded. */
export interface Passage {
  path: string;
  /** Qualified name of the chunk's symbol, '' for none. */
  name: string;
  signature: string;
  /** The chunk's lines, with the documentation that belongs to them. */
  source: string;
}

/** The text of a chunk for an embedder: what names it stands before what it says, so that its words count twice. */
export function passageText({ path, name, signature, source }: Passage): string {
  const place = path
    .split('/')
    .slice(-2)
    .join('/')
    .replace(/\.\w+$/, '');
  return `${place}\n${name}\n${signature}\n${source}`;
}
