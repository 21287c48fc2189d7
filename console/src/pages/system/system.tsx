import type { SystemReport } from '@parley/sdk';
import { type ReactNode, useEffect, useState } from 'react';
import { count, duration, plural } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Parts, Trace } from '../../ui/charts.tsx';
import { Button } from '../../ui/controls.tsx';
import { Page, When } from '../../ui/page.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { DeadLetters } from './dead-letters.tsx';
import { EventsSection } from './events.tsx';

const REFRESH_MS = 5_000;
/** How many looks back the small charts go: five minutes. */
const LOOKS = 60;

/** How the server does, for this team: its health, its work, and what happens right now. */
export function SystemPage(): ReactNode {
  const can = useCan();
  return (
    <Page title="System" lead="How the server does, what it still has to do for your team, and what happens right now.">
      {can('events:read') ? <Everything /> : <Empty title="Not for your role" />}
    </Page>
  );
}

function Everything(): ReactNode {
  const client = useClient();
  const can = useCan();
  const resource = useResource('system', (signal) => client.system.get({ signal }));
  const health = useHealth();
  const looks = useLooks(resource.data, resource.reload);
  return (
    <div className="stack stack-wide">
      <Health health={health} report={resource.data} failed={resource.error !== undefined} />
      <Loaded resource={resource}>
        {(report) => (
          <div className="system-grid">
            <LogCard report={report} looks={looks} />
            <JobsCard report={report} />
            <BuildCard report={report} />
          </div>
        )}
      </Loaded>
      {can('dead_letters:read') && <DeadLetters total={resource.data?.dead_letters ?? 0} onChange={resource.reload} />}
      <EventsSection />
    </div>
  );
}

type Look = { lag: number | null; position: number };

/** Looks again every few seconds while the page is seen, and remembers the last of them. */
function useLooks(report: SystemReport | undefined, reload: () => void): readonly Look[] {
  const [looks, setLooks] = useState<readonly Look[]>([]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') reload();
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [reload]);
  useEffect(() => {
    if (!report) return;
    const look = { lag: report.log.lag_ms, position: report.log.position };
    setLooks((before) => [...before, look].slice(-LOOKS));
  }, [report]);
  return looks;
}

type Health = { alive: boolean; ready: boolean; took: number; database: string } | undefined;

/** Asks as a balancer would. */
function useHealth(): Health {
  const client = useClient();
  const [health, setHealth] = useState<Health>();
  useEffect(() => {
    const controller = new AbortController();
    const look = async (): Promise<void> => {
      const since = performance.now();
      try {
        const { status, database } = await client.system.readiness({}, { signal: controller.signal });
        setHealth({ alive: true, ready: status === 'ok', took: performance.now() - since, database });
      } catch {
        if (!controller.signal.aborted)
          setHealth({ alive: false, ready: false, took: performance.now() - since, database: 'unknown' });
      }
    };
    void look();
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') void look();
    }, REFRESH_MS);
    return () => {
      controller.abort();
      clearInterval(timer);
    };
  }, [client]);
  return health;
}

function Health(props: { health: Health; report: SystemReport | undefined; failed: boolean }): ReactNode {
  const { health, report, failed } = props;
  const light = (name: string, good: boolean | undefined, words: string): ReactNode => (
    <li className={`light light-${good === undefined ? 'unknown' : good ? 'good' : 'bad'}`}>
      <span className="light-name">{name}</span>
      <strong>{words}</strong>
    </li>
  );
  const database = report?.database;
  return (
    <ul className="lights" aria-label="Health">
      {light(
        'Server',
        health?.alive,
        health ? (health.alive ? `answers in ${duration(health.took)}` : 'does not answer') : 'asking…',
      )}
      {light('Ready', health?.ready, health ? (health.ready ? 'takes requests' : 'not ready') : 'asking…')}
      {light(
        'Database',
        failed ? undefined : database && database.status === 'connected',
        database
          ? database.status === 'connected'
            ? `PostgreSQL ${shortVersion(database.version)}`
            : 'away'
          : 'asking…',
      )}
      {light(
        'Dead letters',
        report ? (report.dead_letters ?? 0) === 0 : undefined,
        report
          ? report.dead_letters === null
            ? 'not for your role'
            : plural(report.dead_letters, 'letter')
          : 'asking…',
      )}
    </ul>
  );
}

/** `18.1 (Debian 18.1-1)` → `18.1`. */
const shortVersion = (version: string | null): string => version?.split(' ')[0] ?? '';

function LogCard({ report, looks }: { report: SystemReport; looks: readonly Look[] }): ReactNode {
  const grown = looks.slice(1).map(({ position }, i) => Math.max(0, position - (looks[i]?.position ?? position)));
  return (
    <section className="system-card" aria-labelledby="log-title">
      <h2 id="log-title">Event log</h2>
      <dl className="facts-list">
        <Fact name="Position" value={count(report.log.position)} />
        <Fact name="Behind by" value={report.log.lag_ms === null ? 'not known' : duration(report.log.lag_ms)} />
        <Fact name="Kept for" value={plural(report.log.retention_days, 'day')} />
        <Fact name="Live connections of your team" value={count(report.connections)} />
      </dl>
      <Trace label="Positions taken every five seconds" values={grown} unit="positions" />
    </section>
  );
}

function JobsCard({ report: { jobs } }: { report: SystemReport }): ReactNode {
  return (
    <section className="system-card" aria-labelledby="jobs-title">
      <h2 id="jobs-title">Jobs</h2>
      {jobs === null && <p className="faint">Not known while the database is away.</p>}
      {jobs?.length === 0 && <p className="faint">Nothing is left to do.</p>}
      {jobs !== null && jobs.length > 0 && (
        <ul className="jobs">
          {jobs.map((job) => (
            <li key={job.kind}>
              <p className="job-head">
                <strong>{job.kind.replaceAll(/[._]/g, ' ')}</strong>
                <span className="faint">
                  oldest <When time={job.oldest_at} />
                  {job.retrying > 0 && `, ${job.retrying} tried before`}
                </span>
              </p>
              <Parts
                parts={[
                  { name: 'running', value: job.running, look: 'accent' },
                  { name: 'due', value: job.due, look: 'warn' },
                  { name: 'later', value: job.scheduled, look: 'quiet' },
                ]}
              />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function BuildCard({ report }: { report: SystemReport }): ReactNode {
  const { build, database } = report;
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    const { jobs: _jobs, dead_letters: _letters, ...facts } = report;
    try {
      await navigator.clipboard.writeText(JSON.stringify(facts, null, 2));
      setCopied(true);
    } catch {
      // Without https the browser has no clipboard; everything stands here to be read.
    }
  };
  return (
    <section className="system-card" aria-labelledby="build-title">
      <h2 id="build-title">Build</h2>
      <dl className="facts-list">
        <Fact name={report.name} value={build.version} />
        <Fact name="Node" value={build.node.replace(/^v/, '')} />
        <Fact name="Machine" value={build.platform} />
        <Fact name="Profile" value={build.profile} />
        <Fact name="Roles" value={report.roles.join(', ')} />
        <Fact name="Database" value={database.packaged ? 'the packaged one' : 'a server of your own'} />
        <Fact name="Running for" value={uptime(report.uptime_seconds)} />
      </dl>
      <Button look="quiet" icon={copied ? 'check' : 'copy'} onClick={() => void copy()}>
        {copied ? 'Copied' : 'Copy for a report'}
      </Button>
    </section>
  );
}

const Fact = ({ name, value }: { name: string; value: string }): ReactNode => (
  <div>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);

function uptime(seconds: number): string {
  if (seconds < 3600) return duration(seconds * 1000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  return days > 0 ? `${plural(days, 'day')} ${hours} h` : `${hours} h ${String(minutes).padStart(2, '0')} min`;
}
