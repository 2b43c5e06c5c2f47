#!/usr/bin/env node
// Checks records of an audit chain that came from a Sentinel hub, on any machine with Node >= 20.19 and nothing else:
//   node verify.mjs [FOLDER | proof.jsonl] [--root HEX] [--show N]
// FOLDER is an exported bundle (the folder of this file, where none is named), proof.jsonl what `sentinel audit prove`
// writes. --root HEX: the site's root key as somebody has it from elsewhere. --show N: print record N.
// Exit 0: all of it holds. 1: what does not is named. 2: it could not be read.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const PROOF = 'proof.jsonl';
const MANIFEST = 'manifest.cbor';

/** What does not hold: its message is shown as it is. */
class Refused extends Error {}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const hex = (bytes) => Buffer.from(bytes).toString('hex');
/** Strict, so that no letter of it may be another. */
function base64(text) {
  const bytes = Buffer.from(String(text), 'base64');
  if (bytes.toString('base64') !== text) throw new Refused('something in it is no base64');
  return bytes;
}
const same = (a, b) => Buffer.from(a).equals(Buffer.from(b));

// ---- CBOR (RFC 8949): definite lengths, text keys, no tags, as the hub writes it

/** Deeper than anything that a hub writes. */
const DEPTH_MAX = 16;

function decodeCbor(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const need = (count) => {
    if (count > bytes.length - at) throw new Refused('it is cut short');
  };
  const take = (count) => {
    need(count);
    at += count;
    return bytes.subarray(at - count, at);
  };
  const argument = (info) => {
    if (info < 24) return info;
    const size = info <= 27 ? 1 << (info - 24) : 0;
    if (size === 0) throw new Refused('it has an indefinite length');
    need(size);
    const from = at;
    at += size;
    if (size === 8) return Number(view.getBigUint64(from));
    return size === 1 ? view.getUint8(from) : size === 2 ? view.getUint16(from) : view.getUint32(from);
  };
  const text = (length) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(take(length));
  const simple = (info) => {
    if (info === 20 || info === 21) return info === 21;
    if (info === 22) return null;
    const from = at;
    if (info === 25) return take(2) && half(view.getUint16(from));
    if (info === 26) return take(4) && view.getFloat32(from);
    if (info === 27) return take(8) && view.getFloat64(from);
    throw new Refused('it has a value that no hub writes');
  };
  const value = (depth) => {
    if (depth > DEPTH_MAX) throw new Refused('it is nested too deep');
    const [initial] = take(1);
    const [major, info] = [initial >> 5, initial & 31];
    if (major === 7) return simple(info);
    const count = argument(info);
    if (major === 0) return count;
    if (major === 1) return -1 - count;
    if (major === 2) return Buffer.from(take(count));
    if (major === 3) return text(count);
    if (major === 4) {
      need(count);
      return Array.from({ length: count }, () => value(depth + 1));
    }
    if (major !== 5) throw new Refused('it has a tag');
    need(2 * count);
    const map = Object.create(null);
    for (let i = 0; i < count; i++) {
      const key = value(depth + 1);
      if (typeof key !== 'string' || key in map) throw new Refused('a key is no text, or stands there twice');
      map[key] = value(depth + 1);
    }
    return map;
  };
  const whole = value(0);
  if (at !== bytes.length) throw new Refused('something follows its end');
  return whole;
}

function half(bits) {
  const [exponent, mantissa, sign] = [(bits >> 10) & 31, bits & 1023, bits & 0x8000 ? -1 : 1];
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return exponent === 31 ? (mantissa === 0 ? sign * Infinity : NaN) : sign * (mantissa + 1024) * 2 ** (exponent - 25);
}

// ---- signatures

const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const keys = new Map();
function ed25519(data, signature, raw) {
  const name = hex(raw);
  if (!keys.has(name))
    keys.set(name, createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' }));
  return verify(null, data, keys.get(name), signature);
}

const head = (major, length) =>
  length < 24
    ? Buffer.from([(major << 5) | length])
    : length < 256
      ? Buffer.from([(major << 5) | 24, length])
      : length < 65_536
        ? Buffer.from([(major << 5) | 25, length >> 8, length & 255])
        : Buffer.from([(major << 5) | 26, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255]);
const cborBytes = (bytes) => Buffer.concat([head(2, bytes.length), bytes]);
const cborText = (text) => Buffer.concat([head(3, Buffer.byteLength(text)), Buffer.from(text)]);

/** COSE_Sign1 (RFC 9052 section 4.2) by one of these keys, with what it is for as external data; answers its payload. */
function openSealed(kind, message, publicKeys) {
  const parts = decodeCbor(message);
  const isWhole = Array.isArray(parts) && parts.length === 4 && Object.keys(parts[1] ?? { x: 1 }).length === 0;
  if (!isWhole || Array.isArray(parts[1]) || Buffer.isBuffer(parts[1])) throw new Refused('it is no COSE_Sign1');
  const [header, , payload, signature] = parts;
  if (![header, payload, signature].every(Buffer.isBuffer)) throw new Refused('it is no COSE_Sign1');
  const signed = Buffer.concat([
    head(4, 4),
    cborText('Signature1'),
    cborBytes(header),
    cborBytes(Buffer.from(`sentinel-${kind}`)),
    cborBytes(payload),
  ]);
  if (!publicKeys.some((key) => ed25519(signed, signature, key))) throw new Refused('no key that counts has signed it');
  return payload;
}

const sshString = (value) => {
  const body = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
};
const PLAIN = 'ssh-ed25519';
const TOKEN = 'sk-ssh-ed25519@openssh.com';
/** An operator's key: `sk` is the application of one in a security token. */
const sshKey = ({ key, sk }) =>
  Buffer.concat([
    sshString(sk === undefined ? PLAIN : TOKEN),
    sshString(key),
    ...(sk === undefined ? [] : [sshString(sk)]),
  ]);
const fingerprint = (one) => `SHA256:${sha256(sshKey(one)).toString('base64').replace(/=+$/, '')}`;

/** SSHSIG (openssh, PROTOCOL.sshsig) over the message by this Ed25519 key: `ssh-keygen -Y verify` says the same. */
function isSshSigned(message, blob, namespace, one) {
  const digest = createHash('sha512').update(message).digest();
  const rest = [sshString(namespace), sshString(''), sshString('sha512')];
  const before = Buffer.concat([Buffer.from('SSHSIG'), Buffer.from([0, 0, 0, 1]), sshString(sshKey(one)), ...rest]);
  const signed = Buffer.concat([Buffer.from('SSHSIG'), ...rest, sshString(digest)]);
  const kind = sshString(one.sk === undefined ? PLAIN : TOKEN);
  const wrapped = (signature) =>
    Buffer.concat([before, sshString(Buffer.concat([kind, sshString(signature.raw), signature.state]))]);
  const state = one.sk === undefined ? Buffer.alloc(0) : blob.subarray(-5);
  const raw = blob.subarray(blob.length - state.length - 64, blob.length - state.length);
  // Everything but the signature is known beforehand, so the blob is compared instead of parsed.
  if (raw.length !== 64 || !same(wrapped({ raw, state }), blob)) return false;
  if (one.sk === undefined) return ed25519(signed, raw, one.key);
  // PROTOCOL.u2f: flags, of which 1 says that somebody touched it, and a counter.
  const isTouched = (state[0] & 1) === 1 && one.sk.startsWith('ssh:');
  return isTouched && ed25519(Buffer.concat([sha256(Buffer.from(one.sk)), state, sha256(signed)]), raw, one.key);
}

// ---- Merkle tree (RFC 6962 section 2.1)

const leafOf = (recordHash) => sha256(Buffer.concat([Buffer.from([0]), recordHash]));
const nodeOf = (left, right) => sha256(Buffer.concat([Buffer.from([1]), left, right]));

function rootByPath(leaf, index, size, path) {
  const sides = [];
  for (let [at, of] = [index, size]; of > 1; ) {
    let left = 1;
    while (left * 2 < of) left *= 2;
    sides.unshift(at >= left);
    [at, of] = at < left ? [at, left] : [at - left, of - left];
  }
  if (index >= size || sides.length !== path.length) throw new Refused('its path is not of such a tree');
  return path.reduce((below, beside, i) => (sides[i] ? nodeOf(beside, below) : nodeOf(below, beside)), leaf);
}

class GrowingTree {
  count = 0;
  peaks = [];
  add(recordHash) {
    let top = leafOf(recordHash);
    for (let full = this.count; full % 2 === 1; full = (full - 1) / 2) top = nodeOf(this.peaks.pop(), top);
    this.peaks.push(top);
    this.count++;
  }
  root() {
    return this.peaks.reduceRight((right, left) => nodeOf(left, right));
  }
}

// ---- approvals

/** Every key that a person of this name has had: what one of them signed stays signed. */
const keysOf = ({ operators, former = [] }, name) => [...operators, ...former].filter((one) => one.name === name);

/** Holds what was signed against who is said to have signed it. */
class Approvals {
  lines = [];
  ids = new Set();
  /** First approvals of two, by the hash of what was signed. */
  firsts = new Map();

  constructor(roster, hubKeys) {
    this.roster = roster;
    this.hubKeys = hubKeys.map((key) => ({ key }));
  }

  take({ n, kind, data, actor, incident }) {
    const { roster } = this;
    const isSecond = kind === 'plan.seconded';
    const payload = isSecond ? data.second : data.approval;
    if (!Buffer.isBuffer(payload) || !Buffer.isBuffer(data.signature)) throw new Refused('it has no signed approval');
    const said = decodeCbor(payload);
    if (said.incident !== incident) throw new Refused(`its approval is for the incident ${said.incident}`);
    if (said.site !== roster.site) throw new Refused(`its approval is for the site ${said.site}`);
    if ((said.alone === undefined) === (kind === 'plan.approved_alone'))
      throw new Refused('whether a person has approved it is not as it says');
    if (isSecond) this.agreed(said);
    else if (this.ids.has(said.id)) throw new Refused('its approval stood in a record before');
    else this.ids.add(said.id);
    if (kind === 'plan.approved_first') this.firsts.set(hex(sha256(payload)), said);
    this.lines.push(
      `record ${n}: ${said.alone === undefined ? this.person(said, isSecond, payload, data, actor) : this.rule(said, payload, data)}`,
    );
  }

  /** The second of two persons agrees to what another has approved before, once. */
  agreed({ approval, by, incident }) {
    const first = this.firsts.get(approval);
    if (first === undefined) throw new Refused('nobody has approved first what it agrees to');
    if (first.incident !== incident) throw new Refused(`it agrees to an approval for the incident ${first.incident}`);
    if (first.by === by) throw new Refused(`${by} has approved first, and must not be the second`);
    this.firsts.delete(approval);
  }

  person(said, isSecond, payload, { signature }, actor) {
    if (said.by !== actor) throw new Refused(`its approval is by ${said.by}`);
    const namespace = isSecond ? 'sentinel-second' : 'sentinel-approval';
    const key = signer(said.by, namespace, payload, signature, keysOf(this.roster, said.by));
    return `approved by ${said.by} (${said.role}, key ${key}) for ${said.host}${isSecond ? ', as the second of two' : ''}`;
  }

  rule(said, payload, { signature }) {
    signer('the hub', 'sentinel-alone', payload, signature, this.hubKeys);
    const rule = decodeCbor(said.alone.rule);
    const key = signer(
      rule.by,
      said.alone.remembered === true ? 'sentinel-remembered' : 'sentinel-rule',
      said.alone.rule,
      said.alone.rule_signature,
      keysOf(this.roster, rule.by),
    );
    return `approved by nobody, under the rule ${rule.id} that ${rule.by} signed (key ${key}), for ${said.host}`;
  }
}

/** The fingerprint of the one of these keys that has signed. */
function signer(name, namespace, message, signature, known) {
  const one = known.find((key) => isSshSigned(message, signature, namespace, key));
  if (one === undefined) throw new Refused(`${name} has not signed its approval`);
  return fingerprint(one);
}

// ---- what is checked

/** The first line: whose chain it is, and the two messages that vouch for the rest. */
function readHead(line, wantedRoot, say) {
  const { format, root, roster: sealedRoster, checkpoint: sealedCheckpoint, whole } = JSON.parse(line);
  if (format !== 'sentinel-proof-1') throw new Refused('it is not in the format sentinel-proof-1');
  const siteRoot = Buffer.from(root, 'hex');
  if (siteRoot.length !== 32) throw new Refused('it names no root key');
  if (wantedRoot !== undefined && wantedRoot.toLowerCase() !== hex(siteRoot))
    throw new Refused(`its root key is ${hex(siteRoot)}, not the one that was wanted`);
  const named = (what, read) => {
    try {
      return read();
    } catch (error) {
      throw new Refused(`the ${what}: ${error.message}`);
    }
  };
  const roster = named('roster', () => decodeCbor(openSealed('roster', base64(sealedRoster), [siteRoot])));
  // It is printed beside the root key: one that holds a line feed, or a key, could say another.
  if (!/^[a-z0-9][a-z0-9-]{0,47}$/.test(roster.site)) throw new Refused('the roster names no site');
  const hubKeys = [...(roster.retired ?? []), roster.hub_key];
  const checkpoint = named('checkpoint', () => decodeCbor(openSealed('checkpoint', base64(sealedCheckpoint), hubKeys)));
  if (checkpoint.site !== roster.site) throw new Refused(`the checkpoint is of the site ${checkpoint.site}`);
  if (!Buffer.isBuffer(checkpoint.root)) throw new Refused('the checkpoint has no root');
  say(`site ${roster.site}, root key ${hex(siteRoot)}`);
  say(
    wantedRoot === undefined
      ? '  compare it with the one that you have from elsewhere: who makes all of this up makes up a root key too'
      : '  the one that was wanted',
  );
  say(`roster version ${roster.version}, epoch ${roster.epoch}, signed by the root key: ${people(roster)}`);
  say(`checkpoint of ${time(checkpoint.now)} over ${checkpoint.audit_head.count} records, signed by the hub`);
  return { roster, hubKeys, checkpoint, whole: whole === true };
}

const people = ({ operators }) =>
  operators.map((one) => `${one.name} (${one.role}, key ${fingerprint(one)})`).join(', ');
const time = (ms) => new Date(ms).toISOString();

class Records {
  constructor(about) {
    this.about = about;
    this.tree = new GrowingTree();
    this.last = { n: 0, hash: '0'.repeat(64) };
    this.hubKeys = about.hubKeys;
    this.count = 0;
    this.covered = 0;
    this.approvals = new Approvals(about.roster, about.hubKeys);
  }

  /** Checks the next record, and answers it decoded. */
  next(line) {
    const { n, body: body64, signature, path } = JSON.parse(line);
    const body = base64(body64);
    const signed = base64(signature);
    const digest = sha256(body);
    const by = this.hubKeys.findIndex((key) => ed25519(digest, signed, key));
    if (by < 0) throw new Refused('its signature is not by the hub key of this site');
    // Once a later key has signed, an earlier one is not good any more.
    this.hubKeys = this.hubKeys.slice(by);
    const record = decodeCbor(body);
    if (record.n !== n || n <= this.last.n) throw new Refused(`it calls itself number ${record.n}`);
    const { whole, checkpoint } = this.about;
    if (whole && n !== this.last.n + 1) throw new Refused(`record ${this.last.n + 1} is missing`);
    if (n === this.last.n + 1 && record.prev !== this.last.hash)
      throw new Refused('it does not follow the record before it');
    const { count, hash } = checkpoint.audit_head;
    this.last = { n, hash: hex(digest) };
    this.count++;
    if (n === count && hash !== this.last.hash) throw new Refused('it is not the one that the checkpoint covers');
    if (n <= count) this.cover(n, digest, path);
    if (/^plan\.(?:approved|seconded)/.test(record.kind)) this.approvals.take(record);
    return record;
  }

  cover(n, digest, path) {
    const { whole, checkpoint } = this.about;
    const { count } = checkpoint.audit_head;
    if (whole) this.tree.add(digest);
    const root = whole
      ? n === count && this.tree.root()
      : rootByPath(
          leafOf(digest),
          n - 1,
          count,
          (path ?? []).map((one) => Buffer.from(one, 'hex')),
        );
    if (root && !same(root, checkpoint.root)) throw new Refused('the checkpoint’s root does not cover it as it stands');
    this.covered++;
  }

  end(say) {
    const { whole, checkpoint } = this.about;
    const { count } = checkpoint.audit_head;
    if (whole && this.last.n < count)
      throw new Refused(`record ${this.last.n + 1} is missing: the checkpoint covers ${count}`);
    say(`${this.count} records, each signed by the hub; ${this.covered} of them covered by the checkpoint`);
    if (this.covered < this.count)
      say('  the others came after it: signed and in order, but a later one could be left out');
    if (!whole) say('  they are chosen from the chain: the checkpoint shows that each is in it, not that no other is');
    const { lines } = this.approvals;
    say(`${lines.length} approvals, each signed by whom it names`);
    for (const line of lines) say(`  ${line}`);
  }
}

async function checkProof(file, { root, show }, say) {
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
  let records = null;
  let number = 0;
  for await (const line of lines) {
    number++;
    try {
      if (records === null) {
        records = new Records(readHead(line, root, say));
        continue;
      }
      const record = records.next(line);
      if (String(record.n) === show) for (const one of JSON.stringify(record, readable, 2).split('\n')) say(one);
    } catch (error) {
      const n = /^\{"n":(\d+)/.exec(line)?.[1];
      throw new Refused(`${file}:${number}${n === undefined ? '' : `: record ${n}`}: ${error.message}`);
    }
  }
  if (records === null) throw new Refused(`${file}: it is empty`);
  try {
    records.end(say);
  } catch (error) {
    throw new Refused(`${file}: ${error.message}`);
  }
  return records.about;
}

/** Bytes as hex; JSON.stringify has made them {type, data} by now. */
const readable = (_key, value) => (value?.type === 'Buffer' && Array.isArray(value.data) ? hex(value.data) : value);

/** Every file of a bundle against the manifest, which the hub has signed. */
function checkFiles(folder, hubKeys, say) {
  let manifest;
  try {
    manifest = decodeCbor(openSealed('evidence', readFileSync(join(folder, MANIFEST)), hubKeys));
  } catch (error) {
    throw new Refused(`${MANIFEST}: ${error.message}`);
  }
  const known = new Set([MANIFEST, ...manifest.files.map(({ name }) => name)]);
  const stranger = readdirSync(folder).find((name) => !known.has(name));
  if (stranger !== undefined) throw new Refused(`${stranger}: it is not in the manifest`);
  const wrong = manifest.files.find(
    ({ name, sha256: wanted }) =>
      !existsSync(join(folder, name)) || !same(sha256(readFileSync(join(folder, name))), wanted),
  );
  if (wrong !== undefined) throw new Refused(`${wrong.name}: it is not the file that the hub signed`);
  say(`${manifest.files.length} files as the hub signed them at ${time(manifest.made)}`);
}

async function main() {
  const { values, positionals } = parseArgs({
    options: { root: { type: 'string' }, show: { type: 'string' } },
    allowPositionals: true,
  });
  const [named = dirname(fileURLToPath(import.meta.url))] = positionals;
  const isFolder = statSync(named).isDirectory();
  const lines = [];
  const say = (line) => lines.push(line);
  try {
    const { hubKeys } = await checkProof(isFolder ? join(named, PROOF) : named, values, say);
    if (isFolder) checkFiles(named, hubKeys, say);
    say('all of it holds');
    return 0;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say(`NOT GOOD: ${error.message}`);
    return 1;
  } finally {
    // Told by others: nothing of it may steer a terminal, or look like a line of ours.
    for (const line of lines) console.log(line.replace(/\p{C}/gu, '\uFFFD'));
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
