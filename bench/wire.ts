import { setTimeout as sleep } from 'node:timers/promises';
import { secretHash } from '../broker/enroll.ts';
import { type Chain, followBatch } from '../broker/frame-chain.ts';
import { KEYFRAME_EVERY } from '../broker/frame-coder.ts';
import { MAC_ITEM_BYTES, openBatch } from '../broker/frame-payload.ts';
import { scaled } from '../broker/frames.ts';
import type { Metric } from '../broker/messages.ts';
import { agentTopic } from '../broker/topics.ts';
import { FrameWriter } from '../test/broker/frame-writer.ts';
import type { Emit } from './row.ts';
import { type HostSample, HostSampler } from './wire-host.ts';
import { SparkplugSizes } from './wire-sparkplug.ts';

/** Two whole rounds of keyframes, at the agent's usual interval. */
const SAMPLES = 2 * KEYFRAME_EVERY;
const INTERVAL_MS = 2_000;
const BATCH = 10;
const AIM = { json: 10, sparkplug: 4.5, link: 6 } as const;

const AGENT = 'edge-0042';
const SPARKPLUG_TOPIC = `spBv1.0/plant/NDATA/${AGENT}`;
/** For each publish at QoS 1: IP and TCP headers of it, of the PUBACK (4 bytes more), and of the last TCP ACK. */
const TCP_BYTES = 40 + 40 + 4 + 40;

/**
 * Bytes for each sample of this host, as the mesh sends it, beside JSON and Sparkplug B by exception, on the same
 * samples. The payload's MAC, which the others have not, is apart; keyframes are in the mean.
 */
export async function wireBench(emit: Emit): Promise<boolean> {
  const samples = await collect();
  const mac = MAC_ITEM_BYTES;
  const single = framesOf(samples, 1);
  const batched = framesOf(samples, BATCH);
  const rbe = sparkplugSizes(samples, true);
  const lean = mean(sparkplugSizes(samples, false));
  const sparkplug = mean(rbe);
  const json = mean(samples.map((sample) => Buffer.byteLength(JSON.stringify(jsonOf(sample)))));
  const ours = sum(single) / SAMPLES - mac;
  const topic = agentTopic(AGENT, 'm');
  const link = sum(batched.map((bytes) => onLink(topic, bytes - mac))) / SAMPLES;
  const linkWithMac = sum(batched.map((bytes) => onLink(topic, bytes))) / SAMPLES;
  const linkSparkplug = mean(rbe.map((bytes) => onLink(SPARKPLUG_TOPIC, bytes)));
  const row = (metric: string, value: number, unit = 'B') =>
    emit({ bench: 'wire', metric, value: Math.round(value * 10) / 10, unit });
  const ratio = (metric: string, value: number, baseline: string) =>
    emit({ bench: 'wire', metric, value: Math.round(value * 100) / 100, unit: 'ratio', baseline });
  row('samples', samples.length, '');
  row('payload_json', json);
  row('payload_sparkplug_rbe', sparkplug);
  row('payload_sparkplug_rbe_lean', lean);
  row('payload', ours);
  row('payload_keyframe', mean(single.filter((_, i) => i % KEYFRAME_EVERY === 0)) - mac);
  row('payload_delta', mean(single.filter((_, i) => i % KEYFRAME_EVERY !== 0)) - mac);
  row('payload_mac', mac);
  row('link_sparkplug_rbe', linkSparkplug);
  row('link_batch10', link);
  row('link_batch10_with_mac', linkWithMac);
  const ratios = { json: json / ours, sparkplug: sparkplug / ours, link: linkSparkplug / link };
  ratio('ratio_json', ratios.json, 'JSON');
  ratio('ratio_json_with_mac', json / (ours + mac), 'JSON');
  ratio('ratio_sparkplug_rbe', ratios.sparkplug, 'Sparkplug B by exception');
  ratio('ratio_sparkplug_rbe_with_mac', sparkplug / (ours + mac), 'the same');
  ratio('ratio_sparkplug_rbe_lean', lean / ours, 'the same without the metric timestamps that it must have');
  ratio('ratio_link_batch10_sparkplug_rbe', ratios.link, 'Sparkplug B by exception, one publish a sample');
  ratio('ratio_link_batch10_sparkplug_rbe_with_mac', linkSparkplug / linkWithMac, 'the same');
  return ratios.json >= AIM.json && ratios.sparkplug >= AIM.sparkplug && ratios.link >= AIM.link;
}

async function collect(): Promise<HostSample[]> {
  const sampler = new HostSampler();
  const samples: HostSample[] = [];
  try {
    // Rates need a sample before: the first is thrown away.
    await sampler.sample();
    for (let i = 1; i <= SAMPLES; i++) {
      await sleep(INTERVAL_MS);
      samples.push(await sampler.sample());
      process.stderr.write(`\rsample ${i} of ${SAMPLES} `);
    }
  } finally {
    process.stderr.write('\n');
    sampler.close();
  }
  return samples;
}

/** The very first report is of all metrics; a reader has it once, so it is not counted. */
function sparkplugSizes(samples: readonly HostSample[], perMetricTime: boolean): number[] {
  const sizes = new SparkplugSizes({ perMetricTime });
  return samples.map((sample) => sizes.byException(sample)).slice(1);
}

/** As a script would write it: grouped by the first word of a metric's name, sizes in bytes, no blanks. */
function jsonOf({ ts, numbers, processes }: HostSample): object {
  const groups: Record<string, Record<string, number | null>> = {};
  for (const { name, value } of numbers) {
    const [group = '', ...rest] = name.split('.');
    groups[group] = { ...groups[group], [rest.join('.')]: value };
  }
  return { ts, ...groups, processes };
}

/** Sizes of the payloads that carry these samples; throws unless a reader gets every value back. */
function framesOf(samples: readonly HostSample[], batch: number): number[] {
  const secret = secretHash('bench');
  const boot = '0123456789abcdef';
  const writer = new FrameWriter({ boot, secretHash: secret, batch });
  const sizes: number[] = [];
  const read: (readonly (number | null)[])[] = [];
  let chain: Chain = { last: 0, step: null };
  for (const sample of samples) {
    const { metrics, values } = positional(sample);
    for (const payload of writer.add({ schema: 1, ts: sample.ts, values }, metrics)) {
      sizes.push(payload.length);
      const followed = followBatch(chain, openBatch(payload, boot, secret), { schema: 1, metrics });
      chain = followed.chain;
      read.push(...followed.steps.map(({ frame }) => frame.values));
    }
  }
  const sent = samples.map((sample) => scaled(positional(sample).values, positional(sample).metrics));
  if (JSON.stringify(read) !== JSON.stringify(sent)) throw new Error('the frames are not lossless');
  return sizes;
}

/**
 * The agent's frames carry no processes, so for the comparison each is six numbers: pid, processor, memory, and its
 * name of at most 15 bytes as three integers.
 */
function positional({ numbers, processes }: HostSample): { metrics: Metric[]; values: (number | null)[] } {
  const all = [
    ...numbers,
    ...processes.flatMap(({ pid, name, cpu, rss }) => [
      { name: 'pid', unit: '', scale: 1, value: pid },
      { name: 'cpu', unit: '%', scale: 0.01, value: cpu },
      { name: 'rss', unit: 'B', scale: 4_096, value: rss },
      ...nameAsNumbers(name).map((value) => ({ name: 'name', unit: '', scale: 1, value })),
    ]),
  ];
  return {
    metrics: all.map(({ name, unit, scale }) => ({ name, unit, scale })),
    values: all.map(({ value }) => value),
  };
}

function nameAsNumbers(name: string): number[] {
  const bytes = Buffer.alloc(18);
  bytes.write(name, 'utf8');
  return [0, 6, 12].map((at) => bytes.readUIntLE(at, 6));
}

/** A PUBLISH packet at QoS 1, and what carries and acknowledges it. */
function onLink(topic: string, payload: number): number {
  const rest = 2 + Buffer.byteLength(topic) + 2 + payload;
  return 1 + (rest < 128 ? 1 : rest < 16_384 ? 2 : 3) + rest + TCP_BYTES;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;
