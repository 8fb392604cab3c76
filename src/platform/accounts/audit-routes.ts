/** `/admin/audit`. */
import { feature, json, route } from '../../http/feature.ts';
import { setPage, windowOf } from '../../http/pagination.ts';
import { type AuditRow, listAudit } from '../../store/audit.ts';
import { auditList, auditQuery } from './schemas.ts';

const list = route({
  method: 'get',
  path: '/admin/audit',
  scope: 'admin:system',
  role: 'admin',
  tags: ['Users'],
  operationId: 'listAuditEntries',
  summary: 'Logins, keys, users and grants: who did what, newest first',
  description: 'Entries stay for 400 days.',
  etag: true,
  request: { query: auditQuery },
  responses: { 200: { description: 'Entries', content: json(auditList) } },
});

export const auditRoutes = feature();

auditRoutes.openapi(list, async (c) => {
  const { page: _page, per_page, limit: _limit, offset, ...filter } = c.req.valid('query');
  const window = windowOf(c.req.valid('query'));
  const limit = window.limit ?? window.perPage;
  const { rows, total } = await listAudit(c.var.services.db, { ...filter, limit, offset: window.offset });
  setPage(c, window, total);
  return c.json({ items: rows.map(view), total, page: window.page, per_page: window.perPage }, 200);
});

function view({ id, at, action, actorId, actorName, via, targetKind, targetId, ...row }: AuditRow) {
  const target =
    targetKind === null || targetId === null
      ? null
      : { kind: targetKind, id: targetId, name: row.targetName };
  return {
    id,
    at,
    action,
    actor: actorId === null ? null : { id: actorId, username: actorName },
    via,
    target,
    detail: row.detail,
    ip: row.ip,
    request_id: row.requestId,
  };
}
