import { chosen } from './choice.ts';
import type { NameMaker } from './names.ts';
import type { Random } from './random.ts';

/** Everything that one incident's wordings speak of. */
export interface World {
  readonly host: string;
  readonly svc: string;
  readonly unit: string;
  readonly pid: number;
  readonly other: string;
  readonly otherpid: number;
  readonly user: string;
  readonly ip: string;
  readonly mount: string;
  readonly if: string;
  readonly dev: string;
  readonly db: string;
  readonly port: number;
}

const INTERFACES = ['eth0', 'eth1', 'enp2s0', 'enp3s0f1', 'bond0', 'ens18'] as const;
const DEVICES = ['sda1', 'sdb', 'nvme0n1p2', 'mmcblk0p1', 'dm-0', 'vda1'] as const;
const PORTS = [80, 443, 502, 1883, 3000, 4840, 5432, 6379, 8080, 9090] as const;

export function makeWorld(random: Random, names: NameMaker, mount: string): World {
  const svc = names.program();
  const pid = names.pid();
  return {
    ...{
      host: names.host(),
      svc,
      unit: `${svc}.service`,
      pid,
      other: names.program(),
      otherpid: pid + random.int(1, 400),
    },
    ...{ user: names.word().slice(0, 8), ip: names.address(), mount, if: random.pick(INTERFACES) },
    ...{
      dev: random.pick(DEVICES),
      db: names.word(),
      port: random.chance(0.6) ? random.pick(PORTS) : random.int(1_024, 30_000),
    },
  };
}

/** Puts a world into a wording: one of its choices each, then names; words, numbers and hexadecimal strings are new each time. */
export function say(wording: string, world: World, random: Random, names: NameMaker): string {
  let last = 0;
  const hex = () => random.int(0x10000000, 0xffffffff).toString(16);
  const fresh: Readonly<Record<string, () => string>> = {
    n: () => {
      last = numberOf(random);
      return String(last);
    },
    m: () => String(last + 1),
    word: () => names.word(),
    hex,
  };
  return chosen(wording, random).replace(/\{([a-z]+)\}/g, (whole, key: string) => {
    if (Object.hasOwn(fresh, key)) return fresh[key]?.() ?? whole;
    if (!Object.hasOwn(world, key)) throw new Error(`no such word in a wording: ${whole}`);
    return String(world[key as keyof World]);
  });
}

/** Numbers of one to five digits, the small ones as often as the large. */
const numberOf = (random: Random): number => random.int(2, random.pick([9, 40, 900, 900, 9_000, 90_000]));
