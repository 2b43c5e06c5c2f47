import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, rmSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { bytesOf, type Entry, fileOf, whole, writeTarGz } from './archive.ts';

/** A Debian package: what it says of itself, what it brings, and what it runs when it comes and goes. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly depends: string;
  /** One line, then the longer text. */
  readonly description: readonly [string, ...string[]];
  /** Paths below /. */
  readonly entries: readonly Entry[];
  /** Paths of entries that the host's owner may change: never overwritten (deb-conffiles(5)). */
  readonly conffiles: readonly string[];
  /** Name to text: preinst, postinst, prerm, postrm. */
  readonly scripts: Readonly<Record<string, string>>;
}

/** Writes a binary package (deb(5): an ar of three members) that is the same bytes for the same package and time. */
export async function writeDeb(path: string, pack: DebianPackage, time: number): Promise<void> {
  const data = `${path}.data`;
  const control = `${path}.control`;
  try {
    await writeTarGz(data, pack.entries, time);
    await writeTarGz(control, controlOf(pack), time);
    const members = [
      ['debian-binary', 4, Readable.from([Buffer.from('2.0\n')])],
      ['control.tar.gz', statSync(control).size, createReadStream(control)],
      ['data.tar.gz', statSync(data).size, createReadStream(data)],
    ] as const;
    await pipeline(Readable.from(ar(members, time)), createWriteStream(path));
  } finally {
    rmSync(data, { force: true });
    rmSync(control, { force: true });
  }
}

async function* ar(
  members: readonly (readonly [name: string, size: number, content: Readable])[],
  time: number,
): AsyncGenerator<Uint8Array> {
  yield Buffer.from('!<arch>\n');
  for (const [name, size, content] of members) {
    const fields = [name.padEnd(16), String(time).padEnd(12), '0'.padEnd(6), '0'.padEnd(6), '100644'.padEnd(8)];
    yield Buffer.from(`${fields.join('')}${String(size).padEnd(10)}\`\n`);
    yield* content;
    if (size % 2 === 1) yield Buffer.from('\n');
  }
}

function controlOf(pack: DebianPackage): readonly Entry[] {
  const files = whole(pack.entries).flatMap((entry) => (entry.kind === 'file' ? [entry] : []));
  const kib = files.reduce((all, { content }) => all + Math.ceil(bytesOf(content).length / 1_024), 0);
  const [brief, ...long] = pack.description;
  const control = [
    `Package: ${pack.name}`,
    `Version: ${pack.version}`,
    `Architecture: ${pack.architecture}`,
    'Maintainer: The Sentinel authors <sentinel@localhost>',
    `Installed-Size: ${kib}`,
    `Depends: ${pack.depends}`,
    'Section: admin',
    'Priority: optional',
    `Description: ${brief}`,
    ...long.map((line) => ` ${line}`),
  ];
  const md5 = files.map(
    ({ path, content }) => `${createHash('md5').update(bytesOf(content)).digest('hex')}  ${path}\n`,
  );
  return [
    fileOf('control', `${control.join('\n')}\n`),
    fileOf('md5sums', md5.join('')),
    fileOf('conffiles', pack.conffiles.map((path) => `/${path}\n`).join('')),
    ...Object.entries(pack.scripts).map(([name, text]) => fileOf(name, text, 0o755)),
  ];
}
