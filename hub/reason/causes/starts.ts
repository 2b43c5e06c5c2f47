import { command, type Found, type KnownCause } from './cause.ts';
import { failing, isFailing, loops } from './failing.ts';

/** Classes of playbooks that only start it once more: what is wrong at the start is wrong again. */
const STARTS_AGAIN = ['service-failed', 'fieldbus-silent', 'log-shipper-stuck', 'mqtt-bridge-backlog'];

/** One way to fail at the start, told by a line: restarting changes nothing, so a loop is stopped and people look. */
function startFault(
  id: string,
  kind: string,
  pattern: RegExp,
  words: (groups: readonly string[]) => string,
  more: readonly string[] = [],
  sure: Found['sure'] = 'decisive',
): KnownCause {
  return {
    id,
    class: kind,
    find: (signs) => {
      const line = isFailing(signs) ? signs.line(pattern) : undefined;
      const it = failing(signs);
      if (line === undefined || it === null) return null;
      const change = signs.since(it.name, ...more, ...line.groups);
      const how = loops(signs) ? 'restarts in a crash loop' : 'fails to start';
      const undo =
        change.package === null || !it.own
          ? []
          : [
              command(
                `apt-get install --allow-downgrades -y ${change.package[0]}=${change.package[1]}`,
                'Goes back to the version that worked.',
              ),
            ];
      return {
        sentence: `${it.name} ${how}: ${words(line.groups)}${change.words}.`,
        evidence: [line.id, ...signs.main, ...change.ids],
        commands: [...it.look, ...(loops(signs) ? it.halt : []), ...undo],
        sure,
        ...(it.own && (loops(signs) || undo.length > 0) ? {} : { person: true }),
        ...(sure === 'decisive' ? { futile: STARTS_AGAIN } : {}),
      };
    },
  };
}

const library = startFault(
  'missing-library',
  'bad-upgrade',
  /cannot open shared object file|error while loading shared libraries: ([\w.+-]+)|undefined symbol|version `?(?:glibc|glibcxx)|module ?not ?found|importerror|cannot find module ['"]?([\w./@-]+)|noclassdeffound|unsupportedclassversion/i,
  (groups) =>
    `a library or module that it needs is missing or of another version (${groups.filter(Boolean).join(' ') || 'shared library'}), as after an incompatible upgrade of a package`,
);

const variable = startFault(
  'missing-variable',
  'config-error',
  /(?:environment variable|env(?:ironment)?|variable) ['"]?([A-Z][A-Z0-9_]+)['"]? (?:is )?(?:not set|missing|required|undefined)|required (?:environment )?variable ['"]?([A-Z][A-Z0-9_]+)|(?:missing|undefined|unset) (?:required )?(?:environment )?variable:? ['"]?([A-Z][A-Z0-9_]+)|keyerror: ['"]([A-Z][A-Z0-9_]+)/i,
  (groups) => `its configuration lacks the environment variable ${groups.find(Boolean) ?? ''} that it requires`,
);

const syntax = startFault(
  'configuration',
  'config-error',
  /syntax error|parse error|unknown (?:directive|keyword|option|key|parameter|setting)|invalid (?:config|configuration|option|value|parameter)|bad configuration|configuration (?:file )?(?:error|test failed|invalid)|mapping values are not allowed|unexpected (?:token|character|end of)|could not (?:read|parse|load).{0,20}config|\.(?:ya?ml|conf|toml|ini|json|cfg):\d+/i,
  () => 'its configuration file is broken (a syntax error or an unknown setting)',
  ['/etc', '.conf', '.yaml', '.toml', '.json', '.ini', 'config'],
);

const permission = startFault(
  'permission',
  'permission-refused',
  /permission denied|operation not permitted|\beacces\b|access denied to/i,
  () => 'a file or a right is refused to it (permission denied)',
  ['chmod', 'chown', 'owner', 'hardening', 'selinux', 'apparmor'],
);

const credential = startFault(
  'credentials',
  'credentials-refused',
  /(?:password authentication|authentication) failed|invalid (?:credentials|password|token|api key)|\b401\b.{0,20}unauthori[sz]ed|login failed for/i,
  () => 'its credentials are refused (password or token)',
  ['password', 'token', 'credential', 'secret', 'rotated'],
);

const migration = startFault(
  'migration',
  'bad-upgrade',
  /schema (?:version|mismatch)|migration.{0,30}(?:failed|required|pending)|(?:column|table|relation) .{0,60}does not exist/i,
  () => 'its database schema does not fit this version (a migration did not run)',
  ['migration', 'schema', 'deploy'],
);

/** What systemd says where it could not even start the program (systemd.exec(5), "Process exit codes"). */
const SETUP: Readonly<Record<string, string>> = {
  CHDIR: 'its working folder is not there',
  EXEC: 'its program can not be executed: it is missing, not executable, or of another kind of machine',
  USER: 'the user that it runs as does not exist',
  GROUP: 'the group that it runs as does not exist',
  NAMESPACE: 'a path of its sandbox is not there',
  STATE_DIRECTORY: 'its state folder can not be made',
};

const setup = startFault(
  'setup',
  'config-error',
  /status=2\d\d\/([A-Z_]+)|(exec format error|cannot execute binary file)|(?:failed to (?:locate|find) executable|unable to locate executable|exec(?:utable file)? .{0,60}not found in \$path)/i,
  (groups) => SETUP[groups[0] ?? ''] ?? SETUP['EXEC'] ?? '',
);

const image = startFault(
  'image-pull',
  'image-missing',
  /(?:err)?imagepull(?:backoff)?|failed to pull (?:and unpack )?image|manifest (?:unknown|for .{0,80}not found)|pull access denied|no such image/i,
  () => 'its image can not be pulled or is not there: the registry is away or refuses, or the name or tag is wrong',
  ['image', 'registry', 'tag'],
);

const license = startFault(
  'license',
  'license-refused',
  /licen[cs]e.{0,40}(?:expired|invalid|not (?:found|valid)|exceeded|missing|refused)|(?:no|invalid|expired) licen[cs]e|dongle (?:not found|missing)/i,
  () => 'its license is expired, missing or not valid',
  ['license', 'licence', 'dongle'],
);

const instruction = startFault(
  'illegal-instruction',
  'bad-upgrade',
  /illegal instruction|status=4\/ILL|trap invalid opcode|cpu (?:does not support|lacks)/i,
  () => 'it is built for a newer processor than this one (illegal instruction)',
);

const noSpace = startFault(
  'no-space',
  'disk-full',
  /no space left on device|\benospc\b/i,
  () => 'what it writes finds no space left on the device (a full file system, its inodes, or a limit of its own)',
  [],
  'likely',
);

const segfault = startFault(
  'segfault',
  'crash-segfault',
  /segfault|segmentation fault|signal=SEGV|status=11\/SEGV|core dumped|general protection/i,
  () => 'the program crashes (segmentation fault)',
  [],
  'likely',
);

const watchdog = startFault(
  'watchdog',
  'watchdog-timeout',
  /watchdog timeout|watchdog did not|(?:liveness|startup) probe failed|start(?:-post|-pre)? operation timed out|result 'timeout'/i,
  () => 'it did not answer its watchdog in time: it hangs or starts too slowly',
  [],
  'likely',
);

/** What keeps a program from starting, as its own lines tell. */
export const STARTS: readonly KnownCause[] = [
  library,
  variable,
  syntax,
  credential,
  migration,
  setup,
  image,
  license,
  instruction,
  segfault,
  watchdog,
  permission,
  noSpace,
];
