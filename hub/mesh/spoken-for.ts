import type { Birth, Event } from '../../broker/messages.ts';
import { deviceName } from '../../broker/subject.ts';

/** A device under the name of an enrolled agent: whoever reads `plc-1` must not have to ask which. */
export class DeviceNameError extends Error {
  readonly code = 'E_DEVICE_NAME';
}

/**
 * What a gateway says of a device, as an event of that device; an agent's own event as it is. Throws DeviceNameError where
 * the device takes an agent's name.
 */
export function spokenFor(event: Event, isAgent: (id: string) => boolean): Event {
  const { device, ...said } = event;
  if (device === undefined) return event;
  if (isAgent(device)) throw new DeviceNameError(`${event.agent} speaks for ${device}, which is an agent's name`);
  return { ...said, agent: deviceName(event.agent, device) };
}

/** A birth without devices that take an agent's name, and which those were. */
export function ownDevices(birth: Birth, isAgent: (id: string) => boolean): { birth: Birth; taken: readonly string[] } {
  const { devices, ...rest } = birth;
  if (devices === undefined) return { birth, taken: [] };
  return { birth: { ...rest, devices: devices.filter((one) => !isAgent(one)) }, taken: devices.filter(isAgent) };
}
