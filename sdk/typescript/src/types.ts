import type { operations } from './gen/openapi.ts';

// The wire's types under the names that people say. Made from contracts/openapi.json: what the server checks and
// what this client takes cannot drift apart.
type Responses<K extends keyof operations> = operations[K]['responses'];
type Json<T> = { content: { 'application/json': T } };
/** What an operation answers when it succeeds. */
type Ok<K extends keyof operations> =
  Responses<K> extends { 200: Json<infer T> } ? T : Responses<K> extends { 201: Json<infer T> } ? T : never;
/** What an operation is sent. */
type Body<K extends keyof operations> = operations[K] extends { requestBody?: Json<infer T> } ? T : never;
/** What an operation is asked with. */
type Asked<K extends keyof operations> = NonNullable<operations[K]['parameters']['query']>;

/** Who is signed in, and what they may do. `user` is null for an API key. */
export type Me = Ok<'getMe'>;
export type User = NonNullable<Me['user']>;
export type Tenant = Me['tenant'];
export type Role = Me['roles'][number];
export type Permission = Me['permissions'][number];
export type SignUpInput = Omit<Body<'register'>, 'session'>;
export type Session = Ok<'listSessions'>['items'][number];
export type Member = Ok<'listUsers'>['items'][number];
export type MemberPage = Ok<'listUsers'>;
export type Invitation = Ok<'listInvitations'>['items'][number];
export type InvitationPage = Ok<'listInvitations'>;
export type InvitationInput = Body<'createInvitation'>;
/** With its token: shown this once. */
export type NewInvitation = Ok<'createInvitation'>;
export type ApiKey = Ok<'listApiKeys'>['items'][number];
export type ApiKeyPage = Ok<'listApiKeys'>;
export type ApiKeyInput = Body<'createApiKey'>;
/** With the key itself: shown this once. */
export type NewApiKey = Ok<'createApiKey'>;

export type Provider = Ok<'listProviders'>['items'][number];
export type ProviderInput = Body<'putProvider'>;
export type DefaultModel = Ok<'getDefaultModel'>;
export type Model = Ok<'listModels'>['data'][number];
export type Generation = Ok<'getGeneration'>;
export type GenerationPage = Ok<'listGenerations'>;
export type GenerationQuery = Asked<'listGenerations'>;

export type Webhook = Ok<'getWebhook'>;
export type WebhookPage = Ok<'listWebhooks'>;
export type WebhookInput = Body<'createWebhook'>;
export type WebhookChange = Body<'changeWebhook'>;
/** With its secret: shown this once. */
export type NewWebhook = Ok<'createWebhook'>;
export type WebhookReplay = Ok<'replayWebhook'>;
export type WebhookReplayInput = Body<'replayWebhook'>;
export type WebhookDelivery = WebhookDeliveryPage['items'][number];
export type WebhookDeliveryPage = Ok<'listWebhookDeliveries'>;
export type WebhookDeliveryQuery = Asked<'listWebhookDeliveries'>;
export type WebhookDeliveryWithBody = Ok<'getWebhookDelivery'>;

export type DocumentPage = Ok<'listDocuments'>;
/** In lists: without its text; in a search with a `snippet`, HTML with everything escaped but `<mark>`. */
export type Document = DocumentPage['items'][number];
export type DocumentWithText = Ok<'getDocument'>;
export type DocumentInput = Body<'createDocument'>;
export type DocumentChange = Body<'changeDocument'>;
export type DocumentQuery = Asked<'listDocuments'>;

export type Product = Ok<'getProduct'>;
export type ProductPage = Ok<'listProducts'>;
export type ProductInput = Body<'createProduct'>;
export type ProductChange = Body<'changeProduct'>;
export type ProductQuery = Asked<'listProducts'>;
/** In minor units of the currency: 1999 EUR are 19.99 euros. */
export type Money = Product['price'];

/** A snapshot, with the cursor to go on from. */
export type Order = Ok<'getOrder'>;
export type OrderPage = Ok<'listOrders'>;
/** In lists: the cursor is the list's. */
export type OrderFacts = OrderPage['items'][number];
export type OrderLine = Order['lines'][number];
export type OrderInput = Body<'createOrder'>;
export type OrderQuery = Asked<'listOrders'>;
export type OrderStatus = Order['status'];
export type Customer = NonNullable<Order['customer']>;

export type Agent = Ok<'getAgent'>;
export type AgentPage = Ok<'listAgents'>;
export type AgentInput = Body<'createAgent'>;
export type AgentChange = Body<'changeAgent'>;
export type AgentQuery = Asked<'listAgents'>;
export type Parameters = Agent['parameters'];
export type InvokeInput = Body<'invokeAgent'>;
export type Invocation = Ok<'invokeAgent'>;
/** What `agents.stream` yields. `offset` counts UTF-16 units: where in the answer the text goes. */
export type AgentEvent = { type: 'delta'; offset: number; text: string } | ({ type: 'done' } & Invocation);

/** A snapshot, with the cursor to go on from. */
export type Discussion = Ok<'getDiscussion'>;
export type DiscussionPage = Ok<'listDiscussions'>;
/** In lists: the cursor is the list's. */
export type DiscussionFacts = DiscussionPage['items'][number];
export type DiscussionInput = Body<'createDiscussion'>;
export type ResumeInput = Body<'resumeDiscussion'>;
export type DiscussionFork = Body<'forkDiscussion'>;
/** What `export` with `format: json` gives, parsed. */
export type DiscussionExport = Ok<'exportDiscussion'>;
export type DiscussionQuery = Asked<'listDiscussions'>;
export type DiscussionStatus = Discussion['status'];
export type Participant = Discussion['participants'][number];
export type Policy = Discussion['policy'];
export type NextSpeaker = NonNullable<Discussion['next_speaker']>;
export type ContextInput = NonNullable<DiscussionInput['context']>[number];
export type MessagePage = Ok<'listMessages'>;
export type MessageQuery = Asked<'listMessages'>;
export type Message = MessagePage['items'][number];
export type MessageInput = Body<'postMessage'>;
export type PostedMessage = Ok<'postMessage'>;
export type Citation = NonNullable<Message['metadata']['citations']>[number];
export type Usage = NonNullable<Message['usage']>;
export type TurnPage = Ok<'listTurns'>;
export type TurnQuery = Asked<'listTurns'>;
export type Turn = TurnPage['items'][number];
/** What the speaker was given for a turn, word for word. */
export type TurnContext = Ok<'getTurnContext'>;
export type DiscussionMemory = Ok<'getDiscussionMemory'>;
/** What a seat posts with, until its deadline. */
export type TurnClaim = Ok<'claimTurn'>;
/** With the key itself: shown this once. */
export type SeatKey = Ok<'issueSeatKey'>;

export type RolePermissions = Ok<'listRoles'>['items'][number];

/** An event of the log: CloudEvents 1.0, and where it stands. */
export type LogEvent = Ok<'listEvents'>['items'][number];
export type EventPage = Ok<'listEvents'>;
export type EventQuery = Asked<'listEvents'>;
export type EventDetails = Ok<'getEvent'>;
export type Streams = Ok<'getStreams'>;
export type DeadLetter = Ok<'getDeadLetter'>;
export type DeadLetterPage = Ok<'listDeadLetters'>;
/** In lists: without its content. */
export type DeadLetterSummary = DeadLetterPage['items'][number];
export type DeadLetterQuery = Asked<'listDeadLetters'>;
/** Which of them: by their ids, by what they are, or (nothing named) all. */
export type DeadLetterSelection = Body<'requeueDeadLetters'>;
/** How many letters are handled again, and how many stay because an unfinished job has their key. */
export type Requeued = Ok<'requeueDeadLetters'>;
export type AuditPage = Ok<'listAuditLog'>;
export type AuditRecord = AuditPage['items'][number];
export type AuditQuery = Asked<'listAuditLog'>;
export type AuditVerification = Ok<'verifyAuditLog'>;
export type Health = Ok<'getHealth'>;
export type Readiness = Ok<'getReadiness'>;
export type Jwks = Ok<'getJwks'>;
export type SystemReport = Ok<'getSystem'>;
/** The server's OpenAPI document, as far as one reads it to find one's way. */
export type ApiDocument = {
  openapi: string;
  info: { title: string; version: string };
  tags?: { name: string; description?: string }[];
  paths: Record<string, { [method: string]: ApiOperation | undefined }>;
};
export type ApiOperation = { operationId?: string; summary?: string; description?: string; tags?: string[] };

export type ChatInput = Omit<Body<'createChatCompletion'>, 'stream'>;
export type ChatCompletion = Ok<'createChatCompletion'>;
/** One piece of a streamed answer. The one with the `finish_reason` carries Parley's own account of the call. */
export type ChatChunk = {
  id: string;
  object: 'chat.completion.chunk';
  created: number;
  model: string;
  choices: {
    index: number;
    delta: { role?: 'assistant'; content?: string };
    finish_reason: ChatCompletion['choices'][number]['finish_reason'] | null;
  }[];
  usage?: ChatCompletion['usage'] | null;
  parley?: ChatCompletion['parley'];
};
