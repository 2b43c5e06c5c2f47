import type { KeyPair } from '../../broker/keys.ts';
import { TOOLS_MAX, type Tool, tools as toolsShape } from '../../broker/tools.ts';
import { HUB_ID, ID } from '../../broker/topics.ts';
import { appendAudit } from '../chain/audit.ts';
import type { Store } from '../store/store.ts';

/** Under which the table is kept: it is small, and read whole. */
const KEY = 'tools';

/** Why a tool was not taken on or let go. */
export class ToolError extends Error {
  readonly code: 'E_TOOL_NAME' | 'E_TOOL_MANY' | 'E_TOOL_UNKNOWN';
  constructor(code: ToolError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** The tools as they are stored: for a reader beside the hub. */
export const readTools = (store: Store): readonly Tool[] => toolsShape(store.meta.get(KEY) ?? [], KEY);

export interface ToolsOptions {
  readonly store: Store;
  /** The hub's order key as it is now, which signs the audit chain. */
  readonly key: () => KeyPair;
  readonly now: () => number;
  /** A tool never has an agent's name: both would be one identity to a broker. */
  readonly isAgent: (name: string) => boolean;
}

/** The tools that may listen and ask at this site. Each change is one transaction with its audit record. */
export class Tools {
  private readonly options: ToolsOptions;
  private readonly byName: Map<string, Tool>;
  private readonly listeners = new Set<() => void>();

  constructor(options: ToolsOptions) {
    this.options = options;
    this.byName = new Map(readTools(options.store).map((tool) => [tool.name, tool]));
  }

  all(): readonly Tool[] {
    return [...this.byName.values()];
  }

  get(name: string): Tool | undefined {
    return this.byName.get(name);
  }

  /** Called after every change. */
  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  /** Takes a tool on, or gives one that is there another secret and other rights. Throws ToolError. */
  async put(tool: Tool): Promise<void> {
    if (!ID.test(tool.name) || tool.name === HUB_ID || this.options.isAgent(tool.name)) {
      throw new ToolError('E_TOOL_NAME', `${tool.name} is taken, or is no name: a-z, 0-9 and dashes, at most 48`);
    }
    if (!this.byName.has(tool.name) && this.byName.size >= TOOLS_MAX) {
      throw new ToolError('E_TOOL_MANY', `a site has at most ${TOOLS_MAX} tools: remove one first`);
    }
    const { name, evidence, sys } = tool;
    await this.keep([...this.all().filter((one) => one.name !== name), tool], 'tool.enrolled', tool.by, {
      tool: name,
      evidence,
      sys,
    });
  }

  /** Lets a tool go: its connections are cut, and its secret opens nothing any more. Throws ToolError. */
  async remove(name: string, by: string): Promise<void> {
    if (!this.byName.has(name)) throw new ToolError('E_TOOL_UNKNOWN', `there is no tool ${name}`);
    const rest = this.all().filter((one) => one.name !== name);
    await this.keep(rest, 'tool.removed', by, { tool: name });
  }

  private async keep(
    next: readonly Tool[],
    kind: string,
    actor: string,
    data: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const { store, key, now } = this.options;
    await store.write(() => {
      void store.meta.put(KEY, next);
      appendAudit(store, key(), { kind, incident: null, actor, data }, now());
    });
    this.byName.clear();
    for (const tool of next) this.byName.set(tool.name, tool);
    for (const listener of this.listeners) listener();
  }
}
