import { foreign, mib, type Probe, plain } from './probe.ts';

const FOLDERS = 24;
const FILES = 16;

/** What fills a mount or watched folder: the folders, the files, and what grew since an earlier look. */
export const largestFolders: Probe = async ({ name }, { growth }) => {
  const { sizes, growers } = await growth.measure(name);
  const whole = sizes.whole ? '' : ', looked at in part: sizes are the least that they can be';
  return [
    plain(`${mib(sizes.used)} in ${sizes.entries} entries${whole}`),
    ...growers.slice(0, 8).map(({ path, by, within }) => {
      return foreign(`grew ${mib(by)} in ${Math.max(1, Math.round(within / 60_000))} min: ${path}`);
    }),
    ...[...sizes.folders].slice(0, FOLDERS).map(([path, size]) => foreign(`folder ${mib(size)} ${path}`)),
    ...sizes.files.slice(0, FILES).map(({ path, size, written }) => {
      return foreign(`file ${mib(size)}, written ${new Date(written).toISOString()} ${path}`);
    }),
  ];
};
