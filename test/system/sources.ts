/** The source of pinned packages, from npm's registry or Debian's archive, as a git repository each. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Packages that come from npm; all others are Debian's. */
const NPM: ReadonlySet<string> = new Set(['node-gyp', 'cordova-android', 'uniffi-bindgen-react-native']);
/** The release whose source packages the truth was read in; its versions move no more. */
const RELEASE = 'bookworm';

/** Makes `<root>/<name>` a repository with one commit of the package's source. */
export function repositoryOf(root: string, name: string, version: string): string {
  const downloads = path.join(root, '.downloads', name);
  const target = path.join(root, name);
  mkdirSync(downloads, { recursive: true });
  mkdirSync(target, { recursive: true });
  const archive = NPM.has(name) ? fromNpm(downloads, name, version) : fromDebian(downloads, name, version);
  run('tar', ['xf', archive, '-C', target, '--strip-components=1'], downloads);
  run('git', ['init', '-q', '-b', 'main'], target);
  run('git', ['add', '-A', '-f'], target);
  run(
    'git',
    ['-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '-qm', `${name} ${version}`],
    target,
  );
  return target;
}

function fromNpm(directory: string, name: string, version: string): string {
  run('npm', ['pack', '--silent', `${name}@${version}`], directory);
  return only(directory, '.tgz');
}

/**
 * `apt-get source` over lists of its own, so that the machine's configuration neither matters nor changes. The release
 * fixes the upstream version, which is what is asked for; Debian's own patches come and are not unpacked.
 */
function fromDebian(directory: string, name: string, version: string): string {
  const apt = path.join(path.dirname(directory), '.apt');
  const configuration = path.join(apt, 'apt.conf');
  const environment = { APT_CONFIG: configuration };
  for (const part of ['parts', 'lists/partial', 'cache/archives/partial']) {
    mkdirSync(path.join(apt, part), { recursive: true });
  }
  writeFileSync(
    path.join(apt, 'parts/sources.sources'),
    [
      'Types: deb-src',
      'URIs: http://deb.debian.org/debian',
      `Suites: ${RELEASE}`,
      'Components: main',
      'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg',
      '',
    ].join('\n'),
  );
  writeFileSync(
    configuration,
    [
      'Dir::Etc::SourceList "/dev/null";',
      `Dir::Etc::SourceParts "${apt}/parts";`,
      `Dir::State::Lists "${apt}/lists";`,
      `Dir::Cache "${apt}/cache";`,
      // Downloads go to a directory of the caller, which apt's own user cannot write.
      'APT::Sandbox::User "root";',
      '',
    ].join('\n'),
  );
  if (!readdirSync(path.join(apt, 'lists')).some((list) => list.endsWith('Sources'))) {
    run('apt-get', ['-qq', 'update'], directory, environment);
  }
  run('apt-get', ['-qq', 'source', '--download-only', name], directory, environment);
  return only(directory, `_${version}.orig.tar.`);
}

function only(directory: string, part: string): string {
  const found = readdirSync(directory).filter((file) => file.includes(part) && !file.endsWith('.asc'));
  if (found.length !== 1) throw new Error(`${found.length} archives in ${directory}`);
  return path.join(directory, found[0]!);
}

function run(program: string, args: string[], cwd: string, environment: Record<string, string> = {}): void {
  execFileSync(program, args, {
    cwd,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 120_000,
  });
}
