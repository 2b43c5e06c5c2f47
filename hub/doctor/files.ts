import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { keyFile, readRoster, readSite } from '../../broker/enroll.ts';
import { CUT_INSTALL_WAY_OUT, cutInstall } from '../../broker/install-mark.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { VERSION } from '../../broker/version.ts';
import { tryPolicy } from '../../policy/policy.ts';
import { readRulesFile } from '../automation/rules-file.ts';
import { endOf, heldRules, isNearEnd, readSignedRules } from '../automation/signed-rules.ts';
import { readAuditPlaces } from '../chain/places.ts';
import { readCorrelationRules } from '../correlate/rules.ts';
import { readServiceMap } from '../correlate/service-map.ts';
import { readChannels } from '../notify/channels.ts';
import { readEndpoint } from '../reason/endpoint/config.ts';
import { readHostMap } from '../webhooks/hosts.ts';
import { bad, type Finding, well } from './finding.ts';

const DAY_MS = 86_400_000;
/** The hub renews its certificate in the last third of 397 days; one that is nearer its end was not renewed. */
const SERVER_DAYS = 30;
/** A CA can't be renewed by itself: every host enrols anew. */
const CA_DAYS = 180;
/** LMDB needs room for the next commits, and a hub that can't write acknowledges nothing. */
const FREE_BYTES = 1_073_741_824;
const FREE_SHARE = 0.05;

/** What is installed: whole by the way in which it is laid down, but an upgrade may not have come to its end. */
export function lookAtInstall(): readonly Finding[] {
  const cut = cutInstall();
  if (cut === null) return [well('install', `version ${VERSION}`)];
  const what = `the installation of ${cut} was cut short; this is ${VERSION}`;
  return [bad('install', what, CUT_INSTALL_WAY_OUT)];
}

/** The site's own files: who it is, and the roster that its root has signed. */
export function lookAtSite(state: StateFolder): readonly Finding[] {
  const site = readSite(state);
  const { roster } = readRoster(state, site);
  const { version, epoch, operators } = roster;
  const people = `${operators.length} ${operators.length === 1 ? 'operator' : 'operators'}`;
  const what = `${site.name}, roster version ${version}, epoch ${epoch}, ${people}`;
  return [well('site', what)];
}

/** Keys are their owner's alone, and no stranger writes where the hub reads. */
export function lookAtKeys(state: StateFolder): readonly Finding[] {
  const keys = readdirSync(state.keys).map((name) => join(state.keys, name));
  const open = [
    ...[state.keys, ...keys].filter((path) => (statSync(path).mode & 0o077) !== 0),
    ...[state.root, state.hub, state.store, state.policy, state.agent, state.watch].filter(
      (path) => existsSync(path) && (statSync(path).mode & 0o022) !== 0,
    ),
  ].map((path) =>
    bad('keys', `others may reach ${path}`, `chmod go-w ${path}; keys and their folder: chmod go= ${path}`),
  );
  return open.length > 0 ? open : [well('keys', `${keys.length} keys, their owner's alone`)];
}

export async function lookAtDisk(state: StateFolder): Promise<readonly Finding[]> {
  const { bavail, bsize, blocks } = await statfs(state.root);
  const free = bavail * bsize;
  const what = `${(free / 2 ** 30).toFixed(1)} GiB free (${((100 * bavail) / blocks).toFixed(0)} %) for ${state.root}`;
  if (free >= FREE_BYTES && bavail / blocks >= FREE_SHARE) return [well('disk', what)];
  return [bad('disk', what, 'free disk space: a hub that can’t write stores and acknowledges nothing')];
}

/** The CA's and the hub's own; a site of one host has none. */
export function lookAtCertificates(state: StateFolder, now: number): readonly Finding[] {
  const own = [
    {
      file: keyFile.siteCa(state),
      what: 'the site’s CA',
      days: CA_DAYS,
      todo: 'make a new site, and enrol each host there',
    },
    {
      file: keyFile.server(state),
      what: 'the hub’s certificate',
      days: SERVER_DAYS,
      todo: 'restart the hub: it renews it',
    },
  ].filter(({ file }) => existsSync(file));
  if (own.length === 0) return [well('certificates', 'none: a site of one host has no TLS')];
  return own.map(({ file, what, days, todo }) => {
    const pem = readFileSync(file, 'utf8');
    const until = Date.parse(new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE'))).validTo);
    const left = Math.floor((until - now) / DAY_MS);
    const said = left < 0 ? `${what} lapsed ${-left} days ago` : `${what} holds ${left} days`;
    return left >= days ? well('certificates', said) : bad('certificates', said, todo);
  });
}

/** The rules with the site's own below them, and every example that a file promises. */
export async function lookAtPolicy(state: StateFolder): Promise<readonly Finding[]> {
  const { policy, examples, broken } = await tryPolicy({ siteDir: state.policy });
  if (broken.length === 0) return [well('policy', `${examples} examples hold, policy ${policy.hash.slice(0, 16)}`)];
  return broken.slice(0, 20).map((error) => bad('policy', error.message, 'mend the rule or its example'));
}

/** Each settings file is read as a starting hub would. */
export function lookAtSettings(state: StateFolder, now: number): readonly Finding[] {
  const files: readonly (readonly [string, (file: string) => unknown])[] = [
    [state.correlate, readCorrelationRules],
    [state.services, readServiceMap],
    [state.notify, readChannels],
    [state.endpoint, readEndpoint],
    [state.webhooks, readHostMap],
    [state.audit, readAuditPlaces],
    [state.automation, readRulesFile],
    [state.automationSigned, readSignedRules],
  ];
  const there = files.filter(([file]) => existsSync(file));
  const broken = there.flatMap(([file, read]) => {
    try {
      read(file);
      return [];
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const isRules = file === state.automation || file === state.automationSigned;
      const todo = isRules
        ? 'no rule is in force until this is mended'
        : 'a hub does not start with this: mend the line';
      return [bad('settings', why, todo)];
    }
  });
  if (broken.length > 0) return broken;
  const found = lookAtRules(state, now);
  return found.length > 0 ? found : [well('settings', `${there.length} files read well`)];
}

/** Rules that let nothing run, or soon will not: nobody has signed them as they stand, or their days are over. */
function lookAtRules(state: StateFolder, now: number): readonly Finding[] {
  const { roster } = readRoster(state, readSite(state));
  const held = heldRules(readRulesFile(state.automation), readSignedRules(state.automationSigned), roster);
  const todo = 'sentinel automation sign';
  const names = held.unsigned.map(({ name }) => name).join(', ');
  const ending = held.inForce.filter(({ rule }) => isNearEnd(rule, now));
  return [
    ...(names === '' ? [] : [bad('settings', `nobody has signed ${names} as it stands: it lets nothing run`, todo)]),
    ...ending.map(({ rule }) => {
      const [end, name] = [new Date(endOf(rule)).toISOString(), rule.name ?? rule.id];
      const what = endOf(rule) <= now ? `has lapsed ${end}: it lets nothing run` : `lapses ${end}`;
      return bad('settings', `the rule ${name} of ${rule.by} ${what}`, todo);
    }),
  ];
}
