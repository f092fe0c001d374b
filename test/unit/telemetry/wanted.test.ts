import { telemetryWanted } from '../../../host/telemetry/wanted';

const both = { traces: true, metrics: true };
const traces = { traces: true, metrics: false };
const metrics = { traces: false, metrics: true };

test.each([
  [{}, undefined],
  [{ OTEL_SERVICE_NAME: 'shop', OTEL_TRACES_SAMPLER: 'always_on' }, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, both],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }, undefined],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, traces],
  [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://collector:4318/v1/metrics' }, metrics],
  [{ OTEL_TRACES_EXPORTER: 'console' }, traces],
  [{ OTEL_METRICS_EXPORTER: 'otlp' }, metrics],
  [{ OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' }, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_METRICS_EXPORTER: 'none' }, traces],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_SDK_DISABLED: 'true' }, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_SDK_DISABLED: 'false' }, both],
])('%j asks for %j', (env, wanted) => {
  expect(telemetryWanted(env)).toEqual(wanted);
});
