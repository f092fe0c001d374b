/** The containers of a new project, and those of this repository. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CONTAINER_FILES } from '../../../host/cli/init-containers';
import { ROOT } from '../../support/markdown';

const ofProject = (name: string): string => CONTAINER_FILES.find(({ file }) => file === name)!.text;
const ofRepository = (name: string): string => readFileSync(join(ROOT, name), 'utf8');

/** The services of the repository beside those of a new project, which has one server and one host. */
const SAME = [
  ['nats', 'nats-1'],
  ['jetplug', 'jetplug-1'],
] as const;
const servicesOf = (text: string): Record<string, Record<string, unknown>> =>
  (parse(text, { merge: true }) as { services: Record<string, Record<string, unknown>> }).services;

test.each(SAME)('%s of a new project has the limits, rights and health check of %s of the repository', (own, other) => {
  const [ofNew, ofOther] = [
    servicesOf(ofProject('docker-compose.yml'))[own]!,
    servicesOf(ofRepository('docker-compose.yml'))[other]!,
  ];
  for (const key of ['image', 'init', 'restart', 'read_only', 'cap_drop', 'security_opt', 'ports'] as const) {
    expect({ [key]: ofNew[key] }).toEqual({ [key]: ofOther[key] });
  }
  expect(ofNew['healthcheck']).toMatchObject({ test: (ofOther['healthcheck'] as { test: unknown }).test });
});

test('both services of a new project restart after a failure, and the host has an init process', () => {
  expect(servicesOf(ofProject('docker-compose.yml'))).toMatchObject({
    nats: { restart: 'unless-stopped' },
    jetplug: { restart: 'unless-stopped', init: true },
  });
});

test('both images run the host under the same user, with the same health check', () => {
  const [project, repository] = [ofProject, ofRepository].map((read) => read('Dockerfile').split('\n'));
  const same = (line: string): boolean => /^(FROM node:\S+$|ENV|USER|EXPOSE|CMD|HEALTHCHECK| {2}CMD)/.test(line);
  expect(project!.filter(same)).toEqual(repository!.filter(same));
  expect(project!.filter(same)).toHaveLength(7);
});
