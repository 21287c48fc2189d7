/** What the server wrote into the page: `parley-api` (its prefix), `parley-signup` (`open`, `invite`, `closed`). */
export function told(name: 'parley-api' | 'parley-signup', otherwise: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content || otherwise;
}
