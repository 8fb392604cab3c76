/**
 * The examples of the reference documents, as they stand there (`seed-examples/*.txt`), sent to a running server: only
 * host, credentials and ids are replaced. Each answers the documented status, and an object with every member that the
 * document shows, of the type that it shows; where the contract decides otherwise, a `!` line says what and why.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { answer } from '../../src/client/client.ts';
import { ended, type startServer } from './server-process.ts';

const FOLDER = path.join(import.meta.dirname, 'seed-examples');

interface Example {
  title: string;
  /** A `curl` command, or the text of an HTTP request. */
  request: string;
  status: number;
  /** What the answer's `id` is called in later examples; `wait`: for the answer's job. */
  then: string | undefined;
  /** Names of headers that the answer has. */
  headers: string[];
  answer: unknown;
  /** Members that the contract decides otherwise: path → why. */
  otherwise: Map<string, string>;
}

interface Sent {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
}

type Server = Awaited<ReturnType<typeof startServer>>;
/** What stands for the documents' own ids and credentials. */
type Known = Map<string, string>;

/** Registers the tests; `server` is asked when they run. `remoteUrl` is what the documents' repository is here. */
export function seedExamples(server: () => Server, remoteUrl: () => Promise<string>): void {
  // Once for all documents: logins are few.
  let prepared: Promise<Known> | undefined;
  describe.each(readdirSync(FOLDER).map((file) => file.replace('.txt', '')))('examples of %s', (seed) => {
    const { examples, notYet } = parse(readFileSync(path.join(FOLDER, `${seed}.txt`), 'utf8'));
    // What an example made belongs to the examples of its document.
    let known: Known | undefined;

    test.each(examples)('$title', async (example) => {
      prepared ??= prepare(server(), await remoteUrl());
      known ??= new Map(await prepared);
      const sent = read(replaced(example.request, known, server()));
      const response = await fetch(new URL(sent.url, server().url), {
        method: sent.method,
        // Nexus documents every answer in its envelope.
        headers: {
          ...(seed === 'nexus' && sent.url.includes('/api/') && { accept: ENVELOPE }),
          ...sent.headers,
        },
        ...(sent.body === undefined ? {} : { body: sent.body }),
      });
      const text = await response.text();
      expect(response.status, text).toBe(example.status);
      for (const name of example.headers) expect(response.headers.get(name), name).not.toBeNull();
      if (example.answer === undefined) return;
      const body: unknown = JSON.parse(text);
      expect(differences(example.answer, body).toSorted(), text).toEqual(
        [...example.otherwise.keys()].toSorted(),
      );
      await follow(example, body as Record<string, unknown>, known, server());
    });

    if (notYet.length === 0) return;
    test('of operations that do not exist yet are listed', async () => {
      const { paths } = (await (await fetch(`${server().url}/openapi.json`)).json()) as {
        paths: Record<string, Record<string, unknown>>;
      };
      const exist = notYet.filter((name) => {
        const [method, at] = name.split(' ') as [string, string];
        return paths[at]?.[method.toLowerCase()] !== undefined;
      });
      expect(exist, 'write their examples down').toEqual([]);
    });
  });
}

const ENVELOPE = 'application/json;profile="envelope"';

/** Logs in, and makes the user whom the documents give a role. */
async function prepare({ credentials, api }: Server, remote: string): Promise<Known> {
  const { username, password, api_key } = credentials;
  const tokens = await answer(api.POST('/api/v1/auth/token', { body: { username, password } }));
  const user = await answer(api.POST('/api/v1/users', { body: { username: 'jdoe' } }));
  return new Map(
    Object.entries({
      username,
      password,
      remote,
      token: tokens.access_token,
      refresh: tokens.refresh_token,
      key: api_key,
      user_id: user.id,
    }),
  );
}

/** The request of the document with what is this server's own in it. */
function replaced(text: string, known: Known, { url }: Server): string {
  const is = (name: string) => known.get(name) ?? `no-${name}`;
  const replacements: [RegExp, string][] = [
    [/https?:\/\/(?:localhost:\d+|your-nexus-instance\.com)/g, url],
    [/https:\/\/github\.com\/org\/my-lib\.git/g, is('remote')],
    [/("refresh_token": )"eyJ[^"]*"/g, `$1"${is('refresh')}"`],
    [/<(?:token|access_token|jwt_token|your-jwt-token)>|YOUR_JWT_TOKEN|\$TOKEN/g, is('token')],
    [/<(?:key|your[-_]api[-_]key)>|rak_x{20}/g, is('key')],
    [/"username": "(?:admin|your_username)"/g, `"username": "${is('username')}"`],
    [/"password": "(?:secret|your[-_]password)"/g, `"password": "${is('password')}"`],
    [/\buser-456\b/g, is('user_id')],
    [/\bgroup-456\b/g, is('group_id')],
  ];
  const own = replacements.reduce((done, [from, to]) => done.replaceAll(from, to), text);
  return own.replaceAll(/\{(\w+_id)\}/g, (_, name: string) => is(name));
}

/** What later examples name: an id, or an index that must stand. */
async function follow({ then }: Example, body: Record<string, unknown>, known: Known, { api }: Server) {
  if (then === 'wait') expect(await ended(api, String(body.jobId))).toMatchObject({ status: 'completed' });
  else if (then) known.set(then, String((body.data as { id: string } | undefined)?.id ?? body.id));
}

/** Examples of a file: `# title`, the request, `=> status`, and what the document shows of the answer. */
function parse(text: string): { examples: Example[]; notYet: string[] } {
  const blocks = text.split(/^# /m).slice(1);
  const notYet = blocks.filter((block) => block.startsWith('not yet\n'));
  const examples = blocks.filter((block) => !notYet.includes(block)).map(parseExample);
  const listed = notYet.flatMap((block) => block.trim().split('\n').slice(1));
  return { examples, notYet: listed };
}

function parseExample(block: string): Example {
  const [head, tail] = block.split(/^=> /m) as [string, string];
  const [title, ...request] = head.split('\n');
  const [outcome, ...shown] = tail.trimEnd().split('\n');
  const [status, then] = outcome!.split(' ');
  const marked = (mark: string) => shown.filter((line) => line.startsWith(mark)).map((line) => line.slice(2));
  const json = shown.filter((line) => !/^[!>] /.test(line)).join('\n');
  return {
    title: title!,
    request: request.join('\n').trim(),
    status: Number(status),
    then,
    headers: marked('> ').map((line) => line.split(':')[0]!),
    answer:
      json.trim() === ''
        ? undefined
        : JSON.parse(json.replaceAll(/^\s*\/\/.*$/gm, '').replaceAll('{ ... }', '{}')),
    otherwise: new Map(marked('! ').map((line) => line.split(/: (.*)/) as [string, string])),
  };
}

function read(text: string): Sent {
  return text.startsWith('curl ') ? curl(words(text)) : http(text);
}

function http(text: string): Sent {
  const [head, ...body] = text.split('\n\n') as [string, ...string[]];
  const [first, ...lines] = head.split('\n') as [string, ...string[]];
  const [method, url] = first.split(' ') as [string, string];
  const headers = Object.fromEntries(lines.map((line) => line.split(/: (.*)/) as [string, string]));
  return { method, url, headers, body: body.length > 0 ? body.join('\n\n') : undefined };
}

/** The options that the documents use, as curl reads them. */
function curl([, ...words]: string[]): Sent {
  const sent: Sent = { method: '', url: '', headers: {}, body: undefined };
  while (words.length > 0) {
    const word = words.shift()!;
    if (word === '-X') sent.method = words.shift()!;
    else if (word === '-d') sent.body = words.shift()!;
    else if (word === '-H') {
      const [name, value] = words.shift()!.split(/: (.*)/) as [string, string];
      sent.headers[name] = value;
    } else sent.url = word;
  }
  return { ...sent, method: sent.method || (sent.body === undefined ? 'GET' : 'POST') };
}

/** The words of a command as a shell splits them: by spaces, but not inside of quotes, and over escaped line ends. */
function words(command: string): string[] {
  const found = command.replaceAll('\\\n', ' ').match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  return found.map((word) =>
    word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, a?: string, b?: string) => a ?? b ?? ''),
  );
}

/** Places of an answer that lack a documented member, or have it in another type. Null in a document may be anything. */
function differences(documented: unknown, actual: unknown, at = ''): string[] {
  if (documented === null) return [];
  const kind = (value: unknown) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);
  if (kind(documented) !== kind(actual)) return [at];
  if (typeof documented !== 'object') return [];
  const [wanted, had] = [documented as Record<string, unknown>, actual as Record<string, unknown>];
  // Items of a list are alike; an empty one has none to compare.
  if (Array.isArray(actual) && actual.length === 0) return [];
  const names = Array.isArray(documented) ? ['0'] : Object.keys(documented);
  return names.flatMap((name) => differences(wanted[name], had[name], at === '' ? name : `${at}.${name}`));
}
