/** A place in a cache. Only `cacheKey` makes one. */
export type CacheKey = string & { readonly __brand: 'CacheKey' };

/** Changes when the form of keys or entries does, so that a new release never reads an old one's. */
const FORMAT = 1;

/**
 * The only way to a key, and the tenant is in each. Parts are told with their lengths, so no two lists of parts give the
 * same key, whatever is in them. What an answer depends on belongs into the parts: also roles, where they matter.
 * `resource` names what is kept and its form; give it another name (`product.2`) when the form changes.
 */
export function cacheKey(tenantId: string, resource: string, ...parts: readonly string[]): CacheKey {
  let key = `${FORMAT}:${tenantId.length}:${tenantId}:${resource.length}:${resource}`;
  for (const part of parts) key += `:${part.length}:${part}`;
  return key as CacheKey;
}
