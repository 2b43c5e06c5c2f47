import { environmentOf } from '../environment.ts';
import type { Cages } from './cage.ts';
import { openCgroups } from './cgroup.ts';
import { openStrays } from './strays.ts';

/** The best cages that this host lets us have: cgroups, or else what /proc shows of a program with this HOME. */
export const openCages = (home: string, delegated: boolean): Cages =>
  openCgroups(delegated) ?? openStrays(environmentOf(home));
