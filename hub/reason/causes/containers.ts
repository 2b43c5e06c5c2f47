import { mib } from '../../evidence/words.ts';
import { command, type Found, type KnownCause } from './cause.ts';
import { isFilling } from './filling.ts';
import type { Signs } from './signs.ts';

const sizes = command('docker ps --all --size', "Shows the size of each container's own layer.");
const usage = command('docker system df', 'Shows what images, containers and build cache take.');

/** Bytes of one container's own layer from which on it is one to look at. */
const LARGE = 5 * 1_073_741_824;
const ENGINE = /^(?:dockerd|containerd|podman|crio|kubelet|k3s|buildkitd)/;
const BYTES: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** A size as the tools of containers write it (`74.1GB`), in bytes; 0 of what is none. */
function bytesOf(size: string): number {
  const [, digits = '', unit = ''] = /^([\d.]+) ?([kmgt])i?b?$/i.exec(size) ?? [];
  return Number(digits) * (BYTES[unit.toLowerCase()] ?? 0) || 0;
}

/** A container whose own layer is large, as `docker ps --size` lists it: `NAME IMAGE 74.1GB (virtual 76.9GB)`. */
function largeLayer(signs: Signs): { readonly who: string; readonly size: number; readonly id: string } | undefined {
  const line = signs.line(/([\w.-]+)\s+[\w./:@-]+\s+([\d.]+ ?[kmgt]i?b) \(virtual/i);
  const size = bytesOf(line?.groups[1] ?? '');
  return line === undefined || size < LARGE ? undefined : { who: line.groups[0] ?? '', size, id: line.id };
}

/** A process that is known to run in a container, and a line of that container of files that it writes. */
function writingContainer(
  signs: Signs,
): { readonly who: string; readonly path: string; readonly id: string } | undefined {
  const told = signs.told(/\b(?:in )?container ([\w.-]+)/i);
  const names = [
    told?.groups[0] ?? '',
    ...signs.evidence.entities.filter(({ kind }) => kind === 'container').map(({ value }) => value),
  ];
  for (const { id, text } of signs.lines()) {
    const who = names.find((name) => name !== '' && text.startsWith(`${name}:`));
    const path =
      /\b(?:spool\w*|append\w*|wrote|writ(?:e|es|ing|ten)|dump\w*|stor(?:ed|es|ing)|record\w*|saved?|saving)\b.*?(\/[\w.-][\w./-]*)/i.exec(
        text,
      )?.[1];
    if (who !== undefined && path !== undefined && !/^\/(?:data|mnt|srv)\//.test(path)) return { who, path, id };
  }
  return undefined;
}

/** A file that a container writes beside its volumes lies in its own layer: no prune frees it while it runs. */
const growingLayer: KnownCause = {
  id: 'container-layer',
  class: 'container-writes',
  find: (signs) => {
    const writer = signs.told(
      /(?:docker|libpod|containerd|kubepods|overlay2?)\b.*(?:open for writing|written|wrote|writes|holds)|(?:open for writing|written|wrote|writes|holds)\b.*(?:docker|libpod|containerd|kubepods|overlay)/i,
    );
    const mount = signs.fullMount();
    if (mount === undefined || !isFilling(signs)) return null;
    // The engine itself holds what all of them left.
    if (writer === undefined || ENGINE.test(writer.process.process.comm))
      return isDocker(signs, mount) ? layerByLines(signs, mount) : null;
    const file = signs.told(/(?:open for writing|written|wrote|writes)\W{1,3}(\/[\w./-]+)/i)?.groups[0];
    const change = signs.since('docker', 'podman', 'container', 'image', signs.program(writer.process));
    return {
      sentence: `${signs.name(writer.process)}, in a container, writes ${file === undefined ? 'files' : `${file}`} into the container's own writable layer, which grows and fills the space of ${mount}; no unused image holds it, so a prune would free nothing${change.words}.`,
      evidence: [writer.id, ...signs.main, ...change.ids],
      commands: [sizes, usage],
      sure: 'decisive',
      fills: 'layer',
      person: true,
      futile: ['container-images', 'disk-full'],
    };
  },
};

/** Images and build cache are never removed by themselves. */
const containerLayers: KnownCause = {
  id: 'container-layers',
  class: 'container-images',
  find: (signs) => {
    const line = signs.line(
      /overlay2|\/var\/lib\/(?:docker|containers)|register layer|buildkit|\bimages?\s+\d+\s+\d+\s+[\d.]+ ?[kmgt]i?b/i,
    );
    const mount = signs.fullMount();
    if (mount === undefined || (line === undefined && !/docker|containers/.test(mount)) || !isFilling(signs))
      return null;
    const change = signs.since('docker', 'prune', 'builder', 'image', 'container');
    // Where the log of a container is what is large, no image is.
    if (
      signs.line(/-json\.log/i) !== undefined &&
      signs.line(/overlay2|register layer|buildkit|\bimages?\b/i) === undefined
    )
      return null;
    const cache = signs.line(/build(?:kit|er)|cache/i) !== undefined || signs.change(/builder|cache|gc/i) !== undefined;
    return {
      sentence: `Unused images, layers and build cache of docker (overlay2) that nothing prunes fill the space of ${mount}${change.words}.`,
      evidence: [...signs.main, ...(line === undefined ? [] : [line.id]), ...change.ids],
      commands: [
        usage,
        command('docker image prune -f', 'Removes images without a name that no container uses.'),
        ...(cache ? [command('docker builder prune -f', 'Removes build cache that no build uses.')] : []),
      ],
      sure: 'decisive',
      fills: 'image',
    };
  },
};

const isDocker = (signs: Signs, mount: string): boolean =>
  /docker|containers|containerd|podman/.test(mount) ||
  signs.line(/\/var\/lib\/(?:docker|containers|containerd)/i) !== undefined;

/** A layer that grows, by what the engine's own list or the container's lines say. */
function layerByLines(signs: Signs, mount: string): Found | null {
  const large = largeLayer(signs);
  const writing = writingContainer(signs);
  const who = large?.who ?? writing?.who;
  if (who === undefined) return null;
  const own = writing?.who === who ? writing : undefined;
  return {
    sentence: `Container ${who} writes ${own === undefined ? 'files' : `files (${own.path})`} into its own writable layer${large === undefined ? '' : `, ${mib(large.size)} by now`}, which fills ${mount}; no prune frees it while it runs.`,
    evidence: [...signs.main, ...(large === undefined ? [] : [large.id]), ...(own === undefined ? [] : [own.id])],
    commands: [sizes, usage],
    sure: large === undefined ? 'likely' : 'decisive',
    fills: 'layer',
    person: true,
  };
}

/** What a container says is kept in a file without an end, unless somebody bounds it. */
const containerLog: KnownCause = {
  id: 'container-log',
  class: 'log-flood',
  find: (signs) => {
    const line = signs.line(
      /-json\.log|\bjson-file\b|\/containers\/[0-9a-f]{12,64}\/.*\.log|\/var\/log\/(?:pods|containers)\//i,
    );
    const mount = signs.fullMount();
    if (line === undefined || mount === undefined || !isFilling(signs)) return null;
    const container = signs.evidence.entities.find(({ kind }) => kind === 'container')?.value;
    const change = signs.since(container, 'daemon.json', 'log-opts', 'log_level', 'loglevel');
    return {
      sentence: `The log of ${container === undefined ? 'a container' : `container ${container}`} (json-file, without a bound) grows until it fills ${mount}; no prune frees it${change.words}.`,
      evidence: [line.id, ...signs.main, ...change.ids],
      commands: [
        command(`du -xh --max-depth=2 ${mount}`, 'Shows which folders are large.'),
        ...(container === undefined
          ? [usage]
          : [command(`docker logs --tail 50 ${container}`, 'Shows what it says so often.')]),
      ],
      sure: 'decisive',
      fills: 'log',
      person: true,
      futile: ['container-images'],
    };
  },
};

/** What containers leave on the disk; what one of them writes goes before what all of them left. */
export const CONTAINERS: readonly KnownCause[] = [growingLayer, containerLog, containerLayers];
