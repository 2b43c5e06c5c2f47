import { type DamageRule, has, joined, short } from './damage-words.ts';

/** Ruin of what runs on a host: containers, clusters, databases, packages; and secrets that leave it. */
export const DATA_DAMAGES: readonly DamageRule[] = [
  {
    names: /^(?:docker|podman|nerdctl|ctr|crictl)$/,
    rule: 'destruction.containers',
    effect: 'destroy',
    reason: 'it removes containers or data, or leaves the container',
    when: (a) =>
      joined(
        /\b(?:system prune|volume (?:rm|remove|prune)|image prune -a|network prune|builder prune|swarm leave|rm -\w*f\w* .*\$\(|rm -\w*f\w*v|compose down .*(?:-v|--volumes|--rmi)|(?:-v|--volume|--mount)[= ]\S*(?:^|[= ]|source=)\/(?::|etc|var\/run\/docker|root)|--cap-add[= ](?:ALL|SYS_ADMIN))/,
      )(a) ||
      joined(
        /(?:^| )--(?:privileged|pid[= ]host)\b|(?:-v|--volume) ?=?\/(?::|etc\b|root\b|var\/run\/docker)|docker\.sock/,
      )(a),
  },
  {
    names: /^(?:kubectl|oc|k3s|helm|etcdctl)$/,
    rule: 'destruction.cluster',
    effect: 'destroy',
    reason: 'it removes what a cluster does not live without',
    when: (a) =>
      joined(
        /\bdelete (?:\S+ )*?(?:ns|namespaces?|pv|pvc|persistentvolume\w*|nodes?|crds?|customresource\w*|secrets?|statefulsets?|sts|all)\b|\bdelete\b.*--all\b|\bdrain\b.*--force|\bdel(?:ete)?\b.*--prefix|\bcreate clusterrolebinding\b|--from-key|\bscale\b.*--all\b/,
      )(a),
  },
  {
    names:
      /^(?:psql|mysql|mariadb|sqlite3|mongo|mongosh|redis-cli|clickhouse-client|cqlsh|influx|dropdb|dropuser|mysqladmin|pg_resetwal|pg_dropcluster|rabbitmqctl)$/,
    rule: 'destruction.data',
    effect: 'destroy',
    reason: 'it destroys stored data',
    when: (a, n) =>
      /^(?:dropdb|dropuser|pg_resetwal|pg_dropcluster)$/.test(n) ||
      joined(
        /\bdrop\s+(?:database|table|schema|user|role|owned|tablespace|index|view|materialized|keyspace|measurement|column)\b|\btruncate\s+|\bdelete\s+from\b(?!.*\bwhere\b)|\bupdate\s+\S+\s+set\b(?!.*\bwhere\b)|\bflush(?:all|db)\b|\bshutdown\b|\bconfig\s+set\b|dropDatabase|\.drop\(|deleteMany\(\{\}|\bdebug\s+(?:segfault|sleep)|\bslaveof\b|\breplicaof\b|\b(?:force_)?reset\b|\bdelete_(?:vhost|queue|user)\b|\bpurge_queue\b|\bcopy\b.*\bprogram\b|pg_terminate_backend.*from pg_stat|\balter\s+(?:user|role)\b.*superuser/i,
      )(a),
  },
  {
    names: /^(?:nc|ncat|netcat|socat|telnet|bash|sh)$/,
    rule: 'destruction.reverse-shell',
    effect: 'breach',
    reason: 'it gives a shell to another machine',
    when: (a, n) =>
      (/^(?:nc|ncat|netcat)$/.test(n) && (short(a, /[ec]/) || has(/^--(?:sh-)?exec/)(a))) ||
      (n === 'socat' && joined(/exec:|system:/i)(a)),
  },
  {
    names: /^(?:curl|wget|scp|rsync|ftp|nc|ncat|sftp|tftp|aws|rclone|mail|sendmail)$/,
    rule: 'destruction.exfiltration',
    effect: 'breach',
    reason: 'it sends secrets to another machine',
    when: joined(
      /(?:\/etc\/(?:shadow|gshadow|sudoers|ssh\/ssh_host\w+key|passwd)|\.ssh\/|id_(?:rsa|ed25519|ecdsa)|\/proc\/\S+\/environ|\.aws\/|\.kube\/|\.pgpass|169\.254\.169\.254|metadata\.google)/,
    ),
  },
  {
    names: /^(?:apt|apt-get|aptitude|dpkg|yum|dnf|rpm|apk|pacman|zypper|snap)$/,
    rule: 'destruction.packages',
    effect: 'destroy',
    reason: 'it removes a package that the host does not live without',
    when: (a) =>
      (has(/^(?:remove|purge|erase|autoremove|-r|-P|-e|--purge|--remove|--erase|del|-R|-Rns)$/)(a) &&
        has(
          /^(?:systemd.*|libc6|glibc|sudo|openssh.*|linux-image.*|kernel.*|bash|coreutils|dpkg|apt|rpm|dnf|yum|network-manager|NetworkManager|grub.*|init|util-linux|python3(?:-minimal)?|passwd|login|dbus)$/,
        )(a)) ||
      has(/^--(?:force-(?:all|remove-essential|depends)|allow-remove-essential|nodeps)$/)(a),
  },
  {
    names: /^(?:stress|stress-ng|hping3|slowloris|ab|siege)$/,
    rule: 'destruction.load',
    effect: 'destroy',
    reason: 'it loads a machine until it fails',
    when: (a, n) => n === 'hping3' && has(/^--flood$/)(a),
  },
];
