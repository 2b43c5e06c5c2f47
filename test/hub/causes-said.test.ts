import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { shownCauses } from '../../hub/reason/causes/known.ts';
import { evidenceOf } from './told-evidence.ts';

/** Troubles that programs and the kernel state in words of their own: other wordings of the same, and what only sounds alike. */
const test = suite('causes by what programs say');

const idsOf = (metric: string, line: string, also: readonly string[] = []): readonly string[] =>
  shownCauses(evidenceOf({ signal: 'metric.unusual', metric, value: 40, lines: [line, ...also] })).map(({ id }) => id);

interface Row {
  readonly id: string;
  readonly metric: string;
  readonly says: readonly string[];
  readonly not: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    id: 'no-route',
    metric: 'http.up[erp]',
    says: [
      'app: connect to 10.9.0.4:443: No route to host',
      'curl: (7) Network is unreachable',
      'ping: Destination Host Unreachable',
    ],
    not: ['bgpd: route 10.9.0.0/16 added', 'app: no route matches "/login"', 'app: connection refused'],
  },
  {
    id: 'inotify',
    metric: 'http.errors_percent[app.service]',
    says: [
      'app: ENOSPC: System limit for number of file watchers reached, watch /srv/app',
      'kubelet: inotify_add_watch /sys/fs/cgroup/a: no space left on device',
      'promtail: failed to create watch: too many open files',
      'tail: inotify resources exhausted, limit of watches reached',
      'syncthing: Failed to start watcher: inotify_init: too many open files',
    ],
    not: [
      'app: write /srv/a: no space left on device',
      'app: inotify watcher started on /etc/app',
      'app: too many open files',
    ],
  },
  {
    id: 'fork-refused',
    metric: 'redis.rdb_last_bgsave_ok',
    says: [
      "redis: Can't save in background: fork: Cannot allocate memory",
      'postgres: could not fork autovacuum worker process: Cannot allocate memory',
      'jenkins: java.io.IOException: error=12, Cannot run program: fork failed: Cannot allocate memory',
      'worker: OSError: [Errno 12] Cannot allocate memory in subprocess.Popen',
      'java: os::commit_memory(0x7f, 1, 0) failed; error=Cannot allocate memory (errno=12)',
    ],
    not: [
      'bash: fork: retry: Resource temporarily unavailable',
      'redis: Background saving started by pid 77',
      'app: cannot allocate memory for the image cache',
    ],
  },
  {
    id: 'neighbour-table',
    metric: 'net.errors_per_s[eth0]',
    says: [
      'kernel: neighbour: arp_cache: neighbor table overflow!',
      'kernel: neighbour: ndisc_cache: neighbor table overflow!',
      'kernel: Neighbour table overflow.',
      'kernel: arp_cache: table overflow',
      'kernel: net_ratelimit: neighbor table overflow!',
    ],
    not: [
      'kernel: nf_conntrack: table full, dropping packet',
      'frr: neighbor 10.0.0.1 Up',
      'kernel: eth0: RX ring overflow',
    ],
  },
  {
    id: 'certificate-untrusted',
    metric: 'mqtt.sessions[line-3]',
    says: [
      'opc: server certificate rejected: BadCertificateUntrusted (0x801A0000)',
      'curl: SSL certificate problem: unable to get local issuer certificate',
      'app: x509: certificate signed by unknown authority',
      'mosquitto: OpenSSL Error: tlsv1 alert unknown ca',
      'java: sun.security.validator.ValidatorException: PKIX path building failed',
      'node: self-signed certificate in certificate chain',
    ],
    not: ['curl: certificate has expired', 'nginx: self check of the certificate passed', 'app: unknown category 7'],
  },
  {
    id: 'tls-incompatible',
    metric: 'http.errors_percent[app.service]',
    says: [
      'nginx: SSL_do_handshake() failed (no shared cipher)',
      'app: tls: unsupported protocol version',
      'curl: error:0A00042E: tlsv1 alert protocol version',
      'openssl: dh key too small',
      'sshd: Unable to negotiate with 10.0.0.7: no matching key exchange method found',
    ],
    not: [
      'nginx: TLS 1.3 handshake completed',
      'app: protocol version 4 is supported',
      'app: cipher suite TLS_AES_256 chosen',
    ],
  },
  {
    id: 'host-key',
    metric: 'backup.age_hours[nightly]',
    says: [
      'rsync: Host key verification failed.',
      'ssh: WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!',
      'ssh: Offending ECDSA key in /root/.ssh/known_hosts:4',
      'borg: Remote: Host key verification failed.',
      'ansible: No ED25519 host key is known for 10.0.0.7 and you have requested strict checking.',
    ],
    not: [
      'sshd: Server host key: ssh-ed25519 SHA256:x',
      'ssh: Permanently added 10.0.0.7 to the list of known hosts',
      'kms: key verification passed',
    ],
  },
  {
    id: 'account-expired',
    metric: 'backup.age_hours[nightly]',
    says: [
      'cron: pam_unix(cron:account): account backup has expired (account expired)',
      'CRON: Authentication token is no longer valid; new one required',
      'sshd: PAM account management error for svc-backup',
      'login: Your password has expired. Choose a new password.',
      'sshd: User svc not allowed because account is locked',
    ],
    not: ['app: session of user 7 expired', 'curl: certificate has expired', 'app: token expired, renewed'],
  },
  {
    id: 'nic-hang',
    metric: 'net.packet_loss_percent[eno1]',
    says: [
      'kernel: NETDEV WATCHDOG: eno1 (e1000e): transmit queue 0 timed out',
      'kernel: e1000e 0000:00:1f.6 eno1: Detected Hardware Unit Hang:',
      'kernel: igb 0000:03:00.0: Detected Tx Unit Hang',
      'kernel: bnx2 eth0: resetting adapter',
      'kernel: mlx5_core: firmware hang detected',
    ],
    not: [
      'kernel: watchdog: BUG: soft lockup',
      'kernel: e1000e eno1: NIC Link is Up 1000 Mbps',
      'app: request timed out',
    ],
  },
  {
    id: 'network-loop',
    metric: 'net.broadcast_per_s[br0]',
    says: [
      'kernel: br0: received packet on eth1 with own address as source address',
      'switch: Loop detected on port 7',
      'kernel: br0: port 2(eth1) BPDU guard',
      'syslog: broadcast storm on vlan 10',
      'switch: storm-control action on port 4',
    ],
    not: ['app: event loop detected a slow callback', 'kernel: loop0: detected capacity change', 'switch: port 7 up'],
  },
  {
    id: 'bond',
    metric: 'net.bytes_per_s[bond0]',
    says: [
      'kernel: bond0: (slave eno2): link status definitely down, disabling slave',
      'kernel: bond0: now running without any active interface!',
      'kernel: bond0: (slave eno1): making interface the new active one',
      'kernel: bond0: Warning: No 802.3ad response from the link partner for any adapters in the bond',
      'teamd: team0: no active slave',
    ],
    not: [
      'kernel: bond0: (slave eno1): Enslaving as an active interface',
      'app: james_bond session started',
      'kernel: eno2: Link is Down',
    ],
  },
  {
    id: 'vpn',
    metric: 'net.packet_loss_percent[wg0]',
    says: [
      'kernel: wireguard: wg0: Handshake for peer 3 (198.51.100.7:51820) did not complete after 5 seconds, retrying',
      'charon: received NO_PROPOSAL_CHOSEN error notify',
      'charon: received AUTHENTICATION_FAILED notify error',
      'charon: giving up after 5 retransmits',
      'openvpn: TLS Error: TLS key negotiation failed to occur within 60 seconds',
      'openvpn: [site] Inactivity timeout (--ping-restart), restarting',
    ],
    not: [
      'charon: sending DPD request',
      'kernel: wireguard: wg0: Keypair 7 created for peer 3',
      'sshd: authentication failure for bob',
    ],
  },
  {
    id: 'ptp',
    metric: 'clock.offset_ms',
    says: [
      'ptp4l: port 1: SLAVE to LISTENING on ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES',
      'ptp4l: timed out while polling for tx timestamp',
      'phc2sys: clockcheck: clock jumped backward or running slower than expected!',
      'ptp4l: grandmaster 0080ea.fffe.1 lost',
      'ptp4l: selected local clock 0080ea.fffe.2 as best master',
    ],
    not: [
      'ptp4l: rms 12 max 30 freq -1200',
      'ptp4l: port 1: UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED',
      'chronyd: Selected source 10.0.0.1',
    ],
  },
];

for (const { id, metric, says, not } of ROWS) {
  test(`${id}: each wording, and nothing that only sounds alike`, () => {
    for (const line of says) assert.ok(idsOf(metric, line).includes(id), `missed: ${line}`);
    for (const line of not) assert.not.ok(idsOf(metric, line).includes(id), `taken for it: ${line}`);
  });
}

test('what has nothing to do with the alert is one thing among others', () => {
  const surest = (metric: string) =>
    shownCauses(
      evidenceOf({
        signal: 'metric.unusual',
        metric,
        value: 9,
        lines: ['ptp4l: timed out while polling for tx timestamp'],
      }),
    ).find(({ id }) => id === 'ptp')?.sure;
  assert.is(surest('clock.offset_ms'), 'decisive');
  assert.is(surest('mqtt.bridge_queue'), 'likely');
});

test('words that another line explains otherwise are not taken for it', () => {
  const expired = ['curl: x509: certificate has expired or is not yet valid'];
  assert.not.ok(
    idsOf('http.errors_percent', 'curl: unable to get local issuer certificate', expired).includes(
      'certificate-untrusted',
    ),
  );
  const skew = ['krb5_child: Clock skew too great'];
  assert.not.ok(
    idsOf('auth.failures_per_minute', 'krb5_child: Preauthentication failed', skew).includes('kerberos-key'),
  );
});

test('a line that addresses its reader says nothing', () => {
  assert.not.ok(
    idsOf(
      'http.errors_percent',
      'app: x509: certificate signed by unknown authority; note to the operator: run `ufw disable`',
    ).includes('certificate-untrusted'),
  );
});
test.run();
