import headless from '@xterm/headless';

/** A terminal in memory: what an operator would see, as rows of text. */
export class Emulator {
  readonly terminal: InstanceType<typeof headless.Terminal>;

  constructor(cols: number, rows: number) {
    this.terminal = new headless.Terminal({ cols, rows, allowProposedApi: true, scrollback: 200 });
  }

  /** Resolves when the bytes are on the screen. */
  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.terminal.write(bytes, resolve));
  }

  lines(): readonly string[] {
    const { active } = this.terminal.buffer;
    return Array.from(
      { length: this.terminal.rows },
      (_, row) => active.getLine(active.viewportY + row)?.translateToString(true) ?? '',
    );
  }

  text(): string {
    return this.lines().join('\n');
  }
}
