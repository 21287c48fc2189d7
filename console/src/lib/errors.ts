import { ParleyError } from '@parley/sdk';

/** What went wrong, in a sentence for a person. */
export function sentence(error: unknown): string {
  if (error instanceof ParleyError) {
    if (error.code === 'connection_failed') return 'The server cannot be reached. It may be restarting.';
    if (error.code === 'version_mismatch') return 'Somebody else changed this meanwhile. Reload to see their version.';
    if (error.code === 'permission_denied') return 'Your role does not allow this.';
    if (error.code === 'invalid_grant') return 'The email or the password is wrong.';
    return error.message;
  }
  return 'Something went wrong in the console.';
}

/** The number to quote to whoever runs the server: where they, not the reader, have to look. */
export function reference(error: unknown): string | undefined {
  return error instanceof ParleyError && (error.status ?? 500) >= 500 ? error.requestId : undefined;
}

/** Problems by field, as a form shows them. */
export function fieldProblems(error: unknown): Record<string, string> {
  if (!(error instanceof ParleyError)) return {};
  return Object.fromEntries(error.fields.map(({ field, message }) => [field, message]));
}
