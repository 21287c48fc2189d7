import type { Streams } from '@parley/sdk';
import { type ReactNode, useEffect, useState } from 'react';
import { count, duration, plural } from '../../lib/format.ts';
import { useEvery } from '../../lib/live.ts';
import { useResource } from '../../lib/resource.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Trace } from '../../ui/charts.tsx';
import { Button } from '../../ui/controls.tsx';
import { LivePill } from '../../ui/live-pill.tsx';
import { Page } from '../../ui/page.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { Processes } from '../system/parts.tsx';
import { type Look, looked, ofGroup, ofShard, perSecond } from './looks.ts';

const REFRESH_MS = 2_000;

/** How far the log and its readers are, and who reads what. */
export function StreamsPage(): ReactNode {
  const may = useCan()('events:read');
  return may ? (
    <Following />
  ) : (
    <Page title="Streams">
      <Empty title="Not for your role" />
    </Page>
  );
}

function Following(): ReactNode {
  const client = useClient();
  const resource = useResource('streams', (signal) => client.system.streams({ signal }));
  const { data, reload, error } = resource;
  const [paused, setPaused] = useState(false);
  useEvery(REFRESH_MS, () => {
    if (!paused) reload();
  });
  const [looks, setLooks] = useState<readonly Look[]>([]);
  useEffect(() => {
    if (data) setLooks((before) => looked(before, data, Date.now()));
  }, [data]);
  return (
    <Page
      title="Streams"
      lead="How far the log is, how far each group of readers is behind it, and which process does what."
      actions={
        <>
          <LivePill state={data ? 'open' : 'connecting'} paused={paused} broken={error !== undefined} />
          <Button icon={paused ? 'play' : 'pause'} aria-pressed={paused} onClick={() => setPaused(!paused)}>
            {paused ? 'Go on' : 'Hold still'}
          </Button>
        </>
      }
    >
      <Loaded resource={resource}>
        {(streams) => (
          <div className="stack stack-wide">
            <Lights streams={streams} looks={looks} />
            <Shards streams={streams} looks={looks} />
            <Groups streams={streams} looks={looks} />
            <section aria-labelledby="processes-title" className="stack">
              <h2 id="processes-title" className="section-head">
                Processes
              </h2>
              <Processes processes={streams.processes} />
            </section>
          </div>
        )}
      </Loaded>
    </Page>
  );
}

type Props = { streams: Streams; looks: readonly Look[] };

/** Behind by so long: somebody should look. */
const LATE_SECONDS = 30;

function Lights({ streams, looks }: Props): ReactNode {
  const { shards, groups, processes } = streams;
  const outbox = shards.reduce((sum, shard) => sum + shard.outbox.events, 0);
  const oldest = Math.max(0, ...shards.map((shard) => shard.outbox.age_seconds));
  const worst = [...groups].sort((a, b) => b.lag_seconds - a.lag_seconds)[0];
  const late = (worst?.lag_seconds ?? 0) > LATE_SECONDS;
  return (
    <ul className="lights" aria-label="At a glance">
      <Light name="Taken into the log" words={`${perSecond(looks).toFixed(1)} a second`} good />
      <Light
        name="Waiting to be taken"
        words={outbox === 0 ? 'nothing' : `${plural(outbox, 'event')}, ${duration(oldest * 1000)}`}
        good={oldest < LATE_SECONDS}
      />
      <Light
        name="Furthest behind"
        words={worst && worst.lag_events > 0 ? `${worst.group}, ${duration(worst.lag_seconds * 1000)}` : 'nobody'}
        good={!late}
      />
      <Light name="Processes" words={count(processes.length)} good={processes.length > 0} />
    </ul>
  );
}

const Light = ({ name, words, good }: { name: string; words: string; good: boolean }): ReactNode => (
  <li className={`light light-${good ? 'good' : 'bad'}`}>
    <span className="light-name">{name}</span>
    <strong>{words}</strong>
  </li>
);

function Shards({ streams, looks }: Props): ReactNode {
  const who = holderWords(streams);
  return (
    <section aria-labelledby="shards-title">
      <h2 id="shards-title" className="section-head">
        Shards of the log
      </h2>
      <p className="faint">Events that belong together are in one shard, in order. Tenants share them.</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a table that scrolls must be reachable by keyboard */}
      <section className="table-frame" tabIndex={0} aria-label="Shards, a table">
        <table>
          <thead>
            <tr>
              <th scope="col">Shard</th>
              <th scope="col" className="number">
                Newest
              </th>
              <th scope="col" className="number">
                Kept from
              </th>
              <th scope="col" className="number">
                Waiting
              </th>
              <th scope="col">Taken by</th>
              <th scope="col" className="spark-cell">
                Lately
              </th>
            </tr>
          </thead>
          <tbody>
            {streams.shards.map((shard) => (
              <tr key={shard.shard}>
                <th scope="row">
                  {shard.shard} {shard.yours && <span className="tag">yours</span>}
                </th>
                <td className="number">{count(shard.head)}</td>
                <td className="number">{shard.oldest === null ? '–' : count(shard.oldest)}</td>
                <td className="number">
                  {shard.outbox.events === 0
                    ? '0'
                    : `${count(shard.outbox.events)}, ${duration(shard.outbox.age_seconds * 1000)}`}
                </td>
                <td>{who(shard.sequencer)}</td>
                <td className="spark-cell">
                  <Trace label={`Shard ${shard.shard}`} bare values={ofShard(looks, shard.shard)} unit="positions" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}

function Groups({ streams, looks }: Props): ReactNode {
  const who = holderWords(streams);
  return (
    <section aria-labelledby="groups-title" className="stack">
      <h2 id="groups-title" className="section-head">
        Groups of readers
      </h2>
      {streams.groups.length === 0 && <p className="faint">Nobody reads the log yet.</p>}
      <ul className="system-grid">
        {streams.groups.map(({ group, lag_events, lag_seconds, shards }) => (
          <li key={group} className="system-card">
            <h3 className="group-name">{group}</h3>
            <dl className="tally tally-small">
              <div>
                <dt>positions behind</dt>
                <dd>{count(lag_events)}</dd>
              </div>
              <div>
                <dt>behind by</dt>
                <dd>{lag_events === 0 ? '–' : duration(lag_seconds * 1000)}</dd>
              </div>
            </dl>
            <Trace label={`Positions behind, ${group}`} bare values={ofGroup(looks, group)} unit="positions" />
            <details className="more group-more">
              <summary>By shard</summary>
              <table className="group-shards">
                <thead>
                  <tr>
                    <th scope="col">Shard</th>
                    <th scope="col" className="number">
                      At
                    </th>
                    <th scope="col" className="number">
                      Behind
                    </th>
                    <th scope="col">Held by</th>
                  </tr>
                </thead>
                <tbody>
                  {shards.map((shard) => (
                    <tr key={shard.shard}>
                      <th scope="row">{shard.shard}</th>
                      <td className="number">{count(shard.offset)}</td>
                      <td className={shard.lag_seconds > LATE_SECONDS ? 'number problem' : 'number'}>
                        {count(shard.lag_events)}
                      </td>
                      <td>{who(shard.holder)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </details>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** A process by its number on its machine; with its machine where there are several. */
function holderWords({ processes }: Streams): (id: string | null) => string {
  const hosts = new Set(processes.map(({ host }) => host));
  return (id) => {
    if (id === null) return 'nobody';
    const process = processes.find((one) => one.id === id);
    if (!process) return 'one that left';
    return hosts.size > 1 ? `${process.host}, ${process.pid}` : String(process.pid);
  };
}
