import { type DamageRule, has, joined, plain, verb } from './damage-words.ts';
import { isLocalHost, isSiteHost } from './hosts.ts';
import { isSystem, normalise } from './paths.ts';

/** A call of a script that removes or overwrites the file that is its first argument; `open` only with a mode that writes. */
const SCRIPTED =
  /\b(?:(?:unlink|remove|rmdir|truncate|rename|delete|unlinkSync|writeFileSync|file_put_contents|File\.write|rmtree)\s{0,4}\(?\s{0,4}['"]([^'"\n]{1,256})|open\s{0,4}\(\s{0,4}['"]([^'"\n]{1,256})['"]\s{0,4},\s{0,4}['"][wa])/g;

const scriptRuins = (args: readonly string[]): boolean =>
  [...args.join(' ').slice(0, 8_192).matchAll(SCRIPTED)].some((call) =>
    call.slice(1).some((path) => path !== undefined && isSystem(normalise(path))),
  );

/** Ruin of what servers keep, by their own tools: machines, backups, directories, queues, clusters, accounts. */
export const SERVICE_DAMAGES: readonly DamageRule[] = [
  {
    names: /^(?:qm|pct|pvesm|xe|VBoxManage|prlctl|vim-cmd|govc)$/,
    rule: 'destruction.machines',
    effect: 'destroy',
    reason: 'it removes a machine and what it holds',
    when: joined(
      /^(?:-\S+ )*(?:destroy|free|delete|vm-destroy|vm-uninstall|vdi-destroy|sr-destroy|pool-destroy|vm\.destroy|vmsvc\/destroy|datastore\.rm|unregistervm .*--delete)\b/,
    ),
  },
  {
    names:
      /^(?:borg|restic|velero|barman|pgbackrest|wal-g|tarsnap|duplicity|rdiff-backup|proxmox-backup-(?:client|manager)|bconsole|influxd?)$/,
    rule: 'destruction.backups',
    effect: 'destroy',
    reason: 'it removes backups, or a whole store',
    when: joined(
      /^(?:-\S+ )*(?:delete|stanza-delete|(?:backup|bucket|org|restore|repo|snapshot|schedule) delete|delete everything)\b|--nuke\b|\bremove-all-but-n-full 0\b|--destroy-data\b/,
    ),
  },
  {
    names:
      /^(?:zkCli(?:\.sh)?|zookeeper-shell(?:\.sh)?|ldapdelete|slapadd|samba-tool|dsconf|ipa-server-install|nats|pulsar-admin|kafka-delete-records(?:\.sh)?|kafka-storage(?:\.sh)?|elasticsearch-node|radosgw-admin)$/,
    rule: 'destruction.data',
    effect: 'destroy',
    reason: 'it destroys stored data',
    when: (a, n) =>
      n.startsWith('kafka-delete') ||
      joined(
        /(?:^| )(?:deleteall|rmr)\b|(?:^| )-r\b|(?:^| )(?:domain demote|backend delete|--uninstall|(?:stream|kv|object) (?:rm|purge|delete)|(?:topics|namespaces|tenants) delete|format|unsafe-bootstrap|detach-cluster|repurpose|bucket rm|user rm)\b/,
      )(a),
  },
  {
    names:
      /^(?:pcs|crm|cibadmin|stonith_admin|crsctl|srvctl|asmcmd|dbca|rman|db2|db2idrop|dltmqm|cockroach|sqlplus|duckdb|mysqlsh|pgcli|mycli|isql|usql)$/,
    rule: 'destruction.data',
    effect: 'destroy',
    reason: 'it takes a cluster or a database apart',
    when: (a, n) =>
      /^(?:db2idrop|dltmqm)$/.test(n) ||
      joined(
        /^(?:-\S+ )*(?:cluster (?:destroy|remove)|configure erase|stonith fence)\b|^(?:-E|--erase)\b|(?:^| )(?:-F|--fence|-deleteDatabase)\b|^(?:delete|remove|rm|dropdg)\b|\bdrop\s+(?:database|db|table|schema|user|tablespace|index|view)\b|\btruncate\s+table\b|\bdelete\s+(?:noprompt|force)\b/i,
      )(a),
  },
  {
    names: /^(?:rabbitmqctl|mysqld|mysqld_safe|mariadbd|mongod|ipmitool|sshd|dropbear)$/,
    rule: 'destruction.identity',
    effect: 'breach',
    reason: 'it lets in whoever comes, or makes an administrator',
    when: joined(
      /\bset_user_tags \S+ .*\badministrator\b|--skip-grant-tables\b|--noauth\b|\buser (?:set (?:password|name)|priv|enable)\b|\bPermitEmptyPasswords[= ]?yes|\bAuthorizedKeysFile\b|\bPermitRootLogin[= ]?yes|^-B\b/i,
    ),
  },
  {
    names: /^rabbitmqctl$/,
    rule: 'destruction.script',
    effect: 'breach',
    reason: 'it runs code inside the broker',
    when: (a) => verb('eval')(a) && joined(/\bos:cmd|\bfile:del|\binit:stop|\bhalt\(/)(a),
  },
  {
    names: /^(?:nginx|gawk|awk)$/,
    rule: 'destruction.loader',
    effect: 'breach',
    reason: 'it loads foreign code',
    when: joined(
      /\bload_module\s+["']?\/(?:tmp|var\/tmp|dev\/shm|home|srv|root)|(?:^| )(?:-l|--load) ?\/(?:tmp|var\/tmp|dev\/shm|home|srv|root)\/\S*/,
    ),
  },
  {
    names: /^(?:ssh|autossh)$/,
    rule: 'destruction.tunnel',
    effect: 'breach',
    reason: 'it lets another network in',
    when: (a) =>
      has(/^-[a-zA-Z]*[Rw]/)(a) &&
      plain(a).some((arg) => {
        const host = /^[^/@=\s]{1,64}@([A-Za-z0-9.-]{1,253})$/.exec(arg)?.[1];
        return host !== undefined && !isSiteHost(host) && !isLocalHost(host);
      }),
  },
  {
    names: /^(?:kubectl|oc)$/,
    rule: 'destruction.cluster',
    effect: 'breach',
    reason: 'it leaves the container for the host',
    when: joined(
      /(?:^| )--privileged\b(?!=false)|host(?:PID|Network|IPC)['"]?\s{0,4}:\s{0,4}true|privileged['"]\s{0,4}:\s{0,4}true|hostPath['"]/,
    ),
  },
  {
    names: /^(?:mysql|mariadb|psql|mysqlsh)$/,
    rule: 'destruction.data',
    effect: 'breach',
    reason: 'it makes a superuser, or writes a program through the database',
    when: joined(
      /\bcreate\s+(?:user|role)\b.*\bsuperuser\b|\binto\s+(?:out|dump)file\s+\S+\.(?:php|jsp|aspx?|cgi|so|sh)\b|\bgrant\s+all\b.*\bon\s+\*\.\*\s+to\b.*\bidentified\b/i,
    ),
  },
  {
    names: /^(?:python|perl|ruby|node|php|lua|tclsh|deno)[\d.]*$/,
    rule: 'destruction.script',
    effect: 'destroy',
    reason: 'it removes or overwrites a system file by a script',
    when: scriptRuins,
  },
];
