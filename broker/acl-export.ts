import { filtersFor, MESH_RULES, type MeshRole } from './acl.ts';
import { HUB_ID } from './topics.ts';

/** The brokers for which rules are written. */
export const ACL_BROKERS = ['mosquitto', 'emqx', 'nats'] as const;
export type AclBroker = (typeof ACL_BROKERS)[number];

/** The clients that a rule file must name one by one; agents are matched by pattern where the broker has patterns. */
export interface AclClients {
  readonly agents: readonly string[];
  readonly tools: readonly string[];
}

/** The mesh's rules in a broker's own words: a file, or a part of one, with how to include it as comments. */
export function exportAcl(broker: AclBroker, clients: AclClients): string {
  switch (broker) {
    case 'mosquitto':
      return mosquitto(clients);
    case 'emqx':
      return emqx(clients);
    case 'nats':
      return nats(clients);
    default:
      return broker satisfies never;
  }
}

/**
 * An acl_file. A `pattern` holds for every user, so agents need no lines of their own; what is denied is what nothing
 * allows. Mosquitto has no rule for retained messages: the hub checks who signed whatever is retained.
 */
function mosquitto({ tools }: AclClients): string {
  const lines = (prefix: string, { hears, says }: { hears: readonly string[]; says: readonly string[] }) => [
    ...hears.map((filter) => `${prefix} read ${filter}`),
    ...says.map((filter) => `${prefix} write ${filter}`),
  ];
  const mine = ({ hears, says }: { hears: readonly string[]; says: readonly string[] }) => ({
    hears: filtersFor(hears, '%u'),
    says: filtersFor(says, '%u'),
  });
  const user = (name: string, role: MeshRole) => [
    '',
    `user ${name}`,
    ...lines('topic', {
      hears: filtersFor(MESH_RULES[role].hears, name),
      says: filtersFor(MESH_RULES[role].says, name),
    }),
  ];
  return text(
    '# mosquitto.conf, beside this as acl_file:',
    '#   listener 8883',
    '#   cafile, certfile, keyfile',
    '#   tls_version tlsv1.3',
    '#   require_certificate true',
    '#   use_identity_as_username true',
    '#   use_username_as_clientid true',
    '#   allow_anonymous false',
    '',
    '# Every agent, by the CN of its certificate.',
    ...lines('pattern', mine(MESH_RULES.agent)),
    ...user(HUB_ID, 'hub'),
    ...tools.flatMap((tool) => user(tool, 'tool')),
  );
}

/** An acl.conf. The placeholders are the connected client's own; the last line denies what no line before it allows. */
function emqx({ tools }: AclClients): string {
  const list = (filters: readonly string[]) =>
    filters.map((filter) => (/[+#]/.test(filter) ? `"${filter}"` : `{eq, "${filter}"}`)).join(', ');
  const user = (name: string, role: MeshRole) => [
    `{allow, {user, "${name}"}, subscribe, [${list(filtersFor(MESH_RULES[role].hears, name))}]}.`,
    `{allow, {user, "${name}"}, publish, [${filtersFor(MESH_RULES[role].says, name)
      .map((filter) => `"${filter}"`)
      .join(', ')}]}.`,
  ];
  const own = (filters: readonly string[]) =>
    filtersFor(filters, `\${username}`)
      .map((filter) => `"${filter}"`)
      .join(', ');
  return text(
    '%% emqx.conf: authorization.no_match = deny, and this file as the only source of authorization.',
    '%% Listener ssl.default with verify = verify_peer, fail_if_no_peer_cert = true, versions = ["tlsv1.3"];',
    '%% mqtt.peer_cert_as_username = cn, mqtt.peer_cert_as_clientid = cn.',
    ...user(HUB_ID, 'hub'),
    ...tools.flatMap((tool) => user(tool, 'tool')),
    `{allow, all, subscribe, [${own(MESH_RULES.agent.hears)}]}.`,
    `{allow, all, publish, [${own(MESH_RULES.agent.says)}]}.`,
    '{deny, all}.',
  );
}

/**
 * The authorization of nats-server. It has no pattern for a certificate's name, so each client is written out: after an
 * enrolment the file is exported again and the server reloaded (`nats-server --signal reload`).
 */
function nats({ agents, tools }: AclClients): string {
  const user = (name: string, role: MeshRole) => {
    const { hears, says } = MESH_RULES[role];
    const subjects = (filters: readonly string[]) =>
      filtersFor(filters, name)
        .flatMap((filter) => subjectsOf(filter))
        .map((subject) => `"${subject}"`)
        .join(', ');
    return [
      '    {',
      `      user: "CN=${name}"`,
      '      permissions: {',
      `        publish: { allow: [${subjects(says)}] }`,
      // The server delivers QoS 1 to a client through a subject that it names itself.
      `        subscribe: { allow: [${subjects(hears)}, "$MQTT.sub.>"] }`,
      '      }',
      '    }',
    ];
  };
  return text(
    '# Part of nats-server.conf, beside: mqtt { port: 8883, tls { cert_file, key_file, ca_file, verify_and_map: true } }',
    'authorization {',
    '  users: [',
    ...user(HUB_ID, 'hub'),
    ...agents.flatMap((agent) => user(agent, 'agent')),
    ...tools.flatMap((tool) => user(tool, 'tool')),
    '  ]',
    '}',
  );
}

/** A filter as NATS names it: levels are parted by dots, `+` is `*`, and `#` is the level before it and `>`. */
function subjectsOf(filter: string): string[] {
  const subject = filter.replaceAll('/', '.').replaceAll('+', '*');
  return subject.endsWith('.#') ? [subject.slice(0, -2), subject.replace('#', '>')] : [subject];
}

const text = (...lines: readonly string[]): string => `${lines.join('\n')}\n`;
