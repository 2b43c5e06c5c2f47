import { always, type DamageRule, has, joined, plain, short, verb } from './damage-words.ts';
import { wordAt } from './word-at.ts';

const CRITICAL_UNITS =
  /^(?:dbus|dbus-broker|systemd-[a-z-]+|ssh|sshd|auditd|firewalld|nftables|iptables|ufw|apparmor|NetworkManager|networking|network|getty@?.*|login.*|multipath.*|lvm2.*|iscsi.*|polkit|chronyd|fail2ban|rsyslog|crond?|falco|osqueryd|selinux.*)(?:\.[a-z]+)?$/;

/** `ip` takes any beginning of its words: `ip l s eth0 down`, `ip r d default`. */
function cutsOff(args: readonly string[]): boolean {
  const [object = '', act = 'show', ...rest] = args.filter((arg) => !arg.startsWith('-'));
  const is = (word: string, whole: string, from: number): boolean => word.length >= from && whole.startsWith(word);
  const removes = is(act, 'delete', 1) || is(act, 'flush', 1);
  if (is(object, 'link', 1)) return is(act, 'delete', 1) || (is(act, 'set', 1) && rest.includes('down'));
  if (is(object, 'address', 1) || object === 'addr') return is(act, 'flush', 1);
  if (is(object, 'route', 1)) {
    return (
      is(act, 'flush', 1) ||
      (removes && rest.some((word) => /^(?:default|0\/0|0\.0\.0\.0\/0|::\/0|any|all)$/.test(word)))
    );
  }
  return is(object, 'rule', 2) && is(act, 'flush', 1);
}

/** A rule without a condition, at the door of the host itself: nothing comes in, or nothing goes out, this session too. */
const DROPS_ALL =
  /^(?:(?:-t|--table) filter |(?:-w|--wait|-v|--verbose)(?: \d+)? )*(?:-[AI]|--append|--insert) (?:INPUT|OUTPUT) (?:\d+ )?(?:-j|--jump|-g|--goto) (?:DROP|REJECT)\b/;
const NFT_DROPS_ALL = /^(?:add|insert) rule (?:(?:ip6?|inet) )?\S+ (?:input|output) (?:counter )?(?:drop|reject)\b/i;

/** Whoever is root or may become it, or logs in without a password. */
function changesIdentity(args: readonly string[], name: string): boolean {
  if (/^(?:chpasswd|vipw|vigr|newusers|setcap|userdel|deluser|ssh-copy-id)$/.test(name)) return true;
  if (name === 'visudo') return !has(/^(?:-[a-z]*c[a-z]*|--check)$/)(args);
  if (name === 'chage') return has(/^root$/)(args) && !has(/^(?:-l|--list)$/)(args);
  if (name === 'passwd' && has(/^(?:-S|--status)$/)(args)) return has(/^(?:-d|--delete)$/)(args);
  if (name === 'gpasswd') return has(/^(?:root|sudo|wheel|admin|adm|docker|lxd|shadow|disk)$/)(args);
  return has(/^(?:root|sudo|wheel|admin|docker|0|-o|-p|--password|-d|shadow|adm|-u0|.*(?:sudo|wheel|root).*)$/)(args);
}

/** `pkill -u alice` without a name ends everything that a user runs. */
function wholeUser(args: readonly string[]): boolean {
  const at = args.findIndex((arg) => /^(?:-[uU]|--user|--euid|--uid)(?:=|$)/.test(arg));
  if (at < 0) return false;
  const rest = plain(args.filter((_, i) => i !== at + 1 || wordAt(args, at).includes('=')));
  return rest.length === 0;
}

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
    rule: 'destruction.power',
    effect: 'destroy',
    reason: 'it stops the host',
    when: has(
      /^(?:reboot|poweroff|halt|kexec|shutdown|rescue|emergency|ctrl-alt-del|suspend|hibernate|hybrid-sleep|soft-reboot|exit|runlevel[016]|final|umount)\.target$/,
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
    names: /^(?:service|rc-service|invoke-rc\.d)$/,
    rule: 'destruction.unit',
    effect: 'destroy',
    reason: 'the host does not live without this unit',
    when: (a) => CRITICAL_UNITS.test(wordAt(a, 0)) && a[1] === 'stop',
  },
  {
    names: /^loginctl$/,
    rule: 'destruction.power',
    effect: 'destroy',
    reason: 'it ends sessions',
    when: (a) =>
      verb('poweroff', 'reboot', 'halt', 'suspend', 'hibernate', 'terminate-seat')(a) ||
      (verb('terminate-user', 'kill-user')(a) && has(/^(?:root|0)$/)(a)),
  },
  {
    names: /^kill$/,
    rule: 'destruction.init',
    effect: 'destroy',
    reason: 'it ends process 1, or every process',
    when: (a) => {
      const named = a.length > 1 && /^-/.test(wordAt(a, 0)) ? a.slice(a[0] === '-s' || a[0] === '-n' ? 2 : 1) : a;
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
        /^(?:\.|\.\*|\.\+|\^|\$|systemd.*|init|sshd|dbus-daemon|dbus|dockerd|containerd|kubelet|root|0|journald|auditd|-v|--inverse|bash|python3?|node|java)$/,
      )(a) || wholeUser(a),
  },
  {
    names:
      /^(?:userdel|deluser|groupdel|delgroup|chpasswd|vipw|vigr|visudo|passwd|usermod|useradd|adduser|gpasswd|newusers|setcap|chsh|chage|ssh-copy-id)$/,
    rule: 'destruction.identity',
    effect: 'breach',
    reason: 'it changes who may log in or rule the host',
    when: changesIdentity,
  },
  {
    names:
      /^(?:iptables|ip6tables|nft|ufw|firewall-cmd|ebtables|arptables|ipset|setenforce|aa-teardown|aa-disable|aa-complain|apparmor_parser|auditctl|iptables-restore|ip6tables-restore|tc)$/,
    rule: 'destruction.shield',
    effect: 'breach',
    reason: 'it opens or empties the firewall or the audit',
    when: (a, n) =>
      /^(?:setenforce|aa-teardown|aa-disable|aa-complain)$/.test(n) ||
      (n === 'ipset' && has(/^(?:destroy|-X|x|flush|-F)$/)(a)) ||
      (n === 'auditctl' && (has(/^-D$/)(a) || joined(/(?:^| )-e ?0\b/)(a))) ||
      (n === 'apparmor_parser' && short(a, /R/)) ||
      has(/^(?:-F|--flush|-X|--delete-chain|-P|--policy|flush|disable|reset|--panic-on|--complete-reload)$/)(a) ||
      joined(/\b(?:delete table|qdisc .*loss 100)/)(a),
  },
  {
    names: /^(?:ip6?tables|nft)$/,
    rule: 'destruction.network',
    effect: 'destroy',
    reason: 'it drops every packet that comes or goes',
    when: (a, n) => joined(n === 'nft' ? NFT_DROPS_ALL : DROPS_ALL)(a),
  },
  {
    names: /^sysctl$/,
    rule: 'destruction.kernel',
    effect: 'breach',
    reason: 'it changes how the kernel defends itself',
    when: joined(
      /\b(?:kernel\.(?:panic|sysrq|core_pattern|modprobe|randomize_va_space|yama|kptr_restrict|hotplug|unprivileged_\w+)|fs\.suid_dumpable)[\w.]*\s?=/,
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
    names: /^(?:history|journalctl|dmesg)$/,
    rule: 'destruction.evidence',
    effect: 'destroy',
    reason: 'it removes evidence',
    when: (a, n) =>
      (n === 'history' && short(a, /[cw]/)) ||
      (n === 'dmesg' && (short(a, /[cC]/) || has(/^--(?:read-)?clear$/)(a))) ||
      joined(/--vacuum-(?:t|s|f)[a-z]*[= ][01][a-zA-Z]*(?:\s|$)/)(a),
  },
  {
    names: /^(?:ip|ifconfig|nmcli|ifdown|route|dhclient|dhcpcd|networkctl)$/,
    rule: 'destruction.network',
    effect: 'destroy',
    reason: 'it cuts the host off',
    when: (a, n) =>
      n === 'ifdown' ||
      (n === 'ip' && cutsOff(a)) ||
      (n === 'dhclient' && short(a, /[rx]/)) ||
      (n === 'dhcpcd' && short(a, /[kx]/)) ||
      (n !== 'ip' &&
        joined(
          /\b(?:n(?:etworking)? off|radio (?:all|wifi) off|c(?:on(?:nection)?)? (?:down|delete|del)|d(?:ev(?:ice)?)? (?:disconnect|delete)|down)\b|^del(?:ete)? (?:default|-net 0)|^del\b.*\bdefault/,
        )(a)),
  },
  {
    names: /^(?:rmmod|modprobe|insmod)$/,
    rule: 'destruction.module',
    effect: 'breach',
    reason: 'it loads or removes kernel code',
    when: (a, n) =>
      n === 'modprobe'
        ? plain(a).length > 0 && !has(/^(?:-n|--dry-run|--show|-D|--show-depends|-R|--resolve-alias)$/)(a)
        : a.length > 0,
  },
  {
    names:
      /^(?:LD_(?:PRELOAD|LIBRARY_PATH|AUDIT)\+?=.*|export|declare|typeset|readonly|local|env|sudo|doas|setenv|systemctl)$/s,
    rule: 'destruction.loader',
    effect: 'breach',
    reason: 'it makes programs load foreign code',
    when: (a, n) =>
      n.startsWith('LD_') ||
      ((n === 'systemctl' ? verb('set-environment')(a) : true) && has(/^LD_(?:PRELOAD|LIBRARY_PATH|AUDIT)\+?=/)(a)),
  },
  {
    names: /^(?:bpftool|kpatch|livepatch)$/,
    rule: 'destruction.kernel',
    effect: 'breach',
    reason: 'it loads code into the kernel',
    when: joined(/\b(?:load|loadall|attach|pin|update)\b/),
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
