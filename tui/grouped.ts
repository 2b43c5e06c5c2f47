/** Rows under one heading; without a title they stand under none. */
export interface Group<Row> {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** A long list in groups, as it is shown: in what order, and where each row stands. */
export interface Grouped<Row> {
  readonly groups: readonly Group<Row>[];
  /** Rows of all groups. */
  readonly size: number;
  at(index: number): Row | undefined;
  /** Where a row stands; -1 when it is not in the list. */
  indexOf(id: string | null): number;
}

/** A line of such a list: a heading, a row, or the blank between groups. */
export type Entry<Row> = { readonly group: Group<Row> } | { readonly row: Row } | { readonly blank: true };

/** Empty groups are left out. `idOf` names a row; the places are only made when they are asked for. */
export function grouped<Row>(all: readonly Group<Row>[], idOf: (row: Row) => string): Grouped<Row> {
  const groups = all.filter(({ rows }) => rows.length > 0);
  let places: Map<string, number> | undefined;
  return {
    groups,
    size: groups.reduce((sum, { rows }) => sum + rows.length, 0),
    at(index) {
      let left = index;
      for (const { rows } of groups) {
        if (left < rows.length) return rows[left];
        left -= rows.length;
      }
      return undefined;
    },
    indexOf(id) {
      if (id === null) return -1;
      places ??= new Map(groups.flatMap(({ rows }) => rows).map((row, index) => [idOf(row), index]));
      return places.get(id) ?? -1;
    },
  };
}

/** Lines before a group's first row: the blank behind the group before, and its heading. */
const before = (title: string, index: number): number => (title === '' ? 0 : index === 0 ? 1 : 2);

/** How many lines the whole list has. */
export const linesOf = ({ groups, size }: Grouped<unknown>): number =>
  groups.reduce((sum, { title }, index) => sum + before(title, index), size);

/** Which line the `index`th row of the list is, headings and blanks counted. */
export function lineOf({ groups }: Grouped<unknown>, index: number): number {
  let left = index;
  let at = 0;
  for (const [place, { title, rows }] of groups.entries()) {
    at += before(title, place);
    if (left < rows.length) return at + left;
    left -= rows.length;
    at += rows.length;
  }
  return 0;
}

/** Lines `start` to `end`: of a long list only what is shown is made. */
export function entriesOf<Row>({ groups }: Grouped<Row>, start: number, end: number): readonly Entry<Row>[] {
  const out: Entry<Row>[] = [];
  let at = 0;
  const put = (entry: Entry<Row>) => {
    if (at >= start && at < end) out.push(entry);
    at++;
  };
  for (const [index, group] of groups.entries()) {
    const lead = before(group.title, index);
    if (lead === 2) put({ blank: true });
    if (lead > 0) put({ group });
    const from = Math.max(0, Math.min(group.rows.length, start - at));
    const to = Math.max(from, Math.min(group.rows.length, end - at));
    for (const row of group.rows.slice(from, to)) out.push({ row });
    at += group.rows.length;
  }
  return out;
}
