import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Why a test that needs certificates is skipped; false where they can be made. */
export const noOpenssl: string | false =
  spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0 ? false : 'there is no openssl on this machine';

export type Certificates = {
  /** Of the authority. */
  readonly ca: string;
  /** Of another authority, which signed nothing. */
  readonly otherCa: string;
  /** A server's, for `localhost` and not for 127.0.0.1. */
  readonly cert: string;
  readonly key: string;
  remove(): void;
};

/** An authority and a server's certificate, as files, for a day. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(path.join(tmpdir(), 'parley-tls-'));
  const file = (name: string) => path.join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  for (const name of ['ca', 'other'])
    openssl(
      ...[
        'req',
        '-x509',
        ...key,
        '-days',
        '1',
        '-subj',
        `/CN=${name}`,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.pem`,
      ],
    );
  openssl('req', ...key, '-subj', '/CN=localhost', '-keyout', 'server.key', '-out', 'server.csr');
  writeFileSync(file('names'), 'subjectAltName=DNS:localhost\n');
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names', '-days', '1'];
  openssl('x509', '-req', '-in', 'server.csr', ...signed, '-out', 'server.pem');
  return {
    ...{ ca: file('ca.pem'), otherCa: file('other.pem'), cert: file('server.pem'), key: file('server.key') },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
