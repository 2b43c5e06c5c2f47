/**
 * By the name of the file, without its version: `python3.11` is `python`, `php-fpm8.2` is `php-fpm`; and without what the
 * system's builders put behind it: `python3.13t` is `python`, `busybox.nosuid` is `busybox`.
 */
const NAMES: ReadonlySet<string> = new Set(
  [
    // Languages that are given a script or a package.
    'python pypy micropython node nodejs deno bun qjs ruby jruby perl php php-fpm php-cgi php-cli lua luajit',
    'tclsh wish expect guile scheme sbcl ecl clisp racket rscript r julia octave octave-cli gjs gjs-console',
    'awk gawk mawk original-awk sed uwsgi uwsgi-core make gmake gdb ipython',
    // Machines that are given code.
    'java javaw jsvc mono mono-sgen dotnet beam beam.smp erl erlexec wine wine-preloader wine64-preloader pwsh',
    'swipl ghc runghc scala kotlin wasmtime wasmer graalvm',
    // Shells, and one file under many names.
    'sh bash rbash dash ash zsh ksh mksh pdksh lksh csh tcsh fish rc es xonsh nu elvish busybox toybox',
    'coreutils',
    // What holds whatever it was given to hold.
    'sudo su doas runuser env nohup timeout nice setsid xargs ssh sshd sshd-session sshd-auth screen tmux',
    'script strace ltrace supervise runsv s6-supervise tini dumb-init conmon containerd-shim',
    'containerd-shim-runc-v docker-init catatonit runc crun bwrap snap-confine systemd-nspawn systemd init',
    'cron crond atd at lxc-start firecracker qemu',
  ].flatMap((names) => names.split(' ')),
);
/** A loader that was called by its own name, and every machine of a kind. */
const KINDS = /^(?:ld(?:64|-linux|-musl)?[-.].*|qemu-.*|libpython.*)$/;

/**
 * Whether an executable is one that runs what it is given: of a process of it, name and executable do not say what it
 * does, since any script, any class or any session is a process of the same. `exe` is as /proc shows it.
 */
export function isInterpreter(exe: string): boolean {
  const file = (
    exe
      .replace(/ \(deleted\)$/, '')
      .split('/')
      .at(-1) ?? ''
  ).toLowerCase();
  const [stem = ''] = file.split('.');
  const bare = [file, stem].map((name) => name.replace(/-?\d+(?:\.\d+)*(?:-[\w.-]+)?$/, ''));
  return [file, stem, ...bare].some((name) => NAMES.has(name)) || KINDS.test(file);
}
