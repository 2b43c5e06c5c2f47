import { plainName } from '../../evidence/words.ts';
import { command, type KnownCause, unitLog, unitStatus } from './cause.ts';

const addresses = command('ip addr', 'Shows the addresses of each interface.');
const neighbours = command('ip neigh', 'Shows which hardware address answers for each neighbour.');

/** Two hosts of one address take turns in being reached. */
const duplicate: KnownCause = {
  id: 'duplicate-address',
  class: 'duplicate-address',
  find: (signs) => {
    const line = signs.line(
      /duplicate (?:ip(?:v[46])? )?address(?! detection (?:started|enabled))|(?:ip )?address conflict|is using my ip address|\bdad (?:failed|detected)|dadfailed|dhcpdecline(?:\(| (?:of|on|from)\b)|flip flop|(?:arp|address).{0,60}(?:moved|changed) from [0-9a-f:]{11,17} to/i,
    );
    if (line === undefined || signs.isOfHost) return null;
    const address = /\b((?:\d{1,3}\.){3}\d{1,3})\b/.exec(line.text)?.[1];
    const change = signs.since(address, 'address', 'netplan', 'replaced', 'clone', 'dhcp');
    return {
      sentence: `Two devices use one IP address${address === undefined ? '' : ` (${address}, a duplicate address)`}: each is reached only at times${change.words}.`,
      evidence: [line.id, ...signs.main, ...change.ids],
      commands: [neighbours, addresses],
      sure: 'decisive',
      person: true,
    };
  },
};

/** Percent of a pool from which on new clients go without. */
const POOL_FULL = 95;

/** No lease: the address goes, and everything with it. */
const lease: KnownCause = {
  id: 'dhcp-lease',
  class: 'dhcp-failure',
  find: (signs) => {
    const line = signs.line(
      /no dhcpoffers? received|dhcp.{0,60}(?:no lease|timed? ?out|lease.{0,20}expired|\bnak\b)|dhcpnak|(?:\budhcpc|networkd|networkmanager).{0,80}lease.{0,20}(?:expired|lost|fail)|no free leases|no address (?:is )?available|no (?:more )?(?:free )?(?:addresses|leases) (?:left|available)|dhcp.{0,60}(?:pool|range|scope).{0,30}(?:full|exhausted|used up)|allocation pool.{0,40}(?:exhausted|no (?:free|available))|alloc_fail|dhcp4_lease_alloc_fail/i,
    );
    const pool = signs
      .metrics(/dhcp.*(?:pool|used|free|leases)|(?:pool|scope).*dhcp/)
      .find(({ name, value }) => /used|percent/.test(name) && (value ?? 0) >= POOL_FULL);
    if ((line === undefined && pool === undefined) || signs.isOfHost) return null;
    const served =
      pool !== undefined || /no free leases|pool|no (?:more |free )*(?:address|lease)|alloc/i.test(line?.text ?? '');
    const change = signs.since('dhcp', 'dhcp-range', 'range', 'lease', 'dnsmasq', 'kea', 'vlan', 'switch');
    const unit = served ? signs.unitLike(/dnsmasq|dhcpd|kea|dhcp/) : undefined;
    return {
      sentence: `${served ? `The DHCP server has no address left to lease: its pool${pool?.label ? ` of ${plainName(pool.label)}` : ''} is used up (exhausted${pool?.words ? `, ${pool.words}` : ''}), as the range is too small or its leases last too long for those who ask` : 'No DHCP server gives this host a lease, so its address is gone'}${change.words}.`,
      evidence: [...(line === undefined ? [] : [line.id]), ...signs.main, ...change.ids],
      commands: served
        ? [
            ...(unit === undefined ? [addresses] : [unitLog(unit), unitStatus(unit)]),
            ...(/dnsmasq/.test(unit ?? '')
              ? [command('dnsmasq --test', 'Shows whether its configuration is sound.')]
              : []),
          ]
        : [addresses, command('ip route', 'Shows whether there is a way out.')],
      sure: 'decisive',
      person: true,
    };
  },
};

/** Addresses that are taken twice, or that nobody gives. */
export const ADDRESSES: readonly KnownCause[] = [duplicate, lease];
