#!/bin/sh
# Installs Sentinel from the folder that this script lies in; nothing is fetched. See INSTALL.md.
#   install.sh hub|agent|both [--prefix DIR]
# Running it again, or an older or newer one, puts that version in place. Settings and state stay as they are. One that was
# cut short leaves the version that was there, or the new one, and may be run again.
#   --prefix DIR  put the files below DIR, and make no accounts and touch no units: for an image, or to look
set -eu
umask 022

say() { printf '%s\n' "install: $*"; }
die() { printf '%s\n' "install: $1: $2" >&2; exit 2; }

prefix='' role=''
while [ $# -gt 0 ]; do
  case $1 in
    hub|agent|both) role=$1 ;;
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
[ -n "$role" ] || die E_USAGE 'say what this host is: install.sh hub|agent|both [--prefix DIR]'
[ "$role" = both ] && roles='hub agent' || roles=$role
here=$(cd "$(dirname "$0")" && pwd -P)

[ -n "$prefix" ] || [ "$(id -u)" = 0 ] || die E_ROOT 'run it as root, or with --prefix DIR'
(cd "$here" && sha256sum --quiet -c SHA256SUMS >&2) || die E_SUMS 'these files are not what was packed: copy the tarball again'
for one in $roles; do
  # Two that both think they own the files would take them from each other.
  ! dpkg-query -W -f '${Status}' "sentinel-$one" 2>/dev/null | grep -q ' installed$' || [ -n "$prefix" ] ||
    die E_PACKAGED "sentinel-$one is installed as a Debian package: use dpkg -i, or remove it first"
done
if [ -z "$prefix" ]; then
  [ -x /usr/bin/node ] || die E_NODE '/usr/bin/node is missing: install Node.js 20.19 or newer, or link it there'
  /usr/bin/node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    die E_NODE "/usr/bin/node is $(/usr/bin/node --version), and 20.19 or newer is needed"
fi

# What was written is on the disk before anything points to it: one file's content, or a folder's names; or all there is.
flush() { [ -n "$prefix" ] || sync "$1"; }
settle() { [ -n "$prefix" ] || sync; }
# Puts a file in place whole: who reads it finds the old one or the new one.
put() { # MODE FROM TO
  mkdir -p "$(dirname "$prefix$3")"
  cp "$2" "$prefix$3.new" && chmod "$1" "$prefix$3.new" && flush "$prefix$3.new" && mv -f "$prefix$3.new" "$prefix$3"
}
# The same for a link.
link() { # TO AT
  mkdir -p "$(dirname "$prefix$2")"
  rm -f "$prefix$2.new" && ln -s "$1" "$prefix$2.new" && mv -fT "$prefix$2.new" "$prefix$2"
}
# Lies there while this is at work: hub, agent and `sentinel doctor` say so where it was cut short.
mark() { # ROLE
  mkdir -p "$prefix/opt/sentinel-$1"
  printf '%s\n' "$version" >"$prefix/opt/sentinel-$1/installing"
  flush "$prefix/opt/sentinel-$1/installing"
  flush "$prefix/opt/sentinel-$1"
}
# What the host's owner may have changed stays.
keep() { # FROM TO
  if [ -e "$prefix$2" ]; then say "$2 stays as it is"; else put 0640 "$1" "$2"; fi
}

units() { # ROLE
  for file in "$here/$1"/units/*; do
    name=${file##*/}
    case $name in
      *.sysusers) put 0644 "$file" "/usr/lib/sysusers.d/${name%.sysusers}.conf" ;;
      *) put 0644 "$file" "/usr/lib/systemd/system/$name" ;;
    esac
  done
  for file in "$here/$1"/etc/*; do keep "$file" "/etc/sentinel-$1/${file##*/}"; done
  put 0755 "$here/uninstall.sh" "/opt/sentinel-$1/uninstall.sh"
}

accounts() { # ROLE
  [ -z "$prefix" ] || return 0
  if command -v systemd-sysusers >/dev/null; then systemd-sysusers "/usr/lib/sysusers.d/sentinel-$1.conf"; return; fi
  if [ "$1" = hub ]; then
    getent group sentinel-operators >/dev/null || groupadd --system sentinel-operators
    id sentinel >/dev/null 2>&1 || useradd --system -g sentinel-operators -d /var/lib/sentinel-hub -s /usr/sbin/nologin sentinel
  else
    id sentinel-agent >/dev/null 2>&1 || useradd --system -U -d /var/lib/sentinel-agent -s /usr/sbin/nologin sentinel-agent
  fi
}

hub() {
  release=$(sha256sum "$here/SHA256SUMS" | cut -c1-12)
  release=$version-$release
  home=$prefix/opt/sentinel-hub
  before=$(readlink "$home/current" 2>/dev/null || true)
  mkdir -p "$home/releases" "$home/bin"
  # What an install that was cut short left.
  rm -rf "$home"/releases/.new*
  if [ ! -d "$home/releases/$release" ]; then
    cp -R "$here/hub/opt" "$home/releases/.new"
    settle
    mv "$home/releases/.new" "$home/releases/$release"
    flush "$home/releases"
  fi
  link "releases/$release" /opt/sentinel-hub/current
  for name in sentinel sentinel-backup; do link "../current/bin/$name" "/opt/sentinel-hub/bin/$name"; done
  link /opt/sentinel-hub/bin/sentinel /usr/bin/sentinel
  # The one before this stays, to go back to; and which that was is no longer known where this was in force already.
  [ "$before" = "releases/$release" ] || for old in "$home"/releases/*; do
    case releases/${old##*/} in "releases/$release" | "$before") ;; *) rm -rf "$old" ;; esac
  done
  [ -n "$prefix" ] || [ -d /var/lib/sentinel-hub ] ||
    install -d -m 0750 -o sentinel -g sentinel-operators /var/lib/sentinel-hub
}

agent() {
  put 0644 "$here/agent/opt/RELEASE.json" /opt/sentinel-agent/RELEASE.json
  put 0644 "$here/agent/opt/LICENSE" /opt/sentinel-agent/LICENSE
  put 0755 "$here/agent/opt/bin/sentinel-agent" /opt/sentinel-agent/bin/sentinel-agent
  put 0644 "$here/agent/opt/sentinel-agent.cjs" /opt/sentinel-agent/sentinel-agent.cjs
  link /opt/sentinel-agent/bin/sentinel-agent /usr/bin/sentinel-agent
  mkdir -p "$prefix/etc/sentinel-agent/watch.d"
}

# Two at once would take the files from each other.
mkdir -p "$prefix/opt"
exec 9<"$prefix/opt"
flock -w 3 9 || die E_BUSY 'another install.sh or uninstall.sh is at work: wait for its end'

version=$(sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' "$here/RELEASE.json")
for one in $roles; do mark "$one"; done
for one in $roles; do
  units "$one"
  accounts "$one"
  "$one"
  say "sentinel-$one $version is in $prefix/opt/sentinel-$one"
done
settle
for one in $roles; do rm -f "$prefix/opt/sentinel-$one/installing"; done
if [ -z "$prefix" ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  # What runs goes on with the new version; what does not is not started.
  for one in $roles; do
    [ "$one" = hub ] || systemctl try-restart sentinel-exec.service
    systemctl try-restart "sentinel-$one.service" || say "sentinel-$one did not start again: journalctl -u sentinel-$one"
  done
fi
for one in $roles; do
  if [ "$one" = hub ] && [ ! -e "$prefix/var/lib/sentinel-hub/site.json" ]; then
    say 'next: make a site (sentinel init), then systemctl enable --now sentinel-hub; see INSTALL.md'
  elif [ "$one" = agent ] && [ ! -e "$prefix/var/lib/sentinel-agent/keys/identity.json" ]; then
    say 'next: put the line of `sentinel enroll` into /etc/sentinel-agent/agent.env, then systemctl enable --now sentinel-agent'
  fi
done
