import { findLocalServers } from '../../modules/models/index.ts';
import type { Config } from '../../platform/config/config.ts';
import { createOutbound } from '../../platform/net/outbound.ts';
import { type Finding, ok } from './report.ts';

/** Which models an agent could speak with. Keys are not tried: that would cost, and tell the provider. */
export async function checkModels(config: Config): Promise<Finding[]> {
  const findings = Object.keys(config.providers).map((name) =>
    ok(`Models of ${name === 'compatible' ? 'OPENAI_COMPATIBLE_URL' : name} are set in the environment.`),
  );
  const outbound = createOutbound({ allow: config.outboundAllow });
  try {
    for (const { url, models } of await findLocalServers(outbound, config))
      findings.push(ok(`A model server of this machine answers at ${url} with ${models.length} model(s).`));
  } finally {
    await outbound.close();
  }
  if (findings.length > 0) return findings;
  return [
    ok('No model is set up, so agents rehearse: that works without one, and says so. A tenant may add its own keys.'),
  ];
}
