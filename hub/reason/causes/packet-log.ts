import { command, type KnownCause } from './cause.ts';

/** A packet as the kernel's firewall logs it. */
const PACKET = /\bIN=[\w.@-]* OUT=[\w.@-]* .*\bSRC=[\da-fA-F.:]+ DST=[\da-fA-F.:]+/;

/**
 * A firewall rule that logs without a limit writes a line for every packet: the writers of the log are busy with it, and
 * are not at fault.
 */
const packetLog: KnownCause = {
  id: 'packet-log',
  class: 'log-flood',
  find: (signs) => {
    const packets = signs.lines().filter(({ text }) => PACKET.test(text));
    const [first] = packets;
    const missed = signs.line(/missed \d+ kernel messages|\d+ callbacks suppressed|rate-?limit/i);
    const change = signs.since('nft', 'iptables', 'firewall', 'ufw');
    const mount = signs.fullMount();
    const fills = signs.hasSignal('disk.space', 'disk.forecast') && /^\/(?:var(?:\/log)?)?$/.test(mount ?? '');
    if (first === undefined || !(fills || signs.hasSignal('log.flood', 'journal.flood'))) return null;
    if (packets.length < 2 && missed === undefined) return null;
    return {
      sentence: `A firewall rule (nftables, iptables) logs packets without a limit: the kernel writes a line for each, and they flood the log and the journal${fills ? ` until ${mount ?? ''} is full` : ''}${change.words}. What writes the log down is only busy with it.`,
      evidence: [
        ...packets.slice(0, 2).map(({ id }) => id),
        ...(missed === undefined ? [] : [missed.id]),
        ...signs.main,
        ...change.ids,
      ],
      commands: [
        command('nft -a list ruleset', 'Shows which rule logs, and whether it has a limit.'),
        command('journalctl --vacuum-size=200M', 'Gives room back until the rule is mended.'),
      ],
      sure: 'decisive',
      person: true,
      futile: ['log-shipper-stuck', 'disk-full', 'log-flood', 'journal-oversize'],
    };
  },
};

/** The word before a packet by which rules say what they did with it. */
const DROPPED =
  /(?:drop|reject|block|deny|denied|refuse)\w*\b.{0,40}\bIN=[\w.@-]* OUT=[\w.@-]* .*\bSRC=([\da-fA-F.:]+) DST=[\da-fA-F.:]+(?:.*\bDPT=(\d{1,5}))?/i;

/** A rule that keeps out who was let in before: its log names the port, and the service behind is sound. */
const firewallDrops: KnownCause = {
  id: 'firewall-drops',
  class: 'firewall-blocks',
  find: (signs) => {
    const dropped = signs.lines().flatMap(({ id, text }) => {
      const found = DROPPED.exec(text);
      return found === null ? [] : [{ id, port: found[2] }];
    });
    const [first] = dropped;
    const change = signs.since('nft', 'nftables', 'iptables', 'firewall', 'firewalld', 'ufw', 'security group', 'acl');
    const same = dropped.filter(({ port }) => port !== undefined && port === first?.port);
    const hurt = signs.metric(/conn|client|session|http|mqtt|endpoint|timeout|error|latency|_up$|\.up$|loss|messages/);
    // Scanners are dropped all day: only many of one port, or a rule that is new, have to do with it.
    if (first === undefined || hurt === undefined || (change.ids.length === 0 && same.length < 2)) return null;
    if (signs.hasSignal('log.flood', 'journal.flood', 'disk.space')) return null;
    return {
      sentence: `The firewall of this host drops packets${first.port === undefined ? '' : ` to port ${first.port}`} that the service behind waits for${change.words}; the service itself is sound.`,
      evidence: [...dropped.slice(0, 3).map(({ id }) => id), ...signs.main, ...change.ids],
      commands: [
        command('nft -a list ruleset', 'Shows which rule drops them.'),
        command('ss -ltn', 'Shows that the service listens.'),
      ],
      sure: change.ids.length > 0 ? 'decisive' : 'likely',
      person: true,
    };
  },
};

export const PACKET_LOG: readonly KnownCause[] = [packetLog, firewallDrops];
