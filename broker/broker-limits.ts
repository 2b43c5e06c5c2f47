/** What one connection, and all of them, may cost the embedded broker: one table, each with its reason. */
export const BROKER = {
  /** A connection must have said CONNECT within this, or it only holds a socket. */
  connectMs: 10_000,
  /** CONNECT with the longest names, a will and a password is a tenth of it; more is not an agent of ours. */
  connectBytes: 4_096,
  /** Connections that have not yet been let in, from one address: a site behind one address restarts as a whole. */
  pendingPerAddress: 1_024,
  /** The same from everywhere: what they hold before they are known stays under 100 MB. */
  pending: 4_096,
  /** Sockets in all; who is let in is bounded by who is enrolled, since a second of the same name ends the first. */
  connections: 20_000,
  /** Bytes of one client that are looked at in one turn: a flood on 200 sockets must not delay timers by seconds. */
  chunkBytes: 16_384,
  /** Packets of one client that are dealt with in one turn: ten who flood cost the next one some milliseconds. */
  packetsPerTurn: 16,
  /** Connections that are taken up, CONNECTs (each about half a millisecond) and TLS handshakes begun in one turn. */
  strangersPerTurn: 4,
  /** One client's packets a second, and how many it may save up: an agent that replays a day needs a tenth. */
  packetsPerSecond: 1_000,
  packetsBurst: 2_000,
  /** One client's bytes a second, and how many it may save up: 16 of the largest messages. */
  bytesPerSecond: 1_048_576,
  bytesBurst: 2_097_152,
  /** Messages of one client that wait for the disk: past them it is not read. */
  inFlight: 256,
  /** A topic of ours is at most 60 bytes; the head of a packet that is too large is kept only so far. */
  topicBytes: 256,
  topicLevels: 8,
  /** Bytes that wait for a reader: past them it is dropped, and comes back for what is retained. */
  readerBytes: 1_048_576,
  /** A reader that takes nothing for so long is dropped (Aedes' own default is a minute). */
  drainMs: 10_000,
  /** Messages of the hub handed to readers in one turn, so that what waits for each is known before the next ones. */
  publishesPerTurn: 64,
  /** QoS 2 is not used here; a client that does may leave so many exchanges half done. */
  halfDone: 10,
  /** TCP's own keep-alive finds the dead among those that asked MQTT for none. */
  keepAliveMs: 60_000,
} as const;
