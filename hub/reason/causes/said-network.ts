import { command, type KnownCause } from './cause.ts';
import { type Saying, sayingCause } from './saying.ts';

const OF_NETWORK =
  /net|link|carrier|http|conn|tcp|udp|latency|rtt|loss|error|fail|timeout|drop|retrans|vpn|tunnel|peer|mqtt|session|_up\b|\.up\b|endpoint|throughput|bytes_per|broadcast|packets/;
const OF_TIME = /clock|ntp|ptp|chrony|time|offset|sync|stratum|gnss|gps|pps|jitter/;

const links = command('ip -s link', 'Shows each interface with its errors and drops.');

/** What the kernel, a tunnel or a time source says of the network. */
const NETWORK: readonly Saying[] = [
  {
    id: 'nic-hang',
    class: 'nic-hang',
    words:
      /netdev watchdog.{0,80}(?:transmit queue.{0,20}timed out|timed out)|detected (?:tx |hardware )?unit hang|(?:nic|adapter|firmware) (?:hang|reset unexpectedly|has stopped responding)|resetting adapter/i,
    explains: OF_NETWORK,
    means: ({ signs }) => {
      const device = signs.says(/\b(en\w{2,12}|eth\d+|wl\w{2,12})\b/)?.groups[0];
      return `The network card${device === undefined ? '' : ` ${device}`} or its driver hangs (transmit queue timed out): it is reset, and the link is gone meanwhile`;
    },
    after: ['firmware', 'driver', 'kernel', 'linux-image', 'offload'],
    looks: () => [links],
  },
  {
    id: 'network-loop',
    class: 'network-loop',
    words:
      /own address as source address|(?<!event )\bloop (?:detected|was found|found)\b(?! a\b)|bpdu ?guard|broadcast storm|spanning[- ]tree.{0,40}(?:loop|inconsistent)|storm[- ]control/i,
    explains: OF_NETWORK,
    means: () =>
      'The network has a loop (frames come back to who sent them): a cable or a bridge closes a circle, and broadcasts flood it',
    after: ['switch', 'cable', 'bridge', 'patch', 'port', 'spanning', 'stp'],
    looks: () => [links, command('bridge link', 'Shows the ports of the bridges and their state.')],
  },
  {
    id: 'bond',
    class: 'bond-degraded',
    words:
      /\b(bond\d+|team\d+)\b.{0,60}(?:link status (?:definitely )?down|no active slave|without any active|new active one|backup interface|lacp.{0,40}(?:expired|no (?:802\.3ad|response)|disabled))|no 802\.3ad response from the link partner/i,
    explains: OF_NETWORK,
    means: ({ groups }) =>
      `The bond ${groups[0] ?? ''} has lost one of its links, or the switch does not bundle them (LACP): what is left carries all`,
    after: ['bond', 'lacp', 'switch', 'port', 'cable'],
    looks: () => [links, command('ip -d link', 'Shows the bond, its mode and its members.')],
  },
  {
    id: 'martian',
    class: 'asymmetric-route',
    words: /martian (?:source|destination)/i,
    explains: OF_NETWORK,
    means: () =>
      'Packets come in where the host would not send their answers (martian source): a route, a netmask or the reverse path filter (rp_filter) does not fit the network, and they are dropped',
    after: ['route', 'netmask', 'vlan', 'rp_filter', 'address', 'gateway', 'interface'],
    looks: () => [
      command('ip route', 'Shows the routes.'),
      command('ip addr', 'Shows the addresses of each interface.'),
    ],
  },
  {
    id: 'vpn',
    class: 'vpn-down',
    words:
      /handshake for peer .{0,80}did not complete|no_proposal_chosen|\b(?:received )?authentication_failed\b|giving up after \d+ retransmits|dpd.{0,30}(?:timed? ?out|failed)|tls key negotiation failed|auth_failed|inactivity timeout.{0,40}restart|peer .{0,40}(?:not responding|is dead)/i,
    explains: OF_NETWORK,
    means: ({ who, groups }) =>
      `The tunnel (VPN) of ${who} does not come up${/authentication|auth_/i.test(groups.join()) ? ', since the other side refuses its key' : ''}: the other side does not answer, or keys or settings differ`,
    after: ['vpn', 'wireguard', 'ipsec', 'tunnel', 'key', 'firewall', 'nat', 'peer', 'route'],
    looks: () => [command('ip route', 'Shows whether there is a way to the other side.'), links],
  },
  {
    id: 'no-route',
    class: 'no-route',
    words: /no route to host|network is unreachable|destination (?:host|net|network) unreachable/i,
    unless: /link is down|carrier lost|reboot/i,
    explains: /^(?:http|net|mqtt|ping|tcp|endpoint|erp|api|sync)\b/,
    means: ({ who, to }) =>
      `${who} finds no way to the other side${to === '' ? '' : ` (${to})`}: a route or gateway is missing or wrong, or a firewall on the way rejects it`,
    after: ['route', 'gateway', 'netplan', 'vlan', 'firewall', 'nft', 'router', 'vpn'],
    looks: () => [
      command('ip route', 'Shows the routes and the gateway.'),
      command('ip neigh', 'Shows who answers nearby.'),
    ],
  },
  {
    id: 'docker-firewall',
    class: 'container-network',
    words:
      /iptables: no chain\/target\/match by that name|no chain\/target\/match by that name|non-overlapping ipv4 address pool|all predefined address pools have been fully subnetted/i,
    explains: /./,
    means: ({ who }) =>
      `${who} gets no network for its container: the chains of the firewall that docker made are gone (the firewall was loaded anew), or its pools of addresses are used up`,
    after: ['firewall', 'nft', 'iptables', 'ufw', 'docker', 'network'],
    looks: () => [command('docker network ls', 'Shows the networks of the containers.')],
  },
  {
    id: 'ptp',
    class: 'ptp-lost',
    words:
      /announce_receipt_timeout|(?:slave|uncalibrated) to (?:listening|faulty)|clockcheck: clock jumped|timed out while polling for tx timestamp|(?:grand ?master|gm\b).{0,40}(?:lost|changed|away|gone|new)|selected local clock .{0,40}as best master/i,
    explains: OF_TIME,
    means: ({ who }) =>
      `${who} has lost its master of time (PTP grandmaster), or its card gives no time stamps: the clock runs by itself`,
    after: ['ptp', 'grandmaster', 'switch', 'firmware', 'antenna', 'vlan'],
    looks: () => [command('timedatectl status', 'Shows whether the clock counts as synchronised.')],
  },
  {
    id: 'gnss',
    class: 'gnss-lost',
    words:
      /\b(?:pps\d?|gnss|gps)\b.{0,60}(?:lost|no fix|no signal|no longer|unreachable|unusable)|antenna (?:open|short|fault|disconnected)|(?:lost|no) (?:gnss|gps|satellite)/i,
    explains: OF_TIME,
    means: () =>
      'The receiver of satellite time (GNSS, PPS) has no signal: its antenna, the lead or the view of the sky; the clock holds over by itself',
    after: ['antenna', 'gnss', 'gps', 'lightning', 'roof'],
    looks: () => [command('chronyc sources', 'Shows the sources and whether they answer.')],
  },
  {
    id: 'time-disagree',
    class: 'clock-unsynced',
    words: /no majority|falseticker/i,
    explains: OF_TIME,
    means: () => 'The sources of time disagree (no majority): at least one of them is wrong, and none is followed',
    after: ['ntp', 'chrony', 'time', 'gps'],
    looks: () => [command('chronyc sources', 'Shows the sources, and how far apart they are.')],
  },
];

export const SAID_NETWORK: readonly KnownCause[] = NETWORK.map(sayingCause);
