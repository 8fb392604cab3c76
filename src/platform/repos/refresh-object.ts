/**
 * Keeps a repo's indexed refs fresh, one object a repo with `refreshMinutes`: its alarm asks the remote and syncs what
 * has moved. An alarm and not a cron, because alarms survive a restart and fire locally too.
 */
import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../../env.ts';
import { MirrorError } from '../../ingest/mirror/mirror-error.ts';
import { services } from '../../services.ts';
import { systemScope } from '../../store/repos.ts';
import { refreshRefs } from './refresh.ts';

const REPO = 'repo';
const MINUTE_MS = 60_000;

export class RefreshObject extends DurableObject<Env> {
  /** Starts, moves or (with null) ends the rounds of a repo. */
  async schedule(repoKey: number, minutes: number | null): Promise<void> {
    if (minutes === null) return this.ctx.storage.deleteAll();
    this.ctx.storage.kv.put(REPO, repoKey);
    await this.ctx.storage.setAlarm(Date.now() + minutes * MINUTE_MS);
  }

  override async alarm(): Promise<void> {
    const s = services(this.env);
    const repoKey = this.ctx.storage.kv.get<number>(REPO);
    const scope = repoKey === undefined ? null : await systemScope(s.db, repoKey);
    const minutes = scope?.row.refreshMinutes ?? null;
    if (!scope || minutes === null) return this.ctx.storage.deleteAll();
    // Set first: a round that dies is followed by the next one.
    await this.ctx.storage.setAlarm(Date.now() + minutes * MINUTE_MS);
    try {
      await refreshRefs(s, scope);
    } catch (error) {
      if (!(error instanceof MirrorError)) throw error;
      s.log.warn('remote not refreshed', { repo: scope.repo.id, reason: error.message });
    }
  }
}
