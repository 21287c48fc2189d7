/** Whatever carries the signal that says when to give up; a `Ctx` does. */
export type Signalled = { readonly signal: AbortSignal };

/** A call that can be wrapped. */
export type Call<C extends Signalled, A extends readonly unknown[], R> = (ctx: C, ...args: A) => Promise<R>;

/**
 * A policy around a call: what goes in and what comes out stay what they were. They nest from the outside in, as
 * `retry(…)(breaker.wrap(timeout(…)(bulkhead.wrap(send))))`, and there is one layer of each.
 */
export type Wrapper = <C extends Signalled, A extends readonly unknown[], R>(next: Call<C, A, R>) => Call<C, A, R>;
