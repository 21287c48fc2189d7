import { Type } from 'typebox';
import { pageOf, pageQuery } from '../../platform/http/paging.ts';
import type { Router } from '../../platform/http/router.ts';
import { etagOf, ifMatch } from '../../platform/http/versions.ts';
import { ChangeDocument, CreateDocument, Document, DocumentFacts, DocumentHit, DocumentParams } from './schemas.ts';
import type { Knowledge } from './service.ts';

/** A text of 1 MiB may take six times that as JSON, when every character is escaped. */
const BODY_LIMIT = 8 * 1024 * 1024;
const tag = 'documents';

export function knowledgeRoutes(router: Router, knowledge: Knowledge): void {
  router.command({
    url: '/documents',
    operationId: 'createDocument',
    summary: 'Keep a document',
    description: 'A text for the discussions and agents of this tenant. It can be searched at once.',
    tag,
    access: 'documents:write',
    bodyLimit: BODY_LIMIT,
    body: CreateDocument,
    response: DocumentFacts,
    handler: async (tx, { body }) => {
      const created = await knowledge.create(tx, body);
      return { body: created, headers: { etag: etagOf(created.version) } };
    },
  });

  router.route({
    method: 'GET',
    url: '/documents',
    operationId: 'listDocuments',
    summary: 'List or search documents',
    description:
      'Newest first; with `q`, a ranked full-text search: words, `"exact words"`, `or`, `-without`. Any text is a valid query.',
    tag,
    access: 'documents:read',
    query: Type.Object({ ...pageQuery.properties, q: Type.Optional(Type.String({ maxLength: 500 })) }),
    response: pageOf(DocumentHit),
    handler: ({ ctx, query: { q, ...paging } }) =>
      q?.trim() ? knowledge.search(ctx, q, paging) : knowledge.list(ctx, paging),
  });

  router.route({
    method: 'GET',
    url: '/documents/:document_id',
    operationId: 'getDocument',
    summary: 'Read a document with its text',
    tag,
    access: 'documents:read',
    params: DocumentParams,
    response: Document,
    errors: ['not_found'],
    handler: async ({ ctx, params, reply }) => {
      const document = await knowledge.get(ctx, params.document_id);
      reply.header('etag', etagOf(document.version));
      return document;
    },
  });

  router.route({
    method: 'PATCH',
    url: '/documents/:document_id',
    operationId: 'changeDocument',
    summary: 'Change a document',
    tag,
    access: 'documents:write',
    bodyLimit: BODY_LIMIT,
    params: DocumentParams,
    body: ChangeDocument,
    response: DocumentFacts,
    errors: ['not_found', 'version_mismatch', 'precondition_required'],
    handler: async ({ ctx, params, body, request, reply }) => {
      const changed = await knowledge.update(ctx, params.document_id, { ...body, match: ifMatch(request) });
      reply.header('etag', etagOf(changed.version));
      return changed;
    },
  });

  router.route({
    method: 'DELETE',
    url: '/documents/:document_id',
    operationId: 'deleteDocument',
    summary: 'Delete a document',
    description: 'Discussions that were given it go on without it.',
    tag,
    access: 'documents:write',
    params: DocumentParams,
    status: 204,
    errors: ['not_found'],
    handler: ({ ctx, params }) => knowledge.remove(ctx, params.document_id),
  });
}
