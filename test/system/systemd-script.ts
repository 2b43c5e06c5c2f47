/**
 * What runs in the fresh namespaces before systemd does: `sh -c SCRIPT sh ROOT STAGE DISK [FROM TO ro|rw]...`. The
 * root is an overlay whose changes lie in DISK, which is STAGE where they live in memory alone, so the cached one below
 * stays as it was built. /proc/sys and the sysrq
 * trigger are read-only: they are the machine's own, and no namespace holds them.
 */
export const BOOT_SCRIPT = `
set -eu
root=$1 stage=$2 disk=$3; shift 3
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$stage"
mkdir -p "$disk/upper" "$disk/work" "$stage/root"
new=$stage/root
mount -t overlay overlay -o "lowerdir=$root,upperdir=$disk/upper,workdir=$disk/work" "$new"

mount -t proc proc "$new/proc"
for path in sys sysrq-trigger; do
  [ -e "$new/proc/$path" ] || continue
  mount --bind "$new/proc/$path" "$new/proc/$path"
  mount -o remount,bind,ro "$new/proc/$path"
done
mount -t sysfs -o ro sysfs "$new/sys"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 "$new/sys/fs/cgroup"
else
  mount -t tmpfs -o mode=755 tmpfs "$new/sys/fs/cgroup"
  for name in systemd memory pids unified; do
    [ -d "/sys/fs/cgroup/$name" ] || continue
    mkdir "$new/sys/fs/cgroup/$name"
    case $name in
      systemd) mount -t cgroup -o none,name=systemd cgroup "$new/sys/fs/cgroup/$name" ;;
      unified) mount -t cgroup2 cgroup2 "$new/sys/fs/cgroup/$name" ;;
      *) mount -t cgroup -o "$name" cgroup "$new/sys/fs/cgroup/$name" ;;
    esac
  done
fi

mount -t tmpfs -o mode=755 tmpfs "$new/dev"
for name in null zero full random urandom tty kmsg; do
  : >"$new/dev/$name"
  mount --bind "/dev/$name" "$new/dev/$name"
done
mkdir "$new/dev/pts" "$new/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$new/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$new/dev/shm"
ln -s pts/ptmx "$new/dev/ptmx"
ln -s /proc/self/fd "$new/dev/fd"
for fd in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/\${fd%%:*}" "$new/dev/\${fd##*:}"; done
mount -t tmpfs -o mode=755 tmpfs "$new/run"
mount -t tmpfs -o mode=1777 tmpfs "$new/tmp"

while [ $# -gt 0 ]; do
  if [ -d "$1" ]; then mkdir -p "$new$2"; else mkdir -p "$(dirname "$new$2")"; : >"$new$2"; fi
  mount --bind "$1" "$new$2"
  [ "$3" = rw ] || mount -o remount,bind,ro "$new$2"
  shift 3
done

ip link set lo up
hostname booted
echo booted >"$new/etc/hostname"
mkdir "$new/old"
cd "$new"
pivot_root . old
umount -l /old
rmdir /old
exec env -i container=sentinel-test PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 /lib/systemd/systemd --log-target=journal
`;
