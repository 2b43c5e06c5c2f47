import { Box, Text } from 'ink';
import { memo, useSyncExternalStore } from 'react';
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

const Row = memo(function Row({ row, theme }: { readonly row: Line; readonly theme: Theme }) {
  // An empty <Text> has no height, and a frame must keep its rows.
  if (row.length === 0) return <Text> </Text>;
  return (
    <Text wrap="truncate">
      {row.map((part, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: spans have no identity but their place in the row
        <Text key={index} {...theme.style[part.tone]}>
          {theme.ascii ? toAscii(part.text, widthOf) : part.text}
        </Text>
      ))}
    </Text>
  );
});

/** The only component that meets Ink: a frame's rows, one <Text> each. Every span was made safe by `span`. */
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
