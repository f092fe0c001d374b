import { markOf, newerAsset, ownershipOf } from '../../../host/nats/ownership';

describe('the ownership of an asset on the server', () => {
  test('is ours where the metadata has the mark of this deployment, among other entries', () => {
    expect(ownershipOf({ ...markOf('shop'), '_nats.ver': '2.15.2' }, 'shop')).toEqual({ kind: 'ours' });
  });

  test('is another deployment’s where the mark has another name', () => {
    expect(ownershipOf(markOf('shop'), 'shop-test')).toEqual({ kind: 'other-deployment', deployment: 'shop' });
  });

  test('is of a later version where the mark of this deployment has a later format', () => {
    const metadata = { ...markOf('shop'), 'jetplug.format': '2' };
    expect(ownershipOf(metadata, 'shop')).toEqual({ kind: 'newer', format: '2' });
    expect(ownershipOf(metadata, 'shop-test')).toEqual({ kind: 'other-deployment', deployment: 'shop' });
    expect(newerAsset('stream EVENTS', '2')).toMatchObject({
      code: 'JP_RECORD_NEWER',
      message: 'the mark of stream EVENTS has format 2, and this host reads format 1',
    });
  });

  test.each([[undefined], [{}], [{ 'jetplug.plugin': 'badge' }]])('is unmarked with the metadata %j', (metadata) => {
    expect(ownershipOf(metadata, 'shop')).toEqual({ kind: 'unmarked' });
  });
});
