/** Requests as the two senders make them, by their documentation: every field that they have, with values of a plant. */

export interface AlertChange {
  readonly status?: 'firing' | 'resolved';
  readonly labels?: Readonly<Record<string, unknown>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly startsAt?: string;
  readonly fingerprint?: string;
}

const alert = ({ status = 'firing', labels = {}, annotations = {}, startsAt, fingerprint }: AlertChange) => ({
  status,
  labels: { alertname: 'NodeDiskFull', instance: 'web-1.plant.lan:9100', job: 'node', severity: 'critical', ...labels },
  annotations: { summary: 'Disk /var of web-1 is at 97 %', runbook_url: 'https://wiki.plant.lan/disk', ...annotations },
  startsAt: startsAt ?? '2026-11-26T06:14:05.817Z',
  endsAt: status === 'firing' ? '0001-01-01T00:00:00Z' : '2026-11-26T06:24:05.817Z',
  generatorURL: 'http://prometheus.plant.lan:9090/graph?g0.expr=disk_used+%3E+95',
  fingerprint: fingerprint ?? 'c4f1d0a2b3e45a67',
});

/** Prometheus Alertmanager, webhook version 4. */
export const fromAlertmanager = (...alerts: readonly AlertChange[]): string =>
  JSON.stringify({
    version: '4',
    groupKey: '{}:{alertname="NodeDiskFull"}',
    truncatedAlerts: 0,
    status: alerts.some(({ status }) => status !== 'resolved') ? 'firing' : 'resolved',
    receiver: 'sentinel',
    groupLabels: { alertname: 'NodeDiskFull' },
    commonLabels: { alertname: 'NodeDiskFull', severity: 'critical' },
    commonAnnotations: {},
    externalURL: 'http://alertmanager.plant.lan:9093',
    alerts: alerts.map(alert),
  });

/** Grafana's alerting: the same envelope with version "1", values, links to silences and panels. */
export const fromGrafana = (...alerts: readonly AlertChange[]): string =>
  JSON.stringify({
    receiver: 'sentinel',
    status: 'firing',
    orgId: 1,
    alerts: alerts.map((one) => ({
      ...alert(one),
      startsAt: one.startsAt ?? '2026-11-26T06:14:05.817123456+01:00',
      values: { B: 97.25, C: 1 },
      valueString: "[ var='B' labels={instance=web-1} value=97.25 ]",
      silenceURL: 'http://grafana.plant.lan/alerting/silence/new?alertmanager=grafana',
      dashboardURL: 'http://grafana.plant.lan/d/abc',
      panelURL: 'http://grafana.plant.lan/d/abc?viewPanel=2',
      imageURL: '',
    })),
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://grafana.plant.lan/',
    version: '1',
    groupKey: '{}/{}:{}',
    truncatedAlerts: 0,
    title: '[FIRING:1]',
    state: 'alerting',
    message: '**Firing**',
  });
