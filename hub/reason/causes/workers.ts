import { plainName } from '../../evidence/words.ts';
import { command, type KnownCause, unitLog, unitStatus } from './cause.ts';
import { failing } from './failing.ts';
import { lookAt, sayer } from './saying.ts';
import type { Line, Signs } from './signs.ts';

const established = command('ss -tn state established', 'Shows which connections stand, and to whom.');

/** Words of servers whose workers, threads or slots are all taken. */
const TAKEN =
  /reached (?:pm\.)?max_children|pm\.max_children.{0,40}reached|reached maxrequestworkers|worker_connections are not enough|uwsgi listen queue|listen queue of socket .{0,60}full|\[critical\] worker timeout|worker timeout \(pid|all (?:\d+ )?(?:worker |request )?(?:threads?|workers?|slots) (?:are )?(?:busy|blocked|in use|taken)|maxthreads.{0,30}reached|(?:thread ?pool|executor|worker ?pool).{0,40}(?:exhaust|full|saturated|rejected)|rejectedexecution|no (?:free|idle|available) (?:workers?|threads?|slots)|pool exhausted|proxy .{0,60}reached .{0,20}maxconn|too many active requests|process fd limit|reached .{0,20}(?:maxconn|maxsock)/i;
const BUSY =
  /(?:active_processes|busy_(?:workers|threads)|(?:workers|threads)[._]?busy|workers_active|listen_queue|pool[._](?:active|busy|used)|threads_running)/;

const WAITS =
  /(?:timed? ?out|timeout|too slow|no response|0 bytes received|waiting for|no answer|deadline exceeded|connect\(\)|unavailable|50[234])/i;

/** Names of hosts in a line, as far as they are somebody else's: an address of this host itself is none. */
function hostsIn(text: string): readonly string[] {
  const found = text.matchAll(
    /(?:https?:\/\/|for |to |from |host[ =:]+|upstream: ")(?:[a-z]+:\/\/)?((?:[a-z0-9][\w-]*\.)+[a-z][a-z0-9-]+|(?:\d{1,3}\.){3}\d{1,3})(?::(\d{1,5}))?/gi,
  );
  return [...found].flatMap(([, host = '', port]) =>
    /^127\.|^0\.0|\.(?:php|py|js|rb|java|go|sock|service|log|conf)$/i.test(host)
      ? []
      : [plainName(port === undefined ? host : `${host}:${port}`)],
  );
}

/** The other service that lines of waiting name, and one of these lines. */
export function waitsFor(
  signs: Signs,
): { readonly host: string; readonly id: string; readonly text: string } | undefined {
  for (const { id, text } of signs.lines()) {
    if (!WAITS.test(text) || /access|user-agent|mozilla/i.test(text) || /\bclient[: ]/i.test(text)) continue;
    const [host] = hostsIn(text);
    if (host !== undefined) return { host, id, text };
  }
  return undefined;
}

/** The unit of a line's program, in the many ways that they are called: `php8.2-fpm` of `php-fpm`. */
function poolUnit(signs: Signs, line: Line | undefined): string | undefined {
  const said = line === undefined ? undefined : sayer(signs, line).unit;
  return said ?? signs.unitLike(/fpm|gunicorn|uwsgi|puma|tomcat|unicorn/);
}

/** All who could serve are taken: by work that waits for another, or by more work than there are of them. */
const workersTaken: KnownCause = {
  id: 'workers-taken',
  class: 'workers-exhausted',
  find: (signs) => {
    const line = signs.says(TAKEN);
    const busy = signs.metric(BUSY);
    if (line === undefined && (busy === undefined || (busy.value ?? 0) === 0)) return null;
    if (line === undefined && !signs.metrics(/http|latency|error|queue|timeout/).some(({ name }) => !BUSY.test(name)))
      return null;
    const waits = waitsFor(signs);
    const unit = poolUnit(signs, line);
    const who = unit ?? (line === undefined ? 'the service' : sayer(signs, line).who);
    const cpuBusy = signs.hasSignal('host.cpu') && (signs.metric(/^cpu\.percent/)?.value ?? 100) >= 80;
    const change = signs.since(
      waits?.host,
      waits && sayer(signs, waits).who,
      'timeout',
      'max_children',
      'workers',
      unit,
    );
    const why =
      waits !== undefined
        ? `each waits for ${waits.host}, which does not answer or answers late`
        : cpuBusy
          ? 'they work without a pause: more is asked than the processors can do'
          : 'they wait for something else (a database, another service or a lock), since the processors are not busy';
    return {
      sentence: `All workers of ${who} are taken (its pool is exhausted${busy?.words ? `, ${busy.name} ${busy.words}` : ''}), so that new requests wait or fail: ${why}${change.words}.`,
      evidence: [...[line, waits].flatMap((one) => (one === undefined ? [] : [one.id])), ...signs.main, ...change.ids],
      commands: [
        ...(unit === undefined ? lookAt(undefined, false) : [unitLog(unit), unitStatus(unit)]),
        established,
        ...(unit === undefined
          ? []
          : [
              command(
                `systemctl reload ${unit}`,
                'Gives the workers back in order; those that wait again show for whom.',
              ),
            ]),
      ],
      sure: waits !== undefined ? 'decisive' : 'likely',
      ...(unit === undefined ? { person: true } : {}),
      futile: ['service-failed', 'endpoint-down'],
    };
  },
};

/** A proxy is sound and what stands behind it is not. */
const upstream: KnownCause = {
  id: 'upstream',
  class: 'backend-down',
  find: (signs) => {
    const line = signs.says(
      /while connecting to upstream|while reading response header from upstream|no live upstreams|upstream (?:timed out|prematurely closed|connect error)|http: proxy error|bad gateway|proxy: error reading|ah01114|ah00957|backend .{0,60}(?:unhealthy|no server available)/i,
    );
    if (line === undefined || signs.metric(/http|latency|error|5xx|endpoint|up$|response|request/) === undefined)
      return null;
    const to = /upstream: "(?:[a-z]+:\/\/)?([^"/?]{3,80})/i.exec(line.text)?.[1] ?? hostsIn(line.text)[0];
    const port = /:(\d{2,5})$/.exec(to ?? '')?.[1];
    const behind =
      port === undefined ? undefined : signs.processes.find(({ cmd }) => new RegExp(`\\b${port}\\b`).test(cmd.text));
    const unit = behind && signs.unitOf(behind);
    const it = failing(signs);
    const refused = /refused/i.test(line.text);
    const change = signs.since(behind && signs.program(behind), unit, to, 'upstream', 'backend', 'deploy');
    return {
      sentence: `${sayer(signs, line).who} is sound, and what stands behind it${to === undefined ? '' : ` (${plainName(to)})`}${behind === undefined ? '' : `, ${signs.name(behind)},`} does not answer: ${refused ? 'nothing listens there (connection refused)' : 'it answers too late or closes the connection'}${change.words}.`,
      evidence: [line.id, ...signs.main, ...(behind === undefined ? [] : signs.itemOf(behind)), ...change.ids],
      commands: [...(unit === undefined ? (it?.look ?? []) : [unitLog(unit), unitStatus(unit)]), established],
      sure: 'likely',
      person: true,
    };
  },
};

export const WORKERS: readonly KnownCause[] = [workersTaken, upstream];
