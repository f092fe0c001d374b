/** The containers of a new project, and those of this repository. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CONTAINER_FILES } from '../../../host/cli/init-containers';
import { ROOT } from '../../support/markdown';

const ofProject = (name: string): string => CONTAINER_FILES.find(({ file }) => file === name)!.text;
const ofRepository = (name: string): string => readFileSync(join(ROOT, name), 'utf8');

test('a new project has the same services as the repository', () => {
  expect(parse(ofProject('docker-compose.yml'))).toEqual(parse(ofRepository('docker-compose.yml')));
});

test('both services restart after a failure, and the host has an init process', () => {
  const { services } = parse(ofRepository('docker-compose.yml')) as { services: Record<string, object> };
  expect(services).toMatchObject({
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
