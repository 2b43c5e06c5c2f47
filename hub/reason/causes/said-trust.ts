import { command, type KnownCause } from './cause.ts';
import { type Saying, sayingCause } from './saying.ts';

/** Whatever connects, logs in or serves. */
const OF_CONNECTION =
  /session|conn|http|tls|ssl|cert|auth|login|ldap|mqtt|opc|log\.|journal\.|unit\.|container\.|endpoint|error|fail|queue|backlog|_up\b|\.up\b|age|bridge|messages|latency|database|backup|sync|timer/;
const clock = command(
  'timedatectl status',
  'Shows whether the clock is right, by which certificates and tickets are judged.',
);

/** Trust, names and accounts: each side works, and one does not accept the other. */
const TRUST: readonly Saying[] = [
  {
    id: 'certificate-untrusted',
    class: 'certificate-untrusted',
    words:
      /badcertificate(?:untrusted|chainincomplete|usenotallowed|issueruseuntrusted)|bad_certificate_untrusted|unable to get (?:local )?issuer certificate|self[- ]signed certificate|\bunknown ca\b|signed by unknown authority|pkix path building failed|unable to verify the (?:first|leaf) (?:certificate|signature)|unknown_?issuer|certificate (?:is |was )?(?:not trusted|untrusted|rejected)|(?:rejected|untrusted) (?:server |client |peer )?certificate|no trusted certificate found/i,
    unless: /certificate (?:has )?expired|certificate is not yet valid|notafter|certificate has been revoked/i,
    explains: OF_CONNECTION,
    means: ({ who, to }) =>
      `${who} rejects the certificate of the other side${to === '' ? '' : ` (${to})`}, which it does not trust: it is new or was replaced, or its authority (CA) is missing in the trust list; nothing has expired`,
    after: ['certificate', 'cert', 'trust', 'pki', 'ca-certificates', 'firmware', 'renewed', 'bundle'],
    looks: () => [command('ss -tn state established', 'Shows which connections stand.'), clock],
  },
  {
    id: 'certificate-revoked',
    class: 'certificate-revoked',
    words:
      /certificate (?:has been |is )?revoked|crl has expired|unable to get certificate crl|ocsp.{0,40}(?:revoked|fail|error|timed? ?out)/i,
    explains: OF_CONNECTION,
    means: ({ who }) =>
      `${who} is refused since a certificate is revoked, or since the list of revoked ones (CRL, OCSP) has expired or can not be read`,
    after: ['crl', 'ocsp', 'revoke', 'certificate'],
    looks: () => [clock],
  },
  {
    id: 'certificate-name',
    class: 'certificate-name',
    words:
      /host ?name mismatch|certificate is (?:only )?valid for .{1,80}, not|does(?:n'?t| not) match (?:target |the )?(?:host ?name|server name|certificate)|no (?:alternative certificate )?subject (?:alternative )?(?:dns )?name.{0,30}match|ip address mismatch|cert_altname_invalid|badcertificatehostnameinvalid|cannot validate certificate for .{1,60} because it doesn't contain any ip sans/i,
    explains: OF_CONNECTION,
    means: ({ who, to }) =>
      `${who} refuses the other side${to === '' ? '' : ` (${to})`}, whose certificate is for another name than the one that it connects to (host name mismatch)`,
    after: ['certificate', 'dns', 'hostname', 'renamed', 'address', 'endpoint', 'url'],
  },
  {
    id: 'tls-incompatible',
    class: 'tls-incompatible',
    words:
      /no shared cipher|unsupported protocol|wrong (?:ssl )?version number|alert protocol version|sslv3 alert handshake failure|dh key too small|ca md too weak|ee key too small|no protocols available|unsafe legacy renegotiation|no cipher suites in common|badsecuritypolicyrejected|no matching (?:host key type|key exchange method|cipher|mac) found/i,
    explains: OF_CONNECTION,
    means: ({ who, to }) =>
      `${who} and the other side${to === '' ? '' : ` (${to})`} have no version, cipher or key of TLS (or SSH) in common, as after an upgrade or hardening of one of the two: neither a certificate nor a password is at fault`,
    after: ['openssl', 'tls', 'cipher', 'crypto-policies', 'hardening', 'openssh', 'firmware'],
  },
  {
    id: 'host-key',
    class: 'host-key-changed',
    words:
      /host key verification failed|remote host identification has changed|offending \w+ key in|no \w+ host key is known for/i,
    explains: /./,
    means: ({ who }) =>
      `${who} refuses the other host, whose SSH host key is not the one that it knows: the host was rebuilt or replaced, or somebody stands between; a person has to compare the keys`,
    after: ['rebuilt', 'reinstalled', 'replaced', 'ssh', 'host key'],
  },
  {
    id: 'key-refused',
    class: 'credentials-refused',
    words:
      /permission denied \((?:publickey|publickey,[a-z,-]{1,60}|gssapi[a-z,-]{1,60}|password)\)|bad ownership or modes for (?:file|directory)|no supported authentication methods/i,
    explains: /backup|sync|age|unit\.|timer|log\.|error|fail/,
    means: ({ who }) =>
      `${who} is not let in by the other host: its SSH key is not accepted (not authorised there, or the modes of its files are too open)`,
    after: ['ssh', 'authorized_keys', 'key', 'hardening', 'home'],
  },
  {
    id: 'account-expired',
    class: 'account-expired',
    words:
      /\b(?:password|account)\b.{0,30}\bexpired\b|authentication token is no longer valid|pam account management error|\baccount.{0,20}(?:is )?(?:locked|disabled)\b|user not allowed because account is locked|password must be changed|your password has expired/i,
    unless: /certificate/i,
    explains: /auth|login|unit\.|timer|backup|sync|cron|log\.|age|error|fail|job/,
    means: ({ who }) =>
      `${who} may not log in or run its jobs any more: the account or its password has expired or is locked`,
    after: ['password', 'account', 'policy', 'chage', 'pam'],
  },
  {
    id: 'kerberos-key',
    class: 'kerberos-key',
    words:
      /\bkvno\b|key version.{0,40}(?:not|mismatch)|no (?:suitable |matching )?key(?:s)? (?:found )?in keytab|keytab.{0,60}(?:not found|no such|unable|wrong)|preauthentication failed(?!.{0,60}skew)|decrypt integrity check failed/i,
    unless: /clock skew/i,
    explains: /auth|login|krb|kerberos|ldap|http|error|fail|unit\.|log\./,
    means: ({ who }) =>
      `${who} is refused by Kerberos: its key (keytab, machine password) is missing or is not the one that the directory has`,
    after: ['keytab', 'password', 'domain', 'rejoined', 'kerberos'],
  },
  {
    id: 'directory-away',
    class: 'directory-unreachable',
    words:
      /cannot contact any kdc|cannot find kdc|can'?t contact ldap server|ldap.{0,40}(?:server is unavailable|connection (?:refused|timed out))|(?:sssd|sssd_be)\b.{0,40}backend is offline|no logon servers|winbind.{0,40}(?:offline|no logon)/i,
    unless: /clock skew/i,
    explains: /auth|login|krb|kerberos|ldap|sssd|sudo|ssh/,
    means: ({ who, to }) =>
      `${who} does not reach the directory (LDAP, Kerberos, domain controller${to === '' ? '' : ` ${to}`}), so nobody whom only the directory knows may log in`,
    after: ['ldap', 'domain', 'firewall', 'dns', 'vlan', 'route'],
    looks: () => [clock],
  },
];

export const SAID_TRUST: readonly KnownCause[] = TRUST.map(sayingCause);
