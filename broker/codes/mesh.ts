import type { CodeSection } from './code.ts';

export const MESH_CODES: CodeSection = {
  title: 'Mesh and broker',
  about: 'Between agents, hub and other programs.',
  codes: {
    E_BROKER_PORT: {
      what: 'No free port was found for the broker.',
      todo: 'Stop what holds it, or name another with `--port N`.',
    },
    E_BROKER_PLAIN: {
      what: 'The broker should listen for other hosts without TLS.',
      todo: 'Make a site with `sentinel init`, and enrol the hosts.',
    },
    E_BROKER_UNREACHABLE: { what: 'No broker answers at that address.', todo: 'Start the hub, or mend the address.' },
    E_CREDENTIALS: {
      what: 'The broker did not let this client in, or its credentials file can’t be read.',
      todo: 'Enrol it again: `sentinel enroll --tool NAME --out FILE`.',
    },
    E_NOT_GRANTED: {
      what: 'The broker lets this client not read what it asked for.',
      todo: 'Ask for topics that docs/tools.md grants; `$SYS` needs `--sys`.',
    },
    E_MESH: {
      what: 'The broker’s thread failed. The message says how.',
      todo: 'Nothing, if `E_MESH_RESTART` follows; else start the hub again, and report it.',
    },
    E_MESH_RESTART: {
      what: 'The embedded broker ended, and is started again; what was under way is sent again.',
      todo: 'Nothing. If it comes again and again, look at memory and at the message.',
    },
    E_MESH_DOWN: {
      what: 'The site’s own broker is not reached: the hub goes on without agents until it is.',
      todo: 'Look at that broker, and at the network between.',
    },
    E_CBOR: {
      what: 'A payload is not the CBOR that is read here.',
      todo: 'Write definite lengths and no tags: docs/wire.md.',
    },
    E_JSON: { what: 'A payload is no JSON.', todo: 'Send JSON, or CBOR where that is taken.' },
    E_MESSAGE: {
      what: 'A message was refused for a reason without a code.',
      todo: 'Look at the log beside it, and report it.',
    },
    E_MESSAGE_SHAPE: {
      what: 'A message lacks a field, or has one of another kind or length. The message names it.',
      todo: 'Mend the sender; an agent of another version is upgraded.',
    },
    E_SIGNATURE: {
      what: 'A signature, or a MAC, is not by the key that it has to be by.',
      todo: 'If it is an agent’s, enrol it again; if it is nobody’s you know, somebody writes on your broker.',
    },
    E_PACKET: {
      what: 'A client sent what is no MQTT packet, or one that is too long, and was cut off.',
      todo: 'Look at that client.',
    },
    E_BIRTH_OLD: {
      what: 'An agent’s greeting was heard before: an old one was played again.',
      todo: 'Nothing: it was ignored. If nobody restored a broker’s disk, look who can write there.',
    },
    E_AGENT_NEWER: {
      what: 'An agent is of a later minor version than the hub: it is heard, and gets no order.',
      todo: 'Upgrade the hub first.',
    },
    E_SCATTERED: {
      what: 'An agent’s message numbers leave more holes than it can have.',
      todo: 'Look at that agent: it, or somebody in its name, makes numbers up.',
    },
    E_FRAME: {
      what: 'Telemetry is garbled.',
      todo: 'Nothing: the agent begins anew with its next keyframe. If it stays so, look at its version.',
    },
    E_FRAME_OLD: { what: 'Telemetry came again that is stored already.', todo: 'Nothing: it was acknowledged again.' },
    E_FRAME_GAP: {
      what: 'Telemetry builds on samples that did not come.',
      todo: 'Nothing: the agent sends a keyframe.',
    },
    E_FRAME_SCHEMA: {
      what: 'Telemetry came without the greeting that explains it, or from an agent that is not enrolled.',
      todo: 'Nothing, if the agent has just connected; else enrol it.',
    },
    E_DEVICE_NAME: {
      what: 'A device has a name that is none, or that another device or an agent has.',
      todo: 'Name it differently in the gateway’s mapping.',
    },
    E_DEVICE_MANY: {
      what: 'More devices speak than a gateway speaks for.',
      todo: 'Use several gateways: docs/gateway.md.',
    },
    E_DEVICE_PAYLOAD: {
      what: 'A device’s payload holds no number where its mapping looks for one.',
      todo: 'Mend the mapping, or the device.',
    },
    E_DEVICE_RATE: {
      what: 'Devices send faster than a gateway reads.',
      todo: 'Let them send less often, or use several gateways.',
    },
    E_REQUEST_VERB: {
      what: 'A tool asked for a verb that does not exist.',
      todo: 'Use one of those that the message names.',
    },
    E_REQUEST_RATE: { what: 'A tool asks too often.', todo: 'Wait a second: 5 a second, 20 at once.' },
    E_REQUEST_SIZE: { what: 'A request, or the answer to it, is too large.', todo: 'Ask for less: name `parts`.' },
    E_TOOL_NAME: {
      what: 'This name is taken by another tool or agent, or is none.',
      todo: 'Choose another: a-z, 0-9 and dashes, at most 48.',
    },
    E_TOOL_MANY: {
      what: 'The site has as many tools as it may have.',
      todo: 'Revoke one: `sentinel enroll --revoke NAME`.',
    },
    E_TOOL_UNKNOWN: { what: 'There is no tool of that name.', todo: 'See `sentinel enroll --list`.' },
    E_WEBHOOK_CUT: { what: 'An alert’s sender hung up, or took too long.', todo: 'Nothing: it sends again.' },
    E_WEBHOOK_RATE: {
      what: 'Alerts come faster than they are taken; the sender is told to come again.',
      todo: 'Nothing, or group alerts at the sender.',
    },
    E_WEBHOOK_SHAPE: {
      what: 'What was posted is not what Alertmanager or Grafana posts.',
      todo: 'Look at the sender’s kind of webhook: docs/webhooks.md.',
    },
    E_WEBHOOK_SIZE: { what: 'A post holds more than is read.', todo: 'Set `max_alerts` at the sender.' },
    E_HTTP_ADDRESS: {
      what: 'An address for `--metrics` or `--webhooks` can’t be read.',
      todo: 'Write PORT, HOST:PORT or [IPv6]:PORT.',
    },
    E_HTTP_OPEN: {
      what: 'Metrics or webhooks would be open to other machines without a token.',
      todo: 'Name a file with one: `--metrics-token FILE`, `--webhooks-token FILE`.',
    },
    E_HTTP_PLAIN: {
      what: 'A token would go to other machines without TLS.',
      todo: 'Make a site with a CA (`sentinel init`), or stay on loopback.',
    },
    E_HTTP_PORT: {
      what: 'The port for metrics or webhooks can’t be opened.',
      todo: 'Stop what holds it, or choose another.',
    },
    E_HTTP_TOKEN: {
      what: 'The token’s file can’t be read, is open to everybody, or holds no token.',
      todo: 'Make one: `(umask 077; openssl rand -hex 32 > FILE)`.',
    },
  },
};
