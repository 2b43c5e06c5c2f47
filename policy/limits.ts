/** Bounds of what compiles. Real commands of operators stay far below; past them is review, never a crash. */
export const LIMITS = {
  /** Bytes of one command text: 4 kB is ten times the longest command that an operator typed. */
  text: 4_096,
  /** The same caps as on the wire, so that whatever compiles can be sent. */
  jobs: 32,
  pipe: 16,
  argv: 256,
  argument: 4_096,
  /** Bytes of a whole Program's arguments: what the text cap allows, with room for nothing more. */
  program: 8_192,
  /** sudo nice ionice timeout is four; more is nobody's need. */
  wrappers: 4,
  /** Text past this is not searched for destruction: it is review whatever it holds, and must stay quick. */
  searched: 32_768,
} as const;
