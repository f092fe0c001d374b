import { serverConfig } from '../../../host/nats-server/server-config';

const settings = {
  name: 'jetplug-1',
  data: '/data',
  port: 4222,
  syncInterval: 'always',
  logFile: '/data/nats-server.log',
};

test('the server listens on loopback only, with the configured sync interval', () => {
  expect(read({})).toMatchObject({
    listen: '127.0.0.1:4222',
    jetstream: { store_dir: '/data', sync_interval: 'always' },
  });
  expect(read({ syncInterval: '10s' })).toMatchObject({ jetstream: { sync_interval: '10s' } });
});

test('with port 0 the server chooses a port and writes it to a file', () => {
  expect(read({ port: 0 })).toMatchObject({ listen: '127.0.0.1:-1', ports_file_dir: '/data' });
});

test('without a sync interval the server’s default applies, and there are three log files', () => {
  const config = read({ syncInterval: '' });
  expect(config).not.toHaveProperty('jetstream.sync_interval');
  expect(config).toMatchObject({ logfile_max_num: 3, logfile_size_limit: 10_485_760 });
});

function read(changes: Partial<typeof settings>): unknown {
  return JSON.parse(serverConfig({ ...settings, ...changes }));
}
