import { readFileSync } from 'node:fs';

/** The cases of a file in contracts/cases; its README says what they mean. */
export function casesOf<T>(name: string): T[] {
  const file = new URL(`../../../contracts/cases/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { cases: T[] }).cases;
}
