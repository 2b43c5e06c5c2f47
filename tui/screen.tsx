import { Box, Text } from 'ink';
import { createElement, memo, useSyncExternalStore } from 'react';
import type { Frame } from './frame.ts';
import type { Line } from './line.ts';
import { type Theme, toAscii } from './theme.ts';
import { widthOf } from './width.ts';

/** What the screen shows now: the pair that useSyncExternalStore wants, and the look. */
export interface Shown {
  subscribe(listener: () => void): () => void;
  frame(): Frame;
  readonly theme: Theme;
}

/**
 * A row is one row high, and is told so: a <Text> of Ink's is asked for its size, and Ink 6.8 keeps every text that it has
 * ever measured. On a screen that is looked at for weeks, nearly every row of every picture is a new one.
 */
const ONE_ROW = { height: 1, textWrap: 'truncate' } as const;

const Row = memo(function Row({ row, theme }: { readonly row: Line; readonly theme: Theme }) {
  const spans = row.map((part, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: spans have no identity but their place in the row
    <Text key={index} {...theme.style[part.tone]}>
      {theme.ascii ? toAscii(part.text, widthOf) : part.text}
    </Text>
  ));
  // What <Text> itself is made of.
  return createElement('ink-text', { style: ONE_ROW }, spans);
});

/** The only component that meets Ink: a frame's rows, one text each. Every span was made safe by `span`. */
export function Screen({ shown }: { readonly shown: Shown }) {
  const { lines } = useSyncExternalStore(shown.subscribe, shown.frame);
  return (
    <Box flexDirection="column" height={lines.length}>
      {lines.map((row, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place on the screen
        <Row key={index} row={row} theme={shown.theme} />
      ))}
    </Box>
  );
}
