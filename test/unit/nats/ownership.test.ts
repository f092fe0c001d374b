import { markOf, ownershipOf } from '../../../host/nats/ownership';

describe('the ownership of an asset on the server', () => {
  test('is ours where the metadata has the mark of this deployment, among other entries', () => {
    expect(ownershipOf({ ...markOf('shop'), '_nats.ver': '2.15.2' }, 'shop')).toEqual({ kind: 'ours' });
  });

  test('is another deployment’s where the mark has another name', () => {
    expect(ownershipOf(markOf('shop'), 'shop-test')).toEqual({ kind: 'other-deployment', deployment: 'shop' });
  });

  test.each([[undefined], [{}], [{ 'jetplug.plugin': 'badge' }]])('is unmarked with the metadata %j', (metadata) => {
    expect(ownershipOf(metadata, 'shop')).toEqual({ kind: 'unmarked' });
  });
});
