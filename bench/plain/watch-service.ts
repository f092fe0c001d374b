/** The video service’s `POST /watch` with the best plain publisher instead of Jetplug’s. */
import { randomUUID } from 'node:crypto';
import { listen } from '../../examples/server';
import { VIDEO_STARTED, watchEndpoint } from '../../examples/watch-endpoint';
import { AckInbox } from './ack-inbox';
import { runProgram } from './program';

const SUBJECT = 'video.watch_started';

runProgram(async (nc) => {
  const inbox = new AckInbox(nc);
  const { url } = await listen(
    watchEndpoint(async (user_id, video_id) => {
      const id = randomUUID();
      const envelope = { event_type: SUBJECT, event_id: id, timestamp: new Date().toISOString() };
      await inbox.publish(SUBJECT, JSON.stringify({ ...envelope, user_id, video_id }), id);
      return VIDEO_STARTED;
    }),
  );
  console.log(JSON.stringify({ msg: 'listening', url }));
});
