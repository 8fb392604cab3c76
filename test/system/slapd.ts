/** A real slapd on ports of its own, with a certificate by an authority of its own; everything in one folder. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { freePort, sleep } from '../e2e/server-process.ts';

const SCHEMAS = ['core', 'cosine', 'nis', 'inetorgperson'];

export interface Slapd {
  port: number;
  tlsPort: number;
  /** The authority's certificate. */
  authority: string;
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  stop(): Promise<unknown>;
}

/**
 * @param settings lines of slapd.conf for the database, e.g. access rules
 * @param ldif its entries; the suffix is `dc=example,dc=org`
 */
export async function startSlapd(folder: string, settings: string[], ldif: string): Promise<Slapd> {
  const at = (name: string) => path.join(folder, name);
  mkdirSync(at('data'), { recursive: true });
  makeCertificate(folder);
  const configuration = [
    ...SCHEMAS.map((name) => `include /etc/ldap/schema/${name}.schema`),
    'modulepath /usr/lib/ldap',
    'moduleload back_mdb',
    'moduleload memberof',
    `TLSCertificateFile ${at('server.pem')}`,
    `TLSCertificateKeyFile ${at('server.key')}`,
    `TLSCACertificateFile ${at('authority.pem')}`,
    'database mdb',
    'suffix dc=example,dc=org',
    'maxsize 16777216',
    `directory ${at('data')}`,
    ...settings,
    'overlay memberof',
  ];
  writeFileSync(at('slapd.conf'), `${configuration.join('\n')}\n`);
  writeFileSync(at('data.ldif'), ldif);
  execFileSync('/usr/sbin/slapadd', ['-q', '-f', at('slapd.conf'), '-l', at('data.ldif')], { stdio: 'pipe' });
  const [port, tlsPort] = [await freePort(), await freePort()];
  // The other address is one that the certificate is not for.
  const urls = ['127.0.0.1', '127.0.0.2'].flatMap((host) => [
    `ldap://${host}:${port}`,
    `ldaps://${host}:${tlsPort}`,
  ]);
  const child = spawn('/usr/sbin/slapd', ['-d', '0', '-f', at('slapd.conf'), '-h', urls.join(' ')], {
    stdio: 'ignore',
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await listening(port, child);
  return {
    port,
    tlsPort,
    authority: at('authority.pem'),
    signal: (name) => void child.kill(name),
    stop: () => {
      child.kill('SIGCONT');
      child.kill();
      return exited;
    },
  };
}

function makeCertificate(folder: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  writeFileSync(path.join(folder, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  openssl(
    ...['req', '-x509', ...key, '-keyout', 'authority.key', '-out', 'authority.pem', '-days', '2'],
    ...['-subj', '/CN=an authority of the tests', '-addext', 'keyUsage=critical,keyCertSign'],
  );
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
  openssl(
    ...[
      'x509',
      '-req',
      '-in',
      'server.csr',
      '-CA',
      'authority.pem',
      '-CAkey',
      'authority.key',
      '-CAcreateserial',
    ],
    ...['-out', 'server.pem', '-days', '2', '-extfile', 'names'],
  );
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  for (let n = 0; n < 200; n++) {
    if (child.exitCode !== null) throw new Error(`slapd ended with ${child.exitCode}`);
    const open = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await sleep(25);
  }
  throw new Error('slapd does not listen');
}
