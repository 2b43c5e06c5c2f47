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

export const PACKET_LOG: readonly KnownCause[] = [packetLog];
