/** An answer that is not of the form that was agreed. */
export class MalformedAnswer extends Error {
  override readonly name = 'MalformedAnswer';
}

/** Of one event. No provider's chunk comes near it. */
const MAX_EVENT_CHARS = 1024 * 1024;

/** The data of server-sent events, out of a text that may be cut anywhere. Other fields and comments are passed over. */
export class EventData {
  #rest = '';
  #data: string[] = [];
  #chars = 0;
  #begun = false;

  /** The data of each event that this piece completes. Throws `MalformedAnswer` where one does not end. */
  take(piece: string): string[] {
    const events: string[] = [];
    // A CR at the very end may be the first half of a line's end.
    const lines = (this.#rest + this.#behindMark(piece)).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() as string;
    for (const line of lines) {
      if (line === '') {
        if (this.#data.length > 0) events.push(this.#data.join('\n'));
        this.#data = [];
        this.#chars = 0;
      } else if (line.startsWith('data:')) {
        this.#data.push(line.slice(line[5] === ' ' ? 6 : 5));
        this.#chars += line.length;
      }
    }
    if (this.#rest.length + this.#chars > MAX_EVENT_CHARS)
      throw new MalformedAnswer('An event of the answer does not end');
    return events;
  }

  /** Without the mark that a text in UTF-8 may begin with. */
  #behindMark(piece: string): string {
    if (this.#begun || piece === '') return piece;
    this.#begun = true;
    return piece.startsWith('\uFEFF') ? piece.slice(1) : piece;
  }
}
