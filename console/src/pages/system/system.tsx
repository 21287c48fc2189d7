import type { SystemReport } from '@parley/sdk';
import { type ReactNode, useEffect, useState } from 'react';
import { count, duration, plural } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { Link } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Parts, Trace } from '../../ui/charts.tsx';
import { Button } from '../../ui/controls.tsx';
import { Fact } from '../../ui/facts.tsx';
import { Page, When } from '../../ui/page.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { CachesCard, GuardsCard, ProcessesCard } from './parts.tsx';

const REFRESH_MS = 5_000;
/** How many looks back the small charts go: five minutes. */
const LOOKS = 60;

/** How the server does, for this team: its health, its parts and its work. */
export function SystemPage(): ReactNode {
  const can = useCan();
  return (
    <Page title="System" lead="How the server does, what it is made of, and what it still has to do for your team.">
      {can('events:read') ? <Everything /> : <Empty title="Not for your role" />}
    </Page>
  );
}

function Everything(): ReactNode {
  const client = useClient();
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
            <ProcessesCard report={report} />
            <GuardsCard report={report} />
            <CachesCard report={report} />
            <BuildCard report={report} />
          </div>
        )}
      </Loaded>
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
  const light = (name: string, good: boolean | undefined, words: ReactNode): ReactNode => (
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
      {light('Redis', redisIsGood(report), report ? REDIS_WORDS[report.redis.status] : 'asking…')}
      {light(
        'Dead letters',
        report ? (report.dead_letters ?? 0) === 0 : undefined,
        report
          ? report.dead_letters === null
            ? 'not for your role'
            : report.dead_letters === 0
              ? 'none'
              : lettersLink(report.dead_letters)
          : 'asking…',
      )}
    </ul>
  );
}

const lettersLink = (letters: number): ReactNode => <Link to="/dead-letters">{plural(letters, 'letter')}</Link>;

const REDIS_WORDS = { connected: 'connected', disconnected: 'away: done without', disabled: 'not used' } as const;
/** Without one, nothing is wrong: one process does everything. */
const redisIsGood = (report: SystemReport | undefined): boolean | undefined =>
  report === undefined || report.redis.status === 'disabled' ? undefined : report.redis.status === 'connected';

/** `18.1 (Debian 18.1-1)` → `18.1`. */
const shortVersion = (version: string | null): string => version?.split(' ')[0] ?? '';

function LogCard({ report, looks }: { report: SystemReport; looks: readonly Look[] }): ReactNode {
  const grown = looks.slice(1).map(({ position }, i) => Math.max(0, position - (looks[i]?.position ?? position)));
  return (
    <section className="system-card" aria-labelledby="log-title">
      <h2 id="log-title">Event log</h2>
      <dl className="facts-list">
        <Fact name="Position">{count(report.log.position)}</Fact>
        <Fact name="Behind by">{report.log.lag_ms === null ? 'not known' : duration(report.log.lag_ms)}</Fact>
        <Fact name="Kept for">{plural(report.log.retention_days, 'day')}</Fact>
        <Fact name="Live connections of your team">{count(report.connections)}</Fact>
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
        <Fact name={report.name}>{build.version}</Fact>
        <Fact name="Node">{build.node.replace(/^v/, '')}</Fact>
        <Fact name="Machine">{build.platform}</Fact>
        <Fact name="Profile">{build.profile}</Fact>
        <Fact name="Roles">{report.roles.join(', ')}</Fact>
        <Fact name="Database">{database.packaged ? 'the packaged one' : 'a server of your own'}</Fact>
        <Fact name="Running for">{uptime(report.uptime_seconds)}</Fact>
      </dl>
      <Button look="quiet" icon={copied ? 'check' : 'copy'} onClick={() => void copy()}>
        {copied ? 'Copied' : 'Copy for a report'}
      </Button>
    </section>
  );
}

function uptime(seconds: number): string {
  if (seconds < 3600) return duration(seconds * 1000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  return days > 0 ? `${plural(days, 'day')} ${hours} h` : `${hours} h ${String(minutes).padStart(2, '0')} min`;
}
