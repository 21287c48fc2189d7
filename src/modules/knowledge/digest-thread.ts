import { type Digest, digestOf } from './digest.ts';

/** The thread's side of `digest`. */
export default function run({ input }: { input: { text: string } }): Digest {
  return digestOf(input.text);
}
