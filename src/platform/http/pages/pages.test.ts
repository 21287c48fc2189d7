import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { serverWith } from '../../../../test/support/http.ts';
import { healthRoutes } from '../health.ts';
import { openApiDocument } from '../openapi/document.ts';
import { consolePages } from './console.ts';
import { documentPages } from './documents.ts';

const register = [healthRoutes({ ping: async () => {}, draining: () => false })];
const config = { projectName: 'A <b>name</b>', version: '1.2.3' };
const tags = { health: 'Whether it runs.' };

async function withPages(folder: string) {
  return serverWith({
    register,
    pages: (app, routes) => {
      documentPages(app, { title: config.projectName, document: () => openApiDocument({ config, routes, tags }) });
      return consolePages(app, folder, { 'parley-api': '/my/"api"' });
    },
  });
}

test('the documents are served by this server alone', async () => {
  await using server = await withPages('/nowhere');
  const document = await server.app.inject('/openapi.json');
  assert.equal(document.json().openapi, '3.1.0');
  assert.equal(document.json().info.title, config.projectName);
  assert.deepEqual(document.json().tags, [{ name: 'health', description: 'Whether it runs.' }]);
  for (const url of ['/docs', '/redoc']) {
    const page = await server.app.inject(url);
    assert.equal(page.statusCode, 200);
    assert.ok(!page.body.includes('<b>'), 'the name is not escaped');
    const csp = String(page.headers['content-security-policy']);
    assert.match(csp, /script-src 'self';/);
    assert.ok(!/https?:/.test(csp));
    const files = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file as string);
    assert.ok(files.length >= 2);
    for (const file of files) {
      assert.match(file, /^\//, 'a file from elsewhere');
      const asset = await server.app.inject(file);
      assert.equal(asset.statusCode, 200, file);
      assert.ok(asset.rawPayload.length > 100, file);
    }
  }
  assert.equal((await server.app.inject({ method: 'HEAD', url: '/docs' })).statusCode, 200);
});

test('where no console has been built, the door leads to the documents', async () => {
  await using server = await withPages('/nowhere');
  const door = await server.app.inject({ url: '/', headers: { accept: 'text/html' } });
  assert.equal(door.statusCode, 302);
  assert.equal(door.headers.location, '/docs');
});

test('a built console is served at / and at its own paths, its files under /static/', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-console-'));
  try {
    await mkdir(join(folder, 'assets'));
    await writeFile(
      join(folder, 'index.html'),
      '<!doctype html><meta name="parley-api" content="/api/v1" /><title>Console</title>',
    );
    await writeFile(join(folder, 'assets', 'app-abc.js'), 'export {};');
    await writeFile(join(folder, 'favicon.svg'), '<svg/>');
    await using server = await withPages(folder);
    const page = { accept: 'text/html,*/*' };
    for (const url of ['/', '/discussions/01920000-0000-7000-8000-000000000001', '/sign-in?next=%2F']) {
      const answer = await server.app.inject({ url, headers: page });
      assert.equal(answer.statusCode, 200, url);
      assert.match(
        answer.body,
        /<meta name="parley-api" content="\/my\/&#34;api&#34;" data-built="\/api\/v1" \/>.*Console/,
      );
      const csp = String(answer.headers['content-security-policy']);
      assert.match(csp, /default-src 'self'; script-src 'self';.* img-src 'self' data: https:;/);
      assert.equal(csp.match(/https?:/g)?.length, 1, 'pictures alone may be elsewhere');
      assert.equal(answer.headers['cache-control'], 'no-cache');
    }
    const script = await server.app.inject('/static/assets/app-abc.js');
    assert.match(String(script.headers['cache-control']), /immutable/);
    assert.match(String(script.headers['content-type']), /javascript/);
    assert.equal((await server.app.inject('/static/favicon.svg')).headers['cache-control'], 'no-cache');
    const files = [
      'nothing.js',
      '',
      'assets/',
      '%00',
      '/etc/passwd',
      'index.html%00.js',
      '..%2f..%2f..%2fetc%2fpasswd',
    ];
    for (const url of [...files.map((file) => `/static/${file}`), '/api/v1/nothing', '/v1/nothing']) {
      const answer = await server.app.inject({ url, headers: page });
      assert.deepEqual([answer.statusCode, answer.json().error.code], [404, 'not_found'], url);
    }
    assert.equal(
      (await server.app.inject({ url: '/no/page', headers: { accept: 'application/json' } })).statusCode,
      404,
    );
    assert.equal((await server.app.inject({ method: 'POST', url: '/' })).statusCode, 405);
  } finally {
    await rm(folder, { recursive: true });
  }
});
