/**
 * Secrets at rest: AES-256-GCM under a data key per tenant, itself sealed by the master key.
 * `purpose` (`table/row/column`) is bound to the ciphertext, so that it opens nowhere else.
 */
export interface Secrets {
  seal(tenantId: string, purpose: string, plaintext: string): Promise<string>;
  /** Throws when the text was changed, moved to another purpose, or belongs to another tenant. */
  open(tenantId: string, purpose: string, sealed: string): Promise<string>;
  /** For what belongs to no tenant (signing keys): sealed by the system's own data key. */
  sealSystem(purpose: string, plaintext: string): Promise<string>;
  openSystem(purpose: string, sealed: string): Promise<string>;
}
