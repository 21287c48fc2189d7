import { connectionError } from './errors.ts';
import { linked } from './retry.ts';
import { meaning, type Send, type Transport } from './transport.ts';

/** A file that the server makes as you read it. Read it to its end, or cancel `body`. */
export type ExportedFile = {
  /** As the server would name it. */
  filename: string;
  contentType: string;
  body: ReadableStream<Uint8Array>;
  /** The whole of it; throws when it broke off. */
  text(): Promise<string>;
};

export async function exported(transport: Transport, send: Send, signal?: AbortSignal): Promise<ExportedFile> {
  const { controller, release } = linked(signal);
  try {
    const response = await transport.open(send, controller.signal);
    const { body, headers } = response;
    if (!body) throw connectionError('invalid_response', 'The answer has no body.');
    return {
      filename: filenameIn(headers.get('content-disposition') ?? ''),
      contentType: headers.get('content-type') ?? '',
      body,
      text: () =>
        response
          .text()
          .catch((error) => {
            throw meaning(error, controller.signal);
          })
          .finally(release),
    };
  } catch (error) {
    release();
    throw meaning(error, controller.signal);
  }
}

function filenameIn(disposition: string): string {
  const full = /filename\*=UTF-8''([^;]+)/i.exec(disposition)?.[1];
  return full === undefined ? (/filename="([^"]*)"/i.exec(disposition)?.[1] ?? 'download') : decodeURIComponent(full);
}
