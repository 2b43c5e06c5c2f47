/** Where a path really leads, as far as its text can say, and what kind of place that is. */

/**
 * The absolute path that `path` means to a process whose working folder is `/`: no `.`, `..`, doubled or trailing
 * slashes. The detours through /proc that lead back to the root (`/proc/1/root/etc/shadow`) are taken out.
 */
export function normalise(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
    if (parts.length === 3 && parts[0] === 'proc' && (parts[2] === 'root' || parts[2] === 'cwd')) parts.length = 0;
    if (parts.length === 5 && parts[0] === 'proc' && parts[2] === 'task' && parts[4] === 'root') parts.length = 0;
  }
  return `/${parts.join('/')}`;
}

/** An open file of a process: what stands behind a slash after it is looked for inside. */
const OPEN_FILE = /^proc\/[^/]+\/(?:task\/[^/]+\/)?(?:fd|map_files)\/[^/]+$|^dev\/fd\/[^/]+$/;
const OTHER_FOLDER = /^proc\/[^/]+\/(?:task\/[^/]+\/)?(?:root|cwd)$/;

/**
 * True for a path through a process's root, working folder or open files: where these lead no text can say, and a `..`
 * behind them goes up from there. `/proc/PID/fd` and one entry of it lead nowhere yet; `/proc/PID/root` does, since a
 * listing looks into it.
 */
export function passesProcess(path: string): boolean {
  if (!/proc|dev/.test(path)) return false;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (OPEN_FILE.test(parts.join('/'))) return true;
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
    if (OTHER_FOLDER.test(parts.join('/'))) return true;
  }
  return false;
}

const within = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** Trees that a host does not live without, whole. */
const SYSTEM_TREES = [
  ...['/etc', '/usr', '/boot', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/dev', '/proc', '/sys'],
  ...['/efi', '/nix', '/run/systemd', '/run/dbus', '/run/udev', '/var/run', '/var/lib/dpkg', '/var/lib/rpm'],
  ...['/var/lib/systemd', '/var/lib/dbus', '/var/log/audit', '/root/.ssh', '/snap', '/var/lib/apt', '/var/spool/cron'],
] as const;

/** Folders that may not go as a whole, while files below them may. */
const SYSTEM_FOLDERS: ReadonlySet<string> = new Set([
  ...['/', '/home', '/root', '/var', '/srv', '/opt', '/mnt', '/media', '/tmp', '/run', '/data', '/lost+found'],
  ...[
    '/var/lib',
    '/var/log',
    '/var/spool',
    '/var/cache',
    '/var/tmp',
    '/var/backups',
    '/var/mail',
    '/var/www',
    '/usr/local',
  ],
  ...['/var/log/journal', '/var/log/wtmp', '/var/log/btmp', '/var/log/lastlog', '/var/log/auth.log', '/var/log/secure'],
]);

/** Settings of a service, below its folder: a person may consent to a change there. And what only tunes memory. */
const SETTINGS =
  /^\/etc\/(?:nginx|apache2|httpd|haproxy|caddy|traefik|mysql|mariadb|postgresql|redis|mongodb|rabbitmq|kafka|zookeeper|elasticsearch|kibana|logstash|filebeat|fluent[a-z-]*|telegraf|influxdb|grafana|prometheus|alertmanager|php|tomcat\d*|memcached|varnish|squid|bind|named|unbound|postfix|dovecot|supervisor|monit|logrotate\.d)\/.+|^\/proc\/sys\/vm\/(?:drop_caches|swappiness|dirty_[a-z_]+|compact_memory)$/;

/** Removing or overwriting this ends the host, its evidence or its data. Paths must be normalised. */
export function isSystem(path: string): boolean {
  if (SETTINGS.test(path)) return false;
  if (SYSTEM_FOLDERS.has(path) || SYSTEM_TREES.some((tree) => within(path, tree))) return true;
  return /^\/(?:var\/lib\/[^/]+|home\/[^/]+\/\.ssh(?:\/.*)?|(?:home\/[^/]+|root)\/\.[a-z_]*history)$/.test(path);
}

const DATABASE_FILE =
  /^\/var\/lib\/(?:mysql|mariadb|postgresql|pgsql|mongodb|mongo|redis|valkey|influxdb|cassandra|clickhouse|etcd|elasticsearch|opensearch|rabbitmq|prometheus)\/./;
const LEFTOVER = /(?:\.(?:pid|lock|sock|bak|old|orig|tmp|log|err|gz)|~)$/;

/** A file that a database keeps: without it the rest is lost too. What a crash or a person left beside it is not meant. */
export const isDatabaseFile = (path: string): boolean => DATABASE_FILE.test(path) && !LEFTOVER.test(path);

/** Below these, removing what matches a search is never a clean-up. */
export function isSystemTree(path: string): boolean {
  if (/^\/(?:|var|var\/lib|home|root|run|opt|srv|usr\/local|snap)$/.test(path)) return true;
  return SYSTEM_TREES.some((tree) => within(path, tree));
}

/** Devices that only take or give away what is no data. */
const HARMLESS_DEVICES: ReadonlySet<string> = new Set(['/dev/null', '/dev/stdin', '/dev/stdout', '/dev/stderr']);

/** A device node, kernel memory or a kernel's switch: reading it is no file read, writing it is no file write. */
export function isDevice(path: string): boolean {
  if (HARMLESS_DEVICES.has(path)) return false;
  return /^\/dev\/(?!shm(?:\/|$)|mqueue(?:\/|$)).+/.test(path) || /^\/proc\/(?:kcore|sysrq-trigger|kmsg)$/.test(path);
}

const SECRET_FILES = [
  /^\/etc\/(?:shadow|gshadow|sudoers|krb5\.keytab|opasswd)(?:[-~.].*)?$/,
  /^\/etc\/security\/opasswd/,
  /^\/etc\/sudoers\.d(?:\/|$)/,
  /^\/etc\/ssh\/ssh_host_[a-z0-9]+_key(?!\.pub)/,
  /^\/etc\/ssl\/private(?:\/|$)/,
  /^\/etc\/(?:letsencrypt|pki\/tls\/private|ipsec\.secrets|wireguard|ppp\/(?:chap|pap)-secrets|rndc\.key)(?:\/|$|\.)?/,
  /^\/etc\/(?:NetworkManager\/system-connections|wpa_supplicant|netplan)(?:\/|$)/,
  /^\/etc\/(?:kubernetes|rancher|openvpn|vault|vault\.d|consul\.d|credstore(?:\.encrypted)?)(?:\/|$)/,
  /^\/etc\/(?:sssd|freeradius|raddb|dovecot|grafana|zabbix|snmp|redis|rabbitmq|mongodb|ddclient|hostapd|samba\/private|pam_ldap|nslcd|bareos|bacula|chrony\/chrony\.keys|docker\/key)(?:\/|$|[-_.])/,
  /^\/etc\/(?:mysql\/debian\.cnf|redis\.conf|mongod\.conf|ldap(?:\/ldap)?\.conf|nslcd\.conf|libnss-ldap\.conf|ddclient\.conf|msmtprc|fetchmailrc|environment|my\.cnf|cups\/printers\.conf|exim4?\/passwd\.client|postfix\/sasl)/,
  /^\/var\/lib\/(?:mysql|mariadb|postgresql|pgsql|redis|mongodb|mongo|ldap|vault|jenkins|grafana|gitlab|influxdb|rabbitmq|cassandra|elasticsearch)(?:\/|$)/,
  /^\/(?:var\/)?run\/(?:secrets|credentials|user)(?:\/|$)/,
  /^\/run\/systemd\/(?:creds|system-credentials)(?:\/|$)/,
  /^\/proc\/[^/]+\/(?:task\/[^/]+\/)?(?:environ|mem|fd|map_files|auxv|stack|syscall|cwd|root|exe|maps|cmdline)(?:\/|$)/,
  /^\/proc\/(?:kcore|kmsg|keys|kallsyms|cmdline)$/,
  /^\/dev\/(?:mem|kmem|port)$/,
  /^\/root(?:\/|$)/,
  /^\/boot\/grub2?\/(?:user\.cfg|grub\.cfg)$/,
  /^\/var\/backups\/(?:shadow|gshadow|passwd)/,
  /^\/var\/lib\/(?:kubelet|docker\/(?:swarm|containers|volumes)|containerd|etcd|sss|samba\/private|NetworkManager|systemd\/(?:random-seed|credential))(?:\/|$|\.)/,
  /^\/var\/spool\/(?:cron|mail)(?:\/|$)/,
  /^\/var\/mail(?:\/|$)/,
];

const SECRET_PARTS =
  /(?:^|\/)(?:\.ssh|\.gnupg|\.aws|\.azure|\.kube|\.docker|\.config\/gcloud|\.password-store|\.vault-token|\.netrc|\.pgpass|\.my\.cnf|\.mylogin\.cnf|\.git-credentials|\.npmrc|\.pypirc|\.env(?:\.[^/]*)?|\.[a-z_]*history|\.htpasswd|authorized_keys|id_(?:rsa|dsa|ecdsa|ed25519)[^/]*|\.terraform|\.mozilla|\.s3cfg|\.boto|credentials)(?:\/|$)/i;

/** Names that say what they hold. Public halves are no secret. */
const SECRET_NAMES =
  /(?:secret|passw|passphrase|credential|privkey|private[-_.]?key|api[-_]?key|htpasswd|keytab|keystore|token)[^/]*$|\.(?:key|pem|p12|pfx|jks|kdbx|keytab|ovpn|kubeconfig)$|[-_.](?:key|env)$/i;

/** Showing this file's content may give a secret away. Paths must be normalised. */
export function isSecret(path: string): boolean {
  if (
    path === '/etc/passwd' ||
    path.endsWith('.pub') ||
    /\/(?:fullchain|chain|cert|ca[-_]?[a-z]*)\d*\.(?:pem|crt)$/.test(path)
  )
    return false;
  return SECRET_FILES.some((pattern) => pattern.test(path)) || SECRET_PARTS.test(path) || SECRET_NAMES.test(path);
}

const SECRET_HOLDERS =
  /^\/(?:|etc(?:\/(?:ssh|ssl|pki|security))?|home(?:\/[^/]+)?|proc(?:\/[^/]+)?|var|var\/(?:lib|run|spool|backups)|run|opt|srv|sys|dev|usr|mnt|media|tmp|dev\/shm|var\/(?:tmp|www|mail|cache))$/;

/** Reading everything below this folder shows secrets, whatever else it shows. */
export function holdsSecrets(path: string): boolean {
  return SECRET_HOLDERS.test(path) || isSecret(path) || isSecret(`${path}/x`);
}
