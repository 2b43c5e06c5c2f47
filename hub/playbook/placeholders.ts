import { isSafeName } from '../evidence/names.ts';

/**
 * What a playbook's command may leave open: a closed set. Each is filled from the incident's own entities, and its
 * sample stands in when a playbook is vetted at load.
 */
export const PLACEHOLDERS = {
  'culprit.pid': { kind: 'process', sample: '4242' },
  'supervisor.pid': { kind: 'process', sample: '4241' },
  mount: { kind: 'mount', sample: '/srv/data' },
  folder: { kind: 'folder', sample: '/srv/data/spool' },
  unit: { kind: 'unit', sample: 'example.service' },
  container: { kind: 'container', sample: 'example' },
} as const;
export type Placeholder = keyof typeof PLACEHOLDERS;
export type PlaceholderValues = Readonly<Partial<Record<Placeholder, string>>>;

export const PLACEHOLDER_NAMES = Object.keys(PLACEHOLDERS) as readonly Placeholder[];

const isPlaceholder = (name: string): name is Placeholder => Object.hasOwn(PLACEHOLDERS, name);

/** The placeholders that a command names, each once, and the first piece with braces that is none of them. */
export function placeholdersOf(command: string): { readonly known: readonly Placeholder[]; readonly wrong?: string } {
  const known = new Set<Placeholder>();
  let wrong: string | undefined;
  const rest = command.replace(/\{([^{}]*)\}/g, (whole, name: string) => {
    if (isPlaceholder(name)) known.add(name);
    else wrong ??= whole;
    return '';
  });
  if (wrong === undefined && /[{}]/.test(rest)) wrong = /[{}]/.exec(rest)?.[0] ?? '{';
  return wrong === undefined ? { known: [...known] } : { known: [...known], wrong };
}

/**
 * The command with every placeholder filled, or null when a value is missing or not a safe name of its kind:
 * a command is filled whole or not at all.
 */
export function fillCommand(command: string, values: PlaceholderValues): string | null {
  const { known, wrong } = placeholdersOf(command);
  if (wrong !== undefined) return null;
  let filled = command;
  for (const name of known) {
    const value = values[name];
    if (value === undefined || !isSafeName(PLACEHOLDERS[name].kind, value)) return null;
    filled = filled.replaceAll(`{${name}}`, value);
  }
  return filled;
}

/** The values that stand in when a playbook is vetted before any incident. */
export const SAMPLES: PlaceholderValues = Object.fromEntries(
  PLACEHOLDER_NAMES.map((name) => [name, PLACEHOLDERS[name].sample]),
);
