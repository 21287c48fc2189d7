/** Everything that can be set, read once at the start. `env.ts` makes it; nothing else reads the environment. */
export type Config = {
  readonly profile: 'development' | 'testing' | 'production';
  readonly projectName: string;
  readonly version: string;
  readonly debug: boolean;
  readonly host: string;
  /** The public door (`PORT`, 8080) and the api's own (`API_PORT`, 8000); 0 takes any free port. */
  readonly port: number;
  readonly apiPort: number;
  readonly metricsPort: number;
  readonly apiPrefix: string;
  readonly publicUrl: string;
  /** CIDR ranges or addresses whose `X-Forwarded-*` is believed. */
  readonly trustedProxies: readonly string[];
  readonly corsOrigins: readonly string[];
  /** Absolute path. */
  readonly dataDir: string;
  /** A server of your own; undefined starts the packaged one under `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** 32 bytes. */
  readonly masterKey: Buffer;
  readonly signup: 'open' | 'invite' | 'closed';
  readonly logRetentionDays: number;
  /** Hosts, `host:port` or CIDR ranges that tenants' URLs may reach although they are private. */
  readonly outboundAllow: readonly string[];
  readonly otlpEndpoint: string | undefined;
  readonly providers: ProviderSettings;
};

/** Keys that the operator set in the environment; every tenant may use them. */
export type ProviderSettings = {
  readonly openai?: { readonly apiKey: string; readonly baseUrl?: string };
  readonly anthropic?: { readonly apiKey: string; readonly baseUrl?: string };
  readonly google?: { readonly apiKey: string; readonly baseUrl?: string };
  /** `OPENAI_COMPATIBLE_URL`, `…_API_KEY`: model ids `local/…`. Operator-set, so a private address is trusted. */
  readonly compatible?: { readonly baseUrl: string; readonly apiKey?: string };
};
