import { idFromHostname } from '../../broker/topics.ts';

/** MQTT's own bound is 65,535 bytes; a plant's topics have a handful of short levels. */
const TOPIC_MAX = 256;
const LEVELS_MAX = 16;

/** Stands for the level that names the device. */
export const DEVICE_LEVEL = '{device}';

/** A topic pattern of a mapping: what to subscribe to, and which device a topic is of. */
export interface TopicPattern {
  readonly filter: string;
  readonly namesDevice: boolean;
  /** The device's own name in a topic, `''` where the pattern names none; null for a topic that does not match. */
  match(topic: string): string | null;
}

/** Reads `plant/{device}/temp`; `+` stands for any one level. Null for what is no pattern of these. */
export function topicPattern(text: string): TopicPattern | null {
  const levels = text.split('/');
  const isGood = (level: string) => level === DEVICE_LEVEL || level === '+' || /^[^#+{}\0]{1,64}$/.test(level);
  const places = levels.filter((level) => level === DEVICE_LEVEL).length;
  if (text.length > TOPIC_MAX || levels.length > LEVELS_MAX || places > 1 || !levels.every(isGood)) return null;
  if (text.startsWith('$')) return null;
  const at = levels.indexOf(DEVICE_LEVEL);
  return {
    filter: levels.map((level) => (level === DEVICE_LEVEL ? '+' : level)).join('/'),
    namesDevice: at >= 0,
    match(topic) {
      const given = topic.split('/', LEVELS_MAX + 1);
      if (given.length !== levels.length) return null;
      const fits = levels.every((level, i) => level === '+' || level === DEVICE_LEVEL || level === given[i]);
      return fits ? (given[at] ?? '') : null;
    },
  };
}

/** A device's own name as an id: lower case, anything unfit becomes a dash; null where nothing of it is left. */
export function deviceId(name: string): string | null {
  return /[A-Za-z0-9]/.test(name) ? idFromHostname(name) : null;
}
