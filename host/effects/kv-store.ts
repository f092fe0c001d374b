import { BucketTexts } from './bucket-texts';
import type { KeyValue } from './key-value';
import { TextStore } from './text-store';

/** A plugin's store on a bucket. */
export class KvStore<T> extends TextStore<T> {
  constructor(bucket: KeyValue) {
    super(new BucketTexts(bucket));
  }
}
