/** A view that one can go to from anywhere. */
export interface ViewEntry {
  readonly name: string;
  /** Shorter or other words that the palette takes for it. */
  readonly aliases: readonly string[];
  readonly what: string;
}

/** The views in the order of the keys 1 to 9: keys, palette, header and help all read this one table. */
export const VIEWS = [
  { name: 'incidents', aliases: ['inc', 'home'], what: 'what waits for you, what is under way, what is over' },
  { name: 'hosts', aliases: ['agents', 'fleet'], what: 'the hosts and their telemetry' },
  { name: 'playbooks', aliases: ['pb', 'fixes'], what: 'the fixes that are known here, and how often each helped' },
  { name: 'policy', aliases: ['sandbox', 'try'], what: 'type a command, and see at once what policy says of it' },
  { name: 'audit', aliases: ['chain', 'records'], what: 'the records of everything that was done, and their chain' },
  { name: 'automation', aliases: ['auto', 'rules'], what: 'what may run with nobody asked, and what did' },
  {
    name: 'eval',
    aliases: ['evaluation', 'scenarios'],
    what: 'how well written incidents were answered the last time',
  },
  { name: 'doctor', aliases: ['health', 'checks'], what: 'what is wrong with this hub, and what to do about it' },
] as const satisfies readonly ViewEntry[];

export type ViewName = (typeof VIEWS)[number]['name'];

/** Where the operator is: which keys apply. */
export type Place =
  | ViewName
  /** One of a view's things, opened in full. */
  | 'incident'
  | 'host'
  | 'playbook'
  | 'record'
  | 'case'
  | 'finding'
  | 'rule'
  | 'probe'
  | 'help'
  /** A line that is being typed. */
  | 'filter'
  | 'palette'
  | 'tour'
  /** The dialog; that of an approval has keys of its own. */
  | 'consent'
  | 'approval';

/** What `enter` opens in each view; a view that is not here opens nothing. */
export const OPENS: Readonly<Partial<Record<ViewName, Place>>> = {
  incidents: 'incident',
  hosts: 'host',
  playbooks: 'playbook',
  audit: 'record',
  automation: 'rule',
  eval: 'case',
  doctor: 'finding',
};

export const isView = (name: string): name is ViewName => VIEWS.some((view) => view.name === name);
