/** Sentinel's own version: what an agent's birth says, and what a hub holds it against. */
export const VERSION = '0.1.0';

/**
 * Whether a version may say what another does not know: its major or minor number is higher. Patches of one minor version
 * understand each other both ways. What is no version is as old as can be.
 */
export function isNewer(version: string, than: string): boolean {
  const [major, minor] = numbersOf(version);
  const [thanMajor, thanMinor] = numbersOf(than);
  return major > thanMajor || (major === thanMajor && minor > thanMinor);
}

/** A version of three numbers, as a release has it. */
export const PLAIN_VERSION = /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})$/;

/** Below 0 when the first is the earlier of two plain versions, 0 when they are one. What is no version is before all. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [partsOf(one), partsOf(other)];
  const at = a.findIndex((part, i) => part !== b[i]);
  return (a[at] ?? 0) - (b[at] ?? 0);
}

const partsOf = (version: string): readonly number[] =>
  (PLAIN_VERSION.exec(version) ?? ['', -1, -1, -1]).slice(1).map(Number);

const numbersOf = (version: string): readonly [major: number, minor: number] => {
  const [, major, minor] = /^(\d{1,6})\.(\d{1,6})\./.exec(version) ?? [];
  return [Number(major ?? -1), Number(minor ?? -1)];
};
