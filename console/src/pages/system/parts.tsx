import type { Streams, SystemReport } from '@parley/sdk';
import type { ReactNode } from 'react';
import { bytes, count } from '../../lib/format.ts';
import { Link } from '../../lib/router.tsx';
import { Fact } from '../../ui/facts.tsx';
import { When } from '../../ui/page.tsx';
import { breakersOf } from './breakers.ts';

/** The processes that serve this installation now. */
export function ProcessesCard({ report: { processes } }: { report: SystemReport }): ReactNode {
  return (
    <section className="system-card" aria-labelledby="processes-title">
      <h2 id="processes-title">Processes</h2>
      {processes === null ? (
        <p className="faint">Not known while the database is away.</p>
      ) : (
        <Processes processes={processes} />
      )}
      <p className="event-links">
        <Link to="/streams">Who holds which stream</Link>
      </p>
    </section>
  );
}

export function Processes({ processes }: { processes: Streams['processes'] }): ReactNode {
  return (
    <ul className="small-lines">
      {processes.map(({ id, host, pid, roles, since, self }) => (
        <li key={id}>
          <strong>
            {host}, {pid}
          </strong>
          {self && <span className="tag">answers you</span>}
          <span className="faint">
            {roles.join(', ')} · since <When time={since} />
          </span>
        </li>
      ))}
    </ul>
  );
}

const BREAKERS = { closed: 'lets through', half_open: 'tries', open: 'refuses' } as const;

/** What keeps a fault outside from spreading: breakers, and how many calls may run at once. */
export function GuardsCard({ report }: { report: SystemReport }): ReactNode {
  const { bulkheads } = report;
  const breakers = breakersOf(report);
  return (
    <section className="system-card" aria-labelledby="guards-title">
      <h2 id="guards-title">Guards</h2>
      {breakers.length === 0 && bulkheads.length === 0 && <p className="faint">Nothing was called outside yet.</p>}
      <ul className="small-lines">
        {breakers.map(({ name, state, where }) => (
          <li key={`breaker of ${name}`}>
            <strong>{name}</strong>
            <span className={`pill pill-${BREAKER_LOOKS[state]}`}>{BREAKERS[state]}</span>
            {where.length > 0 && <span className="faint">in {where.join('; ')}</span>}
          </li>
        ))}
        {bulkheads.map(({ name, limit, in_use, waiting }) => (
          <li key={name}>
            <strong>{name}</strong>
            <span className="faint">
              {count(in_use)} of {count(limit)} at once{waiting > 0 && `, ${count(waiting)} wait`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

const BREAKER_LOOKS = { closed: 'completed', half_open: 'waiting', open: 'failed' } as const;

/** How often an answer was at hand. */
export function CachesCard({ report: { caches } }: { report: SystemReport }): ReactNode {
  return (
    <section className="system-card" aria-labelledby="caches-title">
      <h2 id="caches-title">Caches</h2>
      <dl className="facts-list">
        <Fact name="In memory">
          {count(caches.entries)}, {bytes(caches.bytes)}
        </Fact>
        {caches.items.map(({ name, hit_ratio, hits, misses, stale }) => (
          <Fact key={name} name={name}>
            {hit_ratio === null ? 'not asked yet' : `${(hit_ratio * 100).toFixed(1)} % of ${count(hits + misses)}`}
            {stale > 0 && `, ${count(stale)} old`}
          </Fact>
        ))}
      </dl>
    </section>
  );
}
