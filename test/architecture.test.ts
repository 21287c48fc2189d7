import assert from 'node:assert/strict';
import path from 'node:path';
import test, { describe } from 'node:test';
import { RULES } from './architecture/rules.ts';
import { readSources, sourceOf } from './architecture/source.ts';

const sources = readSources(path.resolve(import.meta.dirname, '..'));

describe('the law of the house', () => {
  for (const { name, check } of RULES) test(name, () => assert.deepEqual(check(sources), []));
});

describe('each rule sees what it is there for', () => {
  for (const { name, check, bad } of RULES)
    for (const [index, files] of bad.entries())
      test(`${name}: ${index + 1}`, () => {
        const broken = check(Object.entries(files).map(([file, text]) => sourceOf(file, text)));
        assert.ok(broken.length > 0, JSON.stringify(files));
      });
});

describe('reading a source', () => {
  const specifiers = (text: string) => sourceOf('src/a/b.ts', text).imports.map((i) => i.specifier);

  test('finds imports in all their forms', () => {
    const text = [
      "import a, { type B } from './a.ts';",
      "import type {\n  C,\n  D,\n} from '../c.ts';",
      "export * from './e.ts';",
      "export { f } from './f.ts';",
      "import './g.ts';",
      "const h = await import('./h.ts');",
    ].join('\n');
    const found = sourceOf('src/a/b.ts', text).imports;
    assert.deepEqual(
      found.map((i) => [i.file, i.typeOnly]),
      [
        ['src/a/a.ts', false],
        ['src/c.ts', true],
        ['src/a/e.ts', false],
        ['src/a/f.ts', false],
        ['src/a/g.ts', false],
        ['src/a/h.ts', false],
      ],
    );
  });

  test('is not taken in by comments', () => {
    assert.deepEqual(specifiers("// import a from './a.ts';\n/* import b from './b.ts';\n */ const c = 'x';"), []);
  });

  test('an import of types alone vanishes, a mixed one does not', () => {
    const typeOnly = (text: string) => sourceOf('src/a.ts', text).imports[0]?.typeOnly;
    assert.equal(typeOnly("import { type A, type B } from 'kysely';"), true);
    assert.equal(typeOnly("import { type A, sql } from 'kysely';"), false);
    assert.equal(typeOnly("import a, { type B } from 'kysely';"), false);
  });

  test('blanks strings, templates and regular expressions, and keeps the code in templates', () => {
    const { code } = sourceOf(
      'src/a.ts',
      ["f('process.env'); g(`process.env $", "{h({ i: process.exit })} x`); /process.env'/.test(j);"].join(''),
    );
    assert.ok(!code.includes('process.env'));
    assert.ok(code.includes('process.exit'));
    assert.ok(code.includes('.test(j)'));
  });

  test('a quote in a regular expression or a comment does not hide what follows', () => {
    const { code } = sourceOf(
      'src/a.ts',
      "const a = /['\"]/;\n// don't\nconst b = x / y; process.exit(1); const c = 1 / 2;",
    );
    assert.ok(code.includes('process.exit(1)'));
  });
});
