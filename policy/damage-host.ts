import { always, type DamageRule, has, joined, plain, short, verb } from './damage-words.ts';

const CRITICAL_UNITS =
  /^(?:dbus|dbus-broker|systemd-[a-z-]+|ssh|sshd|auditd|firewalld|nftables|iptables|ufw|apparmor|NetworkManager|networking|network|getty@?.*|login.*|multipath.*|lvm2.*|iscsi.*|polkit|chronyd|fail2ban|rsyslog|crond?|falco|osqueryd|selinux.*)(?:\.[a-z]+)?$/;

/** Ruin of the running host: power, units, processes, identity, shield, kernel, network, firmware. */
export const HOST_DAMAGES: readonly DamageRule[] = [
  {
    names: /^(?:shutdown|reboot|poweroff|halt|kexec|telinit|init|pm-suspend|systemctl-reboot)$/,
    rule: 'destruction.power',
    effect: 'destroy',
    reason: 'it stops the host',
    when: (a, n) =>
      !has(/^(?:--help|--version|-c|--show)$/)(a) && (!/^(?:init|telinit)$/.test(n) || has(/^[0-6sS]$/)(a)),
  },
  {
    names: /^systemctl$/,
    rule: 'destruction.power',
    effect: 'destroy',
    reason: 'it stops the host',
    when: verb(
      'reboot',
      'poweroff',
      'halt',
      'kexec',
      'emergency',
      'rescue',
      'isolate',
      'suspend',
      'hibernate',
      'hybrid-sleep',
      'soft-reboot',
      'switch-root',
      'exit',
      'default',
    ),
  },
  {
    names: /^systemctl$/,
    rule: 'destruction.unit',
    effect: 'destroy',
    reason: 'the host does not live without this unit',
    when: (a) =>
      verb('stop', 'disable', 'mask', 'kill', 'revert', 'clean')(a) &&
      plain(a)
        .slice(1)
        .some((u) => CRITICAL_UNITS.test(u)),
  },
  {
    names: /^(?:service|rc-service)$/,
    rule: 'destruction.unit',
    effect: 'destroy',
    reason: 'the host does not live without this unit',
    when: (a) => CRITICAL_UNITS.test(a[0] ?? '') && a[1] === 'stop',
  },
  {
    names: /^loginctl$/,
    rule: 'destruction.power',
    effect: 'destroy',
    reason: 'it ends sessions',
    when: verb('terminate-user', 'kill-user', 'poweroff', 'reboot'),
  },
  {
    names: /^kill$/,
    rule: 'destruction.init',
    effect: 'destroy',
    reason: 'it ends process 1, or every process',
    when: (a) => {
      const named = a.length > 1 && /^-/.test(a[0] ?? '') ? a.slice(a[0] === '-s' || a[0] === '-n' ? 2 : 1) : a;
      return named.some((arg) => /^(?:-1|0|1|\+1|01|-0)$/.test(arg)) || (a.length === 1 && a[0] === '-1');
    },
  },
  { names: /^killall5$/, rule: 'destruction.init', effect: 'destroy', reason: 'it ends every process', when: always },
  {
    names: /^(?:pkill|killall|skill)$/,
    rule: 'destruction.processes',
    effect: 'destroy',
    reason: 'it ends processes that the host does not live without',
    when: (a) =>
      has(
        /^(?:\.|\.\*|\^|systemd.*|init|sshd|dbus-daemon|dbus|dockerd|containerd|kubelet|-u|-U|--user|--euid|root|journald|auditd|-v|--inverse|bash|python3?|node|java)$/,
      )(a),
  },
  {
    names:
      /^(?:userdel|deluser|groupdel|delgroup|chpasswd|vipw|visudo|passwd|usermod|useradd|adduser|gpasswd|newusers|setcap)$/,
    rule: 'destruction.identity',
    effect: 'breach',
    reason: 'it changes who may log in or rule the host',
    when: (a, n) =>
      /^(?:chpasswd|vipw|visudo|newusers|setcap|userdel|deluser)$/.test(n) ||
      has(/^(?:root|sudo|wheel|admin|docker|0|-o|-p|--password|-d|shadow|adm|-u0|.*(?:sudo|wheel|root).*)$/)(a),
  },
  {
    names:
      /^(?:iptables|ip6tables|nft|ufw|firewall-cmd|ebtables|setenforce|aa-teardown|aa-disable|auditctl|iptables-restore|tc)$/,
    rule: 'destruction.shield',
    effect: 'breach',
    reason: 'it opens or empties the firewall or the audit',
    when: (a, n) =>
      /^(?:setenforce|aa-teardown|aa-disable)$/.test(n) ||
      has(/^(?:-F|--flush|-X|-P|--policy|-Z|flush|disable|reset|-e0|-D|--panic-on|--complete-reload)$/)(a) ||
      joined(/\b(?:delete table|-e 0|qdisc .*loss 100)/)(a),
  },
  {
    names: /^sysctl$/,
    rule: 'destruction.kernel',
    effect: 'breach',
    reason: 'it changes how the kernel defends itself',
    when: joined(
      /\b(?:kernel\.(?:panic|sysrq|core_pattern|modprobe|randomize_va_space|yama|kptr_restrict|hotplug|unprivileged_\w+)|fs\.suid_dumpable|vm\.overcommit_memory)[\w.]*\s?=/,
    ),
  },
  {
    names: /^crontab$/,
    rule: 'destruction.cron',
    effect: 'destroy',
    reason: 'it removes every job of a user',
    when: (a) => short(a, /r/),
  },
  {
    names: /^(?:history|journalctl)$/,
    rule: 'destruction.evidence',
    effect: 'destroy',
    reason: 'it removes evidence',
    when: (a, n) =>
      (n === 'history' && short(a, /[cw]/)) || joined(/--vacuum-(?:time|size|files)[= ][01][a-zA-Z]*(?:\s|$)/)(a),
  },
  {
    names: /^(?:ip|ifconfig|nmcli|ifdown|route)$/,
    rule: 'destruction.network',
    effect: 'destroy',
    reason: 'it cuts the host off',
    when: (a, n) =>
      n === 'ifdown' ||
      joined(
        /\b(?:link (?:set .*\bdown|del)|(?:addr|address|a|route|r|rule) (?:flush|del)|networking off|radio (?:all|wifi) off|con(?:nection)? (?:down|delete)|dev(?:ice)? disconnect)|^\S+ down$|^del\b/,
      )(a),
  },
  {
    names: /^(?:rmmod|modprobe|insmod)$/,
    rule: 'destruction.module',
    effect: 'breach',
    reason: 'it loads or removes kernel code',
    when: (a, n) => n === 'insmod' || (n === 'rmmod' && a.length > 0) || short(a, /r/),
  },
  {
    names: /^(?:grub-install|update-grub|efibootmgr|flashrom|fwupdmgr|ipmitool|dmidecode-write|setpci|mokutil)$/,
    rule: 'destruction.firmware',
    effect: 'destroy',
    reason: 'it changes how the machine starts, or its power',
    when: (a, n) =>
      n === 'grub-install' ||
      n === 'flashrom' ||
      n === 'setpci' ||
      has(/^(?:-B|-b|-w|--write|off|cycle|reset|soft|update|install|-W|clear)$/)(a),
  },
];
