import { ADDRESSES } from './addresses.ts';
import { command, type KnownCause, restart, unitLog } from './cause.ts';
import { clockOff, isClockWrong } from './machine.ts';
import type { Signs } from './signs.ts';
import { SOCKETS } from './sockets.ts';

const links = command('ip -s link', 'Shows each interface with its errors and drops.');
const deviceOf = (text: string | null | undefined): string | undefined =>
  text !== null && text !== undefined && /^[a-z][a-z0-9.@-]{1,14}$/.test(text) ? text : undefined;
const CELLULAR = /modem|\bqmi|wwan|\bmbim|cdc-wdm|ppp\d|\bAT command|\bsim\b|cellular|\blte\b|mmcli/i;

const MODEM_SILENT =
  /(?:modem|qmi|mbim|AT command|cdc-wdm|ttyUSB).{0,80}(?:timed? ?out|no response|not respond|aborted|\bhangs?\b|hung|\breset\b|stuck)|no response from modem|connect script failed/i;

/** The way out of the site itself is gone: whatever goes over it fails too, and is no cause. */
export const isModemSilent = (signs: Signs): boolean => {
  const line = signs.line(MODEM_SILENT);
  return line !== undefined && CELLULAR.test(line.text);
};

/** A modem that has hung answers no command, whatever the signal. */
const modem: KnownCause = {
  id: 'modem',
  class: 'modem-hang',
  find: (signs) => {
    const said = signs.line(MODEM_SILENT);
    const refused = signs.line(
      /registration (?:denied|failed)|sim[ -](?:not inserted|failure|locked|missing|removed|pin|puk)|no sim\b|pdp.{0,40}(?:reject|fail)/i,
    );
    const device =
      deviceOf(signs.metric(/carrier|cellular|modem/)?.label) ?? signs.line(/\b(wwan\d|ppp\d)\b/)?.groups[0];
    const process = signs.process(/ModemManager|pppd|wvdial|qmi/);
    if (
      (said === undefined && refused === undefined) ||
      !(CELLULAR.test(device ?? '') || process !== undefined || said !== undefined)
    )
      return null;
    const unit = signs.unitLike(/modem|ppp|wwan|lte/i) ?? (process && signs.unitOf(process));
    const why =
      said === undefined
        ? 'is not registered (SIM or registration refused)'
        : 'hangs: it no longer answers (its commands, QMI or AT, time out), though nothing speaks of a bad signal';
    return {
      sentence: `The cellular modem${device === undefined ? '' : ` on ${device}`} ${why}.`,
      evidence: [...[said, refused].flatMap((one) => (one === undefined ? [] : [one.id])), ...signs.main],
      commands: [
        command('mmcli -m 0', 'Shows state, signal and registration.'),
        ...(unit === undefined ? [links] : [restart(unit)]),
      ],
      sure: 'decisive',
      ...(unit === undefined || said === undefined ? { person: true } : {}),
    };
  },
};

/** Carrier that comes and goes is a matter of cables and ports. */
const flap: KnownCause = {
  id: 'flap',
  class: 'link-flap',
  find: (signs) => {
    const down = signs.line(/link is down|link down|carrier lost|lost carrier/i);
    const up = signs.line(/link is up|link becomes ready|carrier acquired/i);
    const flaps = signs.metric(/flaps|carrier_changes/);
    if (flaps === undefined && !(down !== undefined && up !== undefined)) return null;
    const device = deviceOf(flaps?.label) ?? signs.line(/\b((?:en|eth|wl|bond|br)[a-z0-9]*\d)\b/)?.groups[0];
    if (CELLULAR.test(device ?? '')) return null;
    const half = signs.line(/(\d+) ?Mbps (?:half)|half[- ]duplex/i);
    const wiring = signs.since(
      device,
      'cable',
      'cabled',
      'patch',
      'splice',
      'transceiver',
      'sfp',
      'connector',
      'rewired',
      'moved',
    );
    const port = signs.since('switch', 'firmware', 'vlan', 'negotiation', 'port');
    const change = wiring.ids.length > 0 ? wiring : port;
    // The host sees its own end alone: one change, on one side, points to that side, and no more.
    const open = half === undefined;
    return {
      sentence: `The link of ${device ?? 'an interface'} flaps (comes and goes${flaps?.words ? `, ${flaps.words}` : ''}): a bad cable, connector or transceiver, or the switch port (the other side)${half === undefined ? '' : ', which also shows in the half duplex at low speed'}${change.words}.`,
      evidence: [
        ...signs.main,
        ...[down, up, half].flatMap((one) => (one === undefined ? [] : [one.id])),
        ...change.ids,
      ],
      commands: [
        ...(device === undefined
          ? []
          : [command(`ethtool ${device}`, 'Shows speed, duplex and whether there is a link.')]),
        links,
        command('dmesg -T --level warn', 'Shows when the link was lost.'),
      ],
      sure: open ? 'likely' : 'decisive',
      or: [
        `The wiring on this side: the cable, its connector or the transceiver${wiring.words}.`,
        `The other side: the switch, its port or its firmware, or what they negotiate${port.words}.`,
      ],
      person: true,
    };
  },
};

/** Names that nobody answers. */
const dns: KnownCause = {
  id: 'dns',
  class: 'dns-failure',
  find: (signs) => {
    const line = signs.line(
      /temporary failure in name resolution|name or service not known|name does not resolve|could not resolve|servfail|no such host|nxdomain|\beai_again\b|\benotfound\b|unknownhost|nodename nor servname|lookup .{0,60}(?:timeout|no such)/i,
    );
    if (line === undefined || signs.hasSignal('host.reboot')) return null;
    const change = signs.since('resolv', 'dns', 'bind', 'unbound', 'named');
    const unit = signs.unitLike(/resolved|unbound|named|dnsmasq|bind/);
    return {
      sentence: `Names are not resolved (DNS): the name server does not answer, or the configuration names one that is gone${change.words}.`,
      evidence: [line.id, ...signs.main, ...change.ids],
      commands: [
        command('resolvectl status', 'Shows which name servers are asked.'),
        command('cat /etc/resolv.conf', 'Shows the configured name servers.'),
        ...(unit === undefined ? [] : [restart(unit)]),
      ],
      sure: 'decisive',
      ...(unit === undefined ? { person: true } : {}),
    };
  },
};

/** Days from which on a certificate that is valid needs nothing, whatever its figure was before. */
const FAR_DAYS = 45;

/** A certificate lapses because its renewal fails, or because the new one was never loaded. */
const certificate: KnownCause = {
  id: 'certificate',
  class: 'certificate-expiry',
  find: (signs) => {
    const days = signs.metric(/^certificate|cert.*(?:days|expir)/);
    const expired = signs.line(
      /certificate (?:has )?expired|alert certificate expired|x509: certificate has expired|certificate.{0,40}not.{0,5}valid/i,
    );
    const renewal = signs.line(/failed to renew|renew(?:al)?.{0,60}(?:fail|error|denied)|acme.{0,60}(?:error|fail)/i);
    if (days === undefined && expired === undefined && renewal === undefined) return null;
    // By a clock that is wrong no date proves anything; and far from its end a certificate is no trouble.
    if (isClockWrong(signs)) return null;
    if (expired === undefined && renewal === undefined && (days?.value ?? 0) > FAR_DAYS) return null;
    const written = signs.change(
      /(?:new|renewed).{0,40}cert|cert(?:ificate)?.{0,60}(?:written|renewed|installed|replaced|deployed)|\.(?:crt|pem).{0,30}(?:written|changed|modified)/i,
    );
    const job = signs.unitLike(/certbot|acme|lego|renew|dehydrated/);
    const server = signs.units.find((one) => one !== job);
    const renewed =
      written ??
      signs.line(/success\w* (?:renewed|received)|renewed certificate|renewal succeeded|certificate (?:was )?renewed/i);
    const hook = signs.line(/(?:deploy|renew|post)\w*[-_ ]?hook.{0,40}(?:fail|error|exit)/i);
    const served = signs.metric(/(?:endpoint|served|remote).*days|tls\..*days/);
    const isServedLapsed = expired !== undefined || (served?.value ?? 1) <= 0;
    const isSoundOnDisk = served !== undefined && served.name !== days?.name && (days?.value ?? 0) > FAR_DAYS;
    const serving = server !== undefined && isServedLapsed && (renewed !== undefined || isSoundOnDisk);
    const full = signs.line(/no space left/i) !== undefined;
    const why = full
      ? 'there is no space left on the disk'
      : signs.line(/permission denied|errno 13/i) !== undefined
        ? 'permission denied'
        : signs.line(/dns|resolv/i) !== undefined
          ? 'a name is not resolved'
          : signs.line(/rate.?limit/i) !== undefined
            ? 'the rate limit of the authority'
            : signs.line(/timed? ?out|connect/i) !== undefined
              ? 'the authority can not be reached'
              : '';
    const left = days?.value;
    const state =
      left !== undefined && left > 0 && !(serving && isSoundOnDisk)
        ? `expires in ${days?.words}`
        : 'has expired (lapsed)';
    const change = serving
      ? { words: '', ids: [renewed, hook].flatMap((one) => (one === undefined ? [] : [one.id])) }
      : signs.since('acme', 'certbot', 'cert', 'www');
    return {
      sentence: serving
        ? `${server} still serves the old certificate, which ${state}: a renewed one lies on the disk and was not loaded${hook === undefined ? '' : ': the hook that should make it reload failed'}${signs.metric(/certificate/)?.label ? ` (${signs.metric(/certificate/)?.label})` : ''}.`
        : `The certificate ${days?.label ?? ''} ${state}${renewal === undefined && job === undefined ? ': its renewal did not run' : `: its renewal${job === undefined ? '' : ` by ${job}`} fails${why === '' ? '' : ` (${why})`}`}${change.words}.`,
      evidence: [
        ...signs.main,
        ...[expired, renewal].flatMap((one) => (one === undefined ? [] : [one.id])),
        ...change.ids,
      ],
      commands: serving
        ? [command(`systemctl reload ${server}`, 'Makes it read the new certificate.')]
        : [
            command('certbot certificates', 'Shows each certificate with its end.'),
            ...(job === undefined
              ? [command('systemctl list-timers --all --no-pager', 'Shows whether and when a renewal runs.')]
              : [unitLog(job), command(`systemctl start ${job}`, 'Tries the renewal once more, now.')]),
          ],
      sure: 'decisive',
      ...(serving || job !== undefined ? {} : { person: true }),
    };
  },
};

/** Without a source the clock runs by itself. */
const clock: KnownCause = {
  id: 'clock',
  class: 'clock-unsynced',
  find: (signs) => {
    const line = signs.line(
      /no selectable sources|can'?t synchroni[sz]e|clock unsynchroni[sz]ed|no server suitable|timed out waiting for reply.*ntp|system clock.{0,40}(?:wrong|offset|stepped)/i,
    );
    const off = signs.metric(/^clock\.|ntp.*offset/);
    if ((line === undefined && off === undefined) || isClockWrong(signs)) return null;
    const unit = signs.unitLike(/chrony|ntp|timesync/);
    const change = signs.since(
      'suspend',
      'resume',
      'paused',
      'snapshot',
      'migrated',
      'chrony',
      'ntp',
      'firewall',
      'time',
    );
    const seconds = clockOff(signs) ?? 0;
    // A service that answers and may only slew takes hours for what one step sets right.
    const steps = seconds >= STEP_S && !/selectable|suitable|waiting for reply/i.test(line?.text ?? '');
    const skew = signs.says(/clock skew|not yet valid|timestamp|too (?:early|old|far in the future)/i);
    return {
      sentence: steps
        ? `The clock is wrong${off?.words ? ` (offset ${off.words})` : ''} by more than ${unit ?? 'the time service (chrony, NTP)'} may set at once: it only slews (makestep)${skew === undefined ? '' : '; tickets and signatures are refused for that (clock skew), and no password or directory is at fault'}${change.words}.`
        : `The clock drifts${off?.words ? ` (${off.name.startsWith('clock.unsync') ? 'unsynchronised for' : 'offset'} ${off.words})` : ''}: ${unit ?? 'the time service (chrony, NTP)'} has no reachable source to synchronise with${change.words}.`,
      evidence: [...signs.main, ...[line, skew].flatMap((one) => (one === undefined ? [] : [one.id])), ...change.ids],
      commands: [
        command('chronyc sources', 'Shows the sources and whether they answer.'),
        ...(steps
          ? [command('chronyc tracking', 'Shows how far the clock is off.')]
          : [command('timedatectl status', 'Shows whether the clock counts as synchronised.')]),
        ...(unit === undefined
          ? []
          : [steps && /chrony/.test(unit) ? command('chronyc makestep', 'Sets the clock at once.') : restart(unit)]),
      ],
      sure: line === undefined ? 'likely' : 'decisive',
      ...(unit === undefined ? { person: true } : {}),
    };
  },
};

/** Seconds of offset from which on slewing is too slow to wait for. */
const STEP_S = 2;

export const NETWORK: readonly KnownCause[] = [modem, flap, ...ADDRESSES, ...SOCKETS, certificate, clock, dns];
