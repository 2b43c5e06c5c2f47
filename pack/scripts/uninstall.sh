#!/bin/sh
# Takes off what install.sh put there, and says what it leaves.
#   uninstall.sh hub|agent|both [--purge] [--prefix DIR]
#   --purge  also settings, state and accounts: keys, incidents and the audit chain are gone then
set -eu

say() { printf '%s\n' "uninstall: $*"; }
die() { printf '%s\n' "uninstall: $1: $2" >&2; exit 2; }

prefix='' role='' purge=no
while [ $# -gt 0 ]; do
  case $1 in
    hub|agent|both) role=$1 ;;
    --purge) purge=yes ;;
    --prefix)
      [ $# -ge 2 ] && prefix=${2%/}
      # Of a variable that is empty: nobody meant this host itself by it.
      [ -n "$prefix" ] || die E_USAGE '--prefix takes a folder, and / is none'
      shift
      ;;
    *) role=''; break ;;
  esac
  shift
done
[ -n "$role" ] || die E_USAGE 'say what to take off: uninstall.sh hub|agent|both [--purge] [--prefix DIR]'
[ "$role" = both ] && roles='hub agent' || roles=$role
[ -n "$prefix" ] || [ "$(id -u)" = 0 ] || die E_ROOT 'run it as root, or with --prefix DIR'
for one in $roles; do
  ! dpkg-query -W -f '${Status}' "sentinel-$one" 2>/dev/null | grep -q ' installed$' || [ -n "$prefix" ] ||
    die E_PACKAGED "sentinel-$one is installed as a Debian package: use apt-get remove or purge"
done

# Two at once would take the files from each other.
mkdir -p "$prefix/opt"
exec 9<"$prefix/opt"
flock -w 3 9 || die E_BUSY 'another install.sh or uninstall.sh is at work: wait for its end'

for one in $roles; do
  if [ "$one" = hub ]; then
    units='sentinel-hub.service sentinel-backup.timer sentinel-backup.service' called=sentinel accounts=sentinel groups=sentinel-operators
    state=/var/lib/sentinel-hub
  else
    units='sentinel-agent.service sentinel-exec.socket sentinel-exec.service sentinel-upgrade.path sentinel-upgrade.service' called=sentinel-agent accounts=sentinel-agent groups=sentinel-agent
    state='/var/lib/sentinel-agent /var/lib/sentinel-exec'
  fi
  if [ -z "$prefix" ] && [ -d /run/systemd/system ]; then
    for unit in $units; do
      systemctl disable --now "$unit" 2>/dev/null || true
      systemctl reset-failed "$unit" 2>/dev/null || true
    done
  fi
  for unit in $units; do rm -f "$prefix/usr/lib/systemd/system/$unit"; done
  rm -f "$prefix/usr/lib/sysusers.d/sentinel-$one.conf" "$prefix/usr/bin/$called"
  rm -rf "$prefix/opt/sentinel-$one"
  if [ "$purge" = yes ]; then
    rm -rf "$prefix/etc/sentinel-$one"
    # What `systemctl edit` has put beside the units.
    for unit in $units; do rm -rf "$prefix/etc/systemd/system/$unit.d"; done
    # systemd's note of the last backup.
    [ "$one" = agent ] || rm -f "$prefix/var/lib/systemd/timers/stamp-sentinel-backup.timer"
    for folder in $state; do rm -rf "$prefix$folder"; done
    if [ -z "$prefix" ]; then
      for account in $accounts; do ! id "$account" >/dev/null 2>&1 || userdel "$account"; done
      for group in $groups; do ! getent group "$group" >/dev/null || groupdel "$group"; done
    fi
  else
    for folder in /etc/sentinel-$one $state; do [ ! -e "$prefix$folder" ] || say "left: $prefix$folder"; done
    [ -n "$prefix" ] || for account in $accounts; do say "left: the account $account"; done
  fi
  say "sentinel-$one is gone"
done
[ -n "$prefix" ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload
