import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { signatureHeaders } from '../../../src/modules/webhooks/deliveries/signing.ts';
import { casesOf } from './files.ts';

type WebhookCase = {
  readonly name: string;
  readonly secrets: readonly string[] | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

suite('webhooks.json: how a delivery is signed', () => {
  for (const { name, secrets, headers, body } of casesOf<WebhookCase>('webhooks')) {
    if (secrets === null) continue;
    test(name, () => {
      const message = { id: headers['webhook-id'] ?? '', timestamp: Number(headers['webhook-timestamp']), body };
      assert.deepEqual(signatureHeaders(secrets, message), headers);
    });
  }
});
