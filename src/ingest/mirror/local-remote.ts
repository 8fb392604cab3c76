/** Repositories on the host's own disk (`localPath`), through the git bridge of a local start. */
import { type Egress, openBody } from '../../egress.ts';
import { asMirrorError, MirrorError } from './mirror-error.ts';
import type { Remote } from './remote.ts';

const MAX_ANSWER = 64 * 1024;

/**
 * Asks the bridge to judge a path.
 * @returns the remote that serves it and the path after realpath. The remote's URL is good for this run only.
 * @throws MirrorError `refused` where there is no bridge, or the path is no repository below the allowed roots.
 */
export async function localRemote(
  egress: Egress,
  localPath: string,
): Promise<{ remote: Remote; path: string }> {
  if (egress.bridge === null) {
    throw new MirrorError(
      'refused',
      'localPath works only where Sightline runs on the machine that holds the repository.',
    );
  }
  try {
    const response = await egress.fetch(`${egress.bridge}/resolve`, {
      purpose: 'bridge',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ path: localPath }),
    });
    const answer: unknown = JSON.parse(await readText(response));
    if (response.status !== 200)
      throw new MirrorError('refused', textField(answer, 'error') ?? 'localPath is refused.');
    const remote = { url: `${egress.bridge}/git/${textField(answer, 'id')}`, headers: {}, local: true };
    return { remote, path: textField(answer, 'path') ?? localPath };
  } catch (error) {
    throw asMirrorError(error);
  }
}

async function readText(response: Response): Promise<string> {
  const body = openBody(response, 'the git bridge');
  const decoder = new TextDecoder();
  let text = '';
  for (let bytes = await body.read(); bytes; bytes = await body.read()) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > MAX_ANSWER) {
      await body.cancel();
      throw new MirrorError('unreachable', 'The git bridge answered too much.');
    }
  }
  return text;
}

function textField(value: unknown, name: string): string | null {
  if (typeof value !== 'object' || value === null || !(name in value)) return null;
  const field = (value as Record<string, unknown>)[name];
  return typeof field === 'string' ? field : null;
}
