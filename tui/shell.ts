import type { Incident } from '../hub/incident.ts';
import { awaitedWords } from './agreement.ts';
import { consentMeets, consentResized, consentShown } from './consent.ts';
import { type Effect, press, type Turn } from './control.ts';
import type { ActResult, Desk } from './desk.ts';
import { type Frame, frame, reusing } from './frame.ts';
import { type Keymap, STANDARD_KEYS } from './keymap.ts';
import type { Key } from './keys.ts';
import { cutLine, fill, line, span } from './line.ts';
import { FIRST_UI, incidentAt, type Model, settle, type Toast, type Ui } from './model.ts';
import type { Shown } from './screen.tsx';
import type { Theme } from './theme.ts';
import { begun, givenWay } from './tour.ts';
import type { TourMemory } from './tour-memory.ts';

export interface ShellOptions {
  readonly desk: Desk;
  readonly theme: Theme;
  readonly now: () => number;
  readonly cols: number;
  readonly rows: number;
  readonly quit: () => void;
  /** The operator's keys; absent: those that are shipped. */
  readonly keys?: Keymap;
  /** Nothing is signed from this screen. */
  readonly readOnly?: boolean;
  /** Whether this operator has seen the tour; absent: it comes only when it is asked for. */
  readonly tour?: TourMemory;
}

const day = (at: number): string => new Date(at).toISOString().slice(0, 10);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * The one store behind the screen: what the desk says, what the operator did, the size and the time. Every change goes
 * through here, becomes one frame, and is told to React once.
 */
export class Shell implements Shown {
  readonly theme: Theme;
  readonly #desk: Desk;
  readonly #now: () => number;
  readonly #quit: () => void;
  readonly #keys: Keymap;
  readonly #readOnly: boolean;
  readonly #tour: TourMemory | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #unsubscribe: () => void;
  #cols: number;
  #rows: number;
  #ui: Ui = FIRST_UI;
  #frame: Frame = { lines: [] };

  constructor(options: ShellOptions) {
    this.theme = options.theme;
    this.#desk = options.desk;
    this.#now = options.now;
    this.#quit = options.quit;
    this.#keys = options.keys ?? STANDARD_KEYS;
    this.#readOnly = options.readOnly ?? false;
    this.#cols = options.cols;
    this.#rows = options.rows;
    this.#tour = options.tour;
    if (this.#tour?.isNew === true) this.#ui = begun(FIRST_UI);
    this.#unsubscribe = options.desk.subscribe(this.refresh);
    this.refresh();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly frame = (): Frame => this.#frame;

  get ui(): Ui {
    return this.#ui;
  }

  /** Keys of one read of the terminal. */
  press(chunk: readonly Key[]): void {
    if (chunk.length === 0) return;
    this.#meet();
    const turn = this.#turn(chunk);
    // Seen is what somebody answered by a key, whichever; what an incident put away comes again.
    if (this.#ui.tour !== null) this.#tour?.remember();
    this.#ui = turn.ui;
    if (turn.effect !== undefined) this.#act(turn.effect);
    this.refresh();
  }

  /** What the store holds may be anything: a key that fails of it does nothing, and ctrl-c and esc work all the same. */
  #turn(chunk: readonly Key[]): Turn {
    try {
      return press(this.#model(), chunk, (id) => this.#incident(id));
    } catch (error) {
      const has = (name: string) => chunk.some((pressed) => pressed.type === 'key' && pressed.name === name);
      if (has('ctrl-c')) return { ui: this.#ui, effect: { type: 'quit' } };
      const toast: Toast = { text: `That key failed: ${messageOf(error)}`, tone: 'alarm' };
      return { ui: { ...(has('escape') ? FIRST_UI : this.#ui), toast } };
    }
  }

  #settled(): Ui {
    try {
      const model = this.#model();
      return settle({ ...model, ui: givenWay(model.ui, model.desk) });
    } catch {
      return this.#ui;
    }
  }

  resize(cols: number, rows: number): void {
    this.#cols = cols;
    this.#rows = rows;
    const { consent } = this.#ui;
    if (consent !== null) this.#ui = { ...this.#ui, consent: consentResized(consent, this.#now()) };
    this.refresh();
  }

  /** Draws again: the desk changed, or a second passed. */
  readonly refresh = (): void => {
    this.#meet();
    this.#ui = this.#settled();
    // What is merely selected is not looked at yet.
    const { consent, open, asking, view } = this.#ui;
    const isLooking = consent !== null || asking !== null || (open !== null && view === 'incidents');
    this.#desk.look(isLooking ? incidentAt(this.#ui) : null);
    let drawn = this.#draw();
    if (this.#clamp(drawn)) drawn = this.#draw();
    const next = reusing(this.#frame, drawn);
    if (next === this.#frame) return;
    this.#frame = next;
    for (const listener of this.#listeners) listener();
  };

  close(): void {
    this.#unsubscribe();
    this.#listeners.clear();
  }

  /** An open dialog learns of a changed plan before any key can reach it. */
  #meet(): void {
    const { consent } = this.#ui;
    if (consent === null) return;
    const met = consentMeets(consent, this.#incident(incidentAt(this.#ui)));
    if (met !== consent) this.#ui = { ...this.#ui, consent: met };
  }

  #incident(id: string | null): Incident | undefined {
    if (id === null) return undefined;
    try {
      return this.#desk.incident(id);
    } catch {
      // A store that can't be read shows as an incident that is gone, and is read again at the next refresh.
      return undefined;
    }
  }

  #model(): Model {
    const ui = this.#ui;
    return {
      desk: this.#desk.state(),
      shelf: this.#desk,
      incident: this.#incident(incidentAt(ui)),
      ui,
      keys: this.#keys,
      readOnly: this.#readOnly,
      now: this.#now(),
      cols: this.#cols,
      rows: this.#rows,
      theme: this.theme,
    };
  }

  /** A view that fails on some record must not take the process down: the hub may live in it. */
  #draw(): Frame {
    try {
      return frame(this.#model());
    } catch (error) {
      const rows = [
        line(span(' This view failed. esc goes back, ctrl-c quits.', 'alarm')),
        line(` ${messageOf(error)}`),
      ];
      return { lines: fill(rows, Math.max(1, this.#rows - 1)).map((row) => cutLine(row, this.#cols - 1)) };
    }
  }

  /** Scrolling stops at the end, and what was on the screen to its last row counts as read. */
  #clamp({ extent }: Frame): boolean {
    if (extent === undefined) return false;
    const { consent, scroll } = this.#ui;
    if (consent !== null) {
      const shown = consentShown(consent, extent.rows, extent.visible);
      if (shown === consent) return false;
      this.#ui = { ...this.#ui, consent: shown };
      return true;
    }
    const most = Math.max(0, extent.rows - extent.visible);
    if (scroll <= most) return false;
    this.#ui = { ...this.#ui, scroll: most };
    return true;
  }

  #act(effect: Effect): void {
    switch (effect.type) {
      case 'quit':
        this.#quit();
        return;
      case 'approve': {
        const { incident, host, through, rule } = effect;
        const kept = rule === null ? '' : `, and remembered until ${day(rule.not_after)}`;
        const done = `Signed${kept}: ${through === 1 ? 'step 1 goes' : `steps 1-${through} go`} to ${host}.`;
        const told = () => {
          const present = this.#desk.incident(incident);
          return (present && awaitedWords(present, this.#desk.state(), Date.now())) ?? done;
        };
        void this.#answer(this.#approved(effect), told);
        return;
      }
      case 'forget':
        void this.#answer(this.#desk.forget(effect.rule), 'Revoked: nothing runs by it any more.');
        return;
      case 'reject':
        void this.#answer(
          this.#desk.reject(effect.incident, 'rejected on the screen'),
          'Rejected: nothing of it runs.',
        );
        return;
      case 'halt':
        void this.#answer(
          this.#desk.halt('halted on the screen'),
          'Halted: nothing is executed until an admin lifts it.',
        );
        return;
      case 'acknowledge':
        void this.#answer(this.#desk.acknowledge(effect.incident), 'It is yours until it closes.');
        return;
      case 'probe':
        void this.#answer(this.#desk.probe(effect.incident, effect.probe, effect.name), 'Answered.');
        return;
      default:
        effect satisfies never;
    }
  }

  /** Approves, and then has it remembered where that was asked for: the hub takes only the rule of an approved plan. */
  async #approved({ incident, planHash, reviewed, rule }: Extract<Effect, { type: 'approve' }>): Promise<ActResult> {
    const approved = await this.#desk.approve(incident, planHash, reviewed);
    if (!approved.ok || rule === null) return approved;
    const kept = await this.#desk.remember(rule);
    return kept.ok ? kept : { ...kept, message: `the plan is approved; not remembered: ${kept.message}` };
  }

  async #answer(act: Promise<ActResult>, done: string | (() => string)): Promise<void> {
    let toast: Toast;
    try {
      const result = await act;
      toast = result.ok
        ? { text: typeof done === 'string' ? done : done(), tone: 'plain' }
        : { text: `Refused (${result.code}): ${result.message}`, tone: 'alarm' };
    } catch (error) {
      toast = { text: `Not sent: ${messageOf(error)}`, tone: 'alarm' };
    }
    this.#ui = { ...this.#ui, toast };
    this.refresh();
  }
}
