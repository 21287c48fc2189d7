import type { CursorPage } from './pages.ts';

export type Role = 'owner' | 'admin' | 'developer' | 'operator' | 'viewer';
export type User = { id: string; email: string; name: string };
export type Tenant = { id: string; name: string };
/** Who is signed in, and what they may do. */
export type Me = {
  user: User;
  tenant: Tenant;
  roles: Role[];
  permissions: string[];
  tenants: Tenant[];
};
export type Session = {
  id: string;
  current: boolean;
  user_agent: string | null;
  ip: string | null;
  created_at: string;
  last_used_at: string;
};
export type Member = { id: string; email: string; name: string; roles: Role[]; created_at: string };
export type Invitation = {
  id: string;
  email: string;
  roles: Role[];
  status: 'open' | 'accepted' | 'expired';
  /** Only in the answer that makes it: what the invited person opens. */
  token?: string;
  expires_at: string;
  created_at: string;
};
export type ApiKey = {
  id: string;
  name: string;
  /** The beginning of the key, to know it by. */
  prefix: string;
  scopes: string[];
  expires_at: string | null;
  last_used_at: string | null;
  created_at: string;
};
/** With the key itself: shown this once. */
export type NewApiKey = ApiKey & { key: string };

export type ProviderKind = 'openai' | 'anthropic' | 'google' | 'openai_compatible';
export type Provider = {
  name: string;
  kind: ProviderKind;
  base_url: string;
  /** `tenant`: set here; `operator`: by whoever runs the server; `local`: found on its machine. */
  source: 'tenant' | 'operator' | 'local';
  api_key_set: boolean;
  api_key_last4: string | null;
  updated_at: string | null;
};
export type DefaultModel = {
  /** What was chosen; null: it depends on what is configured. */
  model: string | null;
  /** What a request without a model is given now. */
  effective: string;
};
export type Model = { id: string; object: 'model'; created: number; owned_by: string };

export type Document = {
  id: string;
  title: string;
  bytes: number;
  words: number;
  metadata: Record<string, unknown>;
  version: number;
  created_at: string;
  updated_at: string;
  /** Only in a search: where the words were found, as HTML with everything escaped but `<mark>`. */
  snippet?: string;
};
export type DocumentWithText = Document & { text: string };

export type Parameters = {
  temperature?: number;
  top_p?: number;
  max_tokens?: number;
  seed?: number;
  stop?: string[];
};
export type Agent = {
  id: string;
  name: string;
  model: string | null;
  instructions: string;
  parameters: Parameters;
  memory: { window?: number };
  metadata: Record<string, unknown>;
  status: 'active' | 'archived';
  version: number;
  created_at: string;
  updated_at: string;
};
export type AgentInput = {
  name: string;
  model?: string | null;
  instructions?: string;
  parameters?: Parameters;
  memory?: { window?: number };
  metadata?: Record<string, unknown>;
};
export type Usage = {
  input_tokens: number;
  output_tokens: number;
  /** Integer billionths of a US dollar; null when no price is known. */
  cost_nano_usd: number | null;
};
export type Citation = { document_id: string | null; title: string; quote: string };
/** A document known here, or a text of your own. */
export type ContextInput = { document_id: string } | { title: string; text: string };
export type InvokeInput = {
  input: string | { role: 'system' | 'user' | 'assistant'; content: string }[];
  context?: ContextInput[];
};
export type Invocation = {
  content: string;
  model: string;
  provider: string;
  /** The answer was composed by rule, by no language model. */
  rehearsal: boolean;
  usage: Usage;
  time_to_first_token_ms: number;
  duration_ms: number;
  generation_id: string;
  citations?: Citation[];
};
/** What `agents.stream` yields. `offset` counts UTF-16 units: where in the answer the text goes. */
export type AgentEvent = { type: 'delta'; offset: number; text: string } | ({ type: 'done' } & Invocation);

export type Generation = {
  id: string;
  model: string;
  provider: string;
  status: 'succeeded' | 'failed' | 'aborted';
  error_code: string | null;
  input_tokens: number;
  output_tokens: number;
  cost_nano_usd: number | null;
  time_to_first_token_ms: number | null;
  duration_ms: number;
  agent_id: string | null;
  discussion_id: string | null;
  turn: number | null;
  rehearsal: boolean;
  created_at: string;
};

export type DiscussionStatus = 'created' | 'running' | 'waiting' | 'paused' | 'completed' | 'cancelled' | 'failed';
export type Participant = {
  id: string;
  kind: 'agent' | 'user';
  agent_id?: string | null;
  user_id?: string | null;
  name: string;
};
export type Policy =
  | { type: 'round_robin'; order?: string[] }
  | { type: 'moderator'; agent_id?: string; model?: string };
export type Limits = {
  max_turns?: number;
  max_tokens?: number;
  max_cost_usd?: number;
  max_seconds?: number;
  turn_timeout_seconds?: number;
};
export type NextSpeaker = { participant_id: string; name: string; kind: 'agent' | 'user'; reason: string };
export type Discussion = {
  id: string;
  topic: string;
  status: DiscussionStatus;
  status_reason: string | null;
  policy: Policy;
  limits: Limits;
  on_post: 'enqueue' | 'interrupt';
  on_turn_failure: 'pause' | 'skip';
  memory: { window?: number };
  participants: Participant[];
  context: { title: string; document_id: string; bytes: number }[];
  turn: number;
  next_speaker: NextSpeaker | null;
  usage: {
    turns: number;
    input_tokens: number;
    output_tokens: number;
    /** Generations without a known price count 0. */
    cost_nano_usd: number;
    elapsed_seconds: number;
  };
  /** How many there are; the newest has this `seq`. */
  messages: number;
  version: number;
  created_by: { kind: 'user' | 'api_key' | 'system'; id: string; name: string };
  created_at: string;
  updated_at: string;
  started_at: string | null;
  ended_at: string | null;
  /** Where the log stood when this was read: give it to `discussions.events`. */
  cursor: string;
};
/** In lists: the cursor is the list's. */
export type DiscussionFacts = Omit<Discussion, 'cursor'>;
export type DiscussionInput = {
  topic: string;
  participants: ({ agent_id: string } | { user_id: string })[];
  policy?: Policy;
  limits?: Limits;
  context?: ContextInput[];
  on_post?: 'enqueue' | 'interrupt';
  on_turn_failure?: 'pause' | 'skip';
  memory?: { window?: number };
  start?: boolean;
};
export type Message = {
  id: string;
  /** 1, 2, 3 … within its discussion. */
  seq: number;
  turn: number | null;
  author: {
    kind: 'agent' | 'user' | 'system';
    participant_id: string | null;
    agent_id: string | null;
    user_id: string | null;
    name: string;
  };
  content: string;
  metadata: {
    model?: string;
    provider?: string;
    rehearsal?: boolean;
    citations?: Citation[];
    finish_reason?: string;
  };
  usage: Usage | null;
  time_to_first_token_ms: number | null;
  duration_ms: number | null;
  created_at: string;
};
export type MessagePage = CursorPage<Message> & { cursor: string };
export type Turn = {
  turn: number;
  participant_id: string;
  name: string;
  status: 'running' | 'waiting' | 'paused' | 'completed' | 'interrupted' | 'skipped' | 'failed' | 'cancelled';
  /** Why it was their turn, in a sentence. */
  reason: string;
  attempts: number;
  error: { code: string; message: string } | null;
  message_id: string | null;
  usage: Usage;
  started_at: string;
  ended_at: string | null;
};
