import { join, resolve } from 'node:path';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import type { Manifest } from '../backup/manifest.ts';
import { takeBackup, unfinishedBackups } from '../backup/take.ts';
import { readPassphrase } from '../site/passphrase.ts';

export const BACKUP_USAGE = `sentinel backup FOLDER [--passphrase-file FILE] [--state DIR] [--json]
  Copies the hub into a new folder below FOLDER, which must be there, while it runs or not: the store as of one moment,
  and encrypted with the passphrase keys, site, roster, playbooks, rules and settings. The hub's key signs what the copy
  holds. Agents' own files are left out: they are made anew. Asks for the passphrase, at least 12 characters, unless a
  file has it.
  Exit 2: nothing was left behind.
  for example: sentinel backup /media/stick --state /var/lib/sentinel-hub --passphrase-file /root/backup.pass`;

export async function backupCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      'passphrase-file': { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    BACKUP_USAGE,
  );
  if (values.help) {
    io.stdout(BACKUP_USAGE);
    return EXIT.done;
  }
  const [below, ...more] = positionals;
  if (below === undefined || more.length > 0) throw new UsageError(BACKUP_USAGE);
  const passphrase = await readPassphrase(values['passphrase-file'], true, 'the backup');
  const now = Date.now();
  const folder = join(resolve(below), `sentinel-${new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')}`);
  const manifest = await takeBackup(stateFolder(values.state), folder, passphrase, now);
  const unfinished = unfinishedBackups(resolve(below));
  if (values.json) io.stdout(JSON.stringify({ folder, ...shownManifest(manifest), unfinished }));
  else io.stdout(`${folder}: ${said(manifest)}`);
  for (const name of values.json ? [] : unfinished)
    io.stdout(`${name} beside it is no backup: it was cut short, and may be deleted, unless another is being made now`);
  return EXIT.done;
}

export const shownManifest = ({ site, made, by, incidents, audit, files }: Manifest) => ({
  site,
  made: new Date(made).toISOString(),
  by,
  incidents,
  audit_records: audit.count,
  audit_head: audit.hash,
  bytes: files.reduce((all, file) => all + file.bytes, 0),
});

/** What a backup holds, in a line. */
export function said(manifest: Manifest): string {
  const { site, made, incidents, audit_records, bytes } = shownManifest(manifest);
  return `site ${site} as of ${made}, ${incidents} incidents, ${audit_records} audit records, ${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
