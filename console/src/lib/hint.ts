const KEY = 'parley.session';

/**
 * Whether somebody may be signed in here: the cookie itself no script can see. Without the hint no refresh is tried
 * that could only be refused; and what one tab says, the others hear. No secret, no truth.
 */
export const sessionHint = {
  get(): boolean {
    try {
      return localStorage.getItem(KEY) !== null;
    } catch {
      return true;
    }
  },
  set(signedIn: boolean): void {
    try {
      if (signedIn) localStorage.setItem(KEY, '1');
      else localStorage.removeItem(KEY);
    } catch {
      // Storage is forbidden here: every start tries.
    }
  },
  /** Told when another tab signed in or out. */
  onChange(listener: (signedIn: boolean) => void): () => void {
    const heard = ({ key, newValue }: StorageEvent): void => {
      if (key === KEY) listener(newValue !== null);
    };
    window.addEventListener('storage', heard);
    return () => window.removeEventListener('storage', heard);
  },
};
