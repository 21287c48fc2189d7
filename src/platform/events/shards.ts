/** How many shards the log has. A tenant's shard follows from its id, so this number is part of the data: never change it. */
export const SHARDS = 8;

export const ALL_SHARDS: readonly number[] = Array.from({ length: SHARDS }, (_, shard) => shard);

/** The shard that a tenant lives in: FNV-1a over the id's text. */
export function shardOf(tenantId: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < tenantId.length; i++) hash = Math.imul(hash ^ tenantId.charCodeAt(i), 0x01000193);
  // The upper bits are folded in: FNV's lowest bits alone follow the last characters too closely.
  return ((hash ^ (hash >>> 15)) >>> 0) % SHARDS;
}
