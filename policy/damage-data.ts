import { type DamageRule, has, joined, short, verb } from './damage-words.ts';

/** The arguments as one text, where a comment is a blank: SQL reads `drop` and a comment `table` so. */
const uncommented = (args: readonly string[]): string =>
  args
    .map((arg) => arg.replace(/^-[ecqQ](?=[A-Za-z])/, '$& '))
    .join(' ')
    .slice(0, 8_192)
    .replace(/\/\*!?\d{0,6}|\*\//g, ' ');

/** In a manifest: what takes others with it when it goes, and what gives the cluster or its hosts away. */
const HELD =
  /\bkind["']?\s?:\s?["']?(?:Namespace|PersistentVolume|PersistentVolumeClaim|Node|CustomResourceDefinition|Secret|StatefulSet)\b/;
const GRANTING =
  /\bkind["']?\s?:\s?["']?ClusterRoleBinding\b|\b(?:privileged|hostPID|hostIPC|hostNetwork)["']?\s?:\s?true\b/;

/** Ruin of what runs on a host: containers, clusters, databases, packages; and secrets that leave it. */
export const DATA_DAMAGES: readonly DamageRule[] = [
  {
    names: /^(?:docker|podman|nerdctl|ctr|crictl|docker-compose|podman-compose)$/,
    rule: 'destruction.containers',
    effect: 'destroy',
    reason: 'it removes containers or data, or leaves the container',
    when: (a, n) =>
      joined(
        /\b(?:system (?:prune|reset)|volume (?:rm|remove|prune)|image prune -\w*a|network prune|swarm leave|rm -\w*f\w* .*\$\(|rm -\w*f\w*v|rm[pi]? (?:-\S+ )*-\w*a\w*\b|pod rm -\w*a)/,
      )(a) ||
      ((n === 'docker-compose' || has(/^compose$/)(a)) &&
        has(/^down$/)(a) &&
        has(/^(?:-v|--volumes|--rmi(?:=.*)?)$/)(a)) ||
      joined(
        /(?:^| )--(?:privileged|(?:pid|ipc|userns|uts)[= ]host|cap-add[= ](?:CAP_)?(?:ALL|SYS_\w+|NET_ADMIN|DAC_\w+)|security-opt[= ]\S*unconfined|device[= ]\/dev\/(?:sd|nvme|mem|vd|mapper))\b/i,
      )(a) ||
      joined(/(?:^| )(?:-v|--volume)[= ]?\/(?::|(?:etc|root|boot|dev|proc|sys|usr|var\/run|run|var\/lib)(?:\/|:|\b))/)(
        a,
      ) ||
      joined(/\b(?:src|source)=\/(?:,|$|(?:etc|root|boot|dev|proc|sys|usr|run)\b)|docker\.sock|containerd\.sock/)(a),
  },
  {
    names: /^(?:lxc|incus|virsh|vagrant|multipass)$/,
    rule: 'destruction.machines',
    effect: 'destroy',
    reason: 'it removes a machine and what it holds',
    when: (a) =>
      joined(
        /^(?:-\S+ )*(?:delete|undefine|vol-delete|vol-wipe|pool-delete)\b|^destroy\b.*(?: -f\b| --force\b)|storage delete\b/,
      )(a),
  },
  {
    names: /^(?:kubectl|oc|k3s|rke2|k0s|microk8s|helm|etcdctl)$/,
    rule: 'destruction.cluster',
    effect: 'destroy',
    reason: 'it removes what a cluster does not live without',
    when: (a, n) =>
      joined(
        /\bdelete (?:\S+ )*?(?:ns|namespaces?|projects?|pv|pvc|persistentvolume\w*|nodes?|crds?|customresource\w*|secrets?|statefulsets?|sts|all)\b|\bdelete\b.*--all\b|\bdrain\b|\bdel(?:ete)?\b.*--prefix|\bcreate clusterrolebinding\b|--from-key|\bscale\b.*--all\b|\btaint\b.*--all\b/,
      )(a) ||
      (joined(/\bdelete\b/)(a) && joined(/\bkube-(?:system|public|node-lease)\b/)(a)) ||
      (joined(/\bdelete\b|\breplace\b.*--force\b/)(a) && joined(HELD)(a)) ||
      (joined(/\b(?:apply|create|replace)\b/)(a) && joined(GRANTING)(a)) ||
      (n === 'helm' && verb('uninstall', 'delete', 'del', 'un')(a)) ||
      (n === 'microk8s' && verb('reset')(a)),
  },
  {
    names: /^(?:(?:k3s|k3s-agent|rke2|k0s)-(?:uninstall|killall)\.sh|kubeadm|k0s|minikube|kind|k3d|eksctl|kops)$/,
    rule: 'destruction.cluster',
    effect: 'destroy',
    reason: 'it takes a cluster apart',
    when: (a, n) => n.endsWith('.sh') || verb('reset', 'delete')(a),
  },
  {
    names: /^(?:terraform|tofu|pulumi|aws|gcloud|az|doctl|openstack|gsutil|mc|rclone)$/,
    rule: 'destruction.cloud',
    effect: 'destroy',
    reason: 'it removes what is hosted elsewhere',
    when: (a) =>
      has(/^(?:destroy|purge|(?:delete|terminate)(?:-.*)?)$/)(a) ||
      has(/^-destroy$/)(a) ||
      (has(/^(?:rb|rm)$/)(a) && has(/^(?:--recursive|--force|-r)$/)(a)),
  },
  {
    names:
      /^(?:psql|mysql|mariadb|sqlite3|mongo|mongosh|redis-cli|valkey-cli|keydb-cli|clickhouse-client|cqlsh|influx|sqlcmd|dropdb|dropuser|pg_resetwal|pg_dropcluster|pg_resetxlog)$/,
    rule: 'destruction.data',
    effect: 'destroy',
    reason: 'it destroys stored data',
    when: (a, n) =>
      /^(?:dropdb|dropuser|pg_resetwal|pg_resetxlog|pg_dropcluster)$/.test(n) ||
      (n.endsWith('-cli')
        ? /\bflush(?:all|db)\b|\bshutdown\b|\bconfig\s+set\s+(?:dir|dbfilename|requirepass|masterauth|protected-mode|bind|save|appendonly|rename-command|loadmodule)\b|\bmodule\s+(?:load|loadex|unload)\b|\bdebug\s+(?:segfault|sleep|oom|panic|reload)|\b(?:slaveof|replicaof)\b|\bcluster\s+(?:reset|flushslots|forget)\b/i
        : /\bdrop\s+(?:database|table|schema|user|role|owned|tablespace|index|view|materialized|keyspace|measurement|column|publication|sequence|function|trigger|collection)\b|\btruncate\s+|\bdelete\s+from\b(?!.*\bwhere\b)|\bupdate\s+\S+\s+set\b(?!.*\bwhere\b)|\b(?:delete|update)\b.*\bwhere\s+(?:not\s+)?(?:true|false|\d+(?:\s*[=<>]+\s*\d+)?|'[^']*'\s*=\s*'[^']*')\s*;?\s*$|\bshutdown\b|drop(?:Database|AllUsers|Indexes)|\.drop\(|(?:deleteMany|remove)\(\s*\{\s*\}|\bcopy\b.*\bprogram\b|\balter\s+(?:user|role)\b.*superuser/i
      ).test(uncommented(a)) ||
      (joined(/pg_terminate_backend\b.{0,64}\bfrom pg_stat/i)(a) && !joined(/\bwhere\b/i)(a)),
  },
  {
    names:
      /^(?:mysqladmin|rabbitmqctl|kafka-topics(?:\.sh)?|ceph|rbd|rados|gluster|postsuper|drbdadm|nodetool|vault|consul|nomad|mysqlfrm)$/,
    rule: 'destruction.data',
    effect: 'destroy',
    reason: 'it destroys stored data',
    when: (a, n) => {
      if (n === 'mysqladmin') return has(/^(?:drop|shutdown)$/i)(a);
      if (n === 'rabbitmqctl') return has(/^(?:force_)?reset$|^delete_(?:vhost|user)$/)(a);
      if (n.startsWith('kafka')) return has(/^--delete$/)(a);
      if (n === 'postsuper') return joined(/-d \S/)(a);
      if (n === 'drbdadm') return has(/^(?:wipe-md|create-md|invalidate(?:-remote)?)$/)(a);
      if (n === 'nodetool') return has(/^(?:decommission|removenode|assassinate|truncatehints|clearsnapshot)$/)(a);
      return joined(
        /\b(?:osd pool|volume|fs|pool|image|snap|group) (?:\S+ )?(?:delete|rm|rmdata|destroy|purge)\b|\bosd (?:purge|destroy|lost)\b|^(?:rm|purge|rmpool)\b|\bkv delete\b.*-recurse|\bsecrets disable\b|\boperator seal\b|\bkv metadata delete\b|\bjob stop\b.*-purge|yes-i-really-really-mean/,
      )(a);
    },
  },
  {
    names: /^(?:curl|wget|http|https|xh)$/,
    rule: 'destruction.data',
    effect: 'destroy',
    reason: 'it asks a store to remove data',
    when: (a) =>
      (joined(/(?:-X ?|--request[= ]|--method[= ]|^)DELETE\b/i)(a) &&
        joined(/:(?:9200|9201|5984|2379|8500|8200|6333|8086|27017)\b|\/(?:_all|\*|_search\/scroll)(?:[/?]|$)/)(a)) ||
      joined(/_delete_by_query|_shutdown\b|\/wp-admin\/delete/)(a),
  },
  {
    names: /^(?:python|pypy|perl|ruby|php|lua|node|deno|tclsh|[gmn]?awk)[\d.]*$/,
    rule: 'destruction.reverse-shell',
    effect: 'breach',
    reason: 'it gives a shell to another machine',
    when: (a) =>
      joined(/socket|fsockopen|inet_aton|\/inet\/|net\.connect|require\(.net.\)|urlopen|urlretrieve|requests\.get/i)(
        a,
      ) &&
      joined(/\/bin\/\w{0,4}sh\b|dup2|pty\.spawn|\b(?:exec|system|popen|passthru|shell_exec|spawn|eval|getline)\b/i)(a),
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
      (has(/^(?:remove|rm|purge|erase|autoremove|-r|-P|-e|--purge|--remove|--erase|del|-R[a-z]*)$/)(a) &&
        has(
          /^(?:systemd.*|libc6|glibc|sudo|openssh.*|linux-image.*|kernel.*|bash|coreutils|dpkg|apt|rpm|dnf|yum|network-manager|NetworkManager|grub.*|init|util-linux|python3(?:-minimal)?|passwd|login|dbus|musl|busybox|alpine-base(?:layout)?|apk-tools|openrc|glibc-.*|libc-bin|libstdc\+\+6|openssl-libs|pacman|filesystem|setup|base-files|initscripts|e2fsprogs|mount|libsystemd0|libpam.*|pam)$/,
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
