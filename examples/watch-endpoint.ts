/** `POST /watch`, the same for both platforms. */
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { VideoWatchStarted } from '../plugins/contracts/streaming';

/** The answer when the video plays. */
export interface VideoStarted {
  status: 'success';
  message: 'Video started';
}

export const VIDEO_STARTED: VideoStarted = { status: 'success', message: 'Video started' };

/**
 * A server that starts videos: `POST /watch {user_id, video_id}`. It answers 400 for another body. When the start fails it
 * answers with the error's `statusCode`, or 500 without one. The body of a failure is
 * `{"status": "error", "message": …}`.
 */
export function watchEndpoint(
  startWatching: (userId: string, videoId: string) => Promise<VideoStarted>,
): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true });
  app.post('/watch', async (request, reply) => {
    const result = await VideoWatchStarted.schema['~standard'].validate(request.body);
    if (!result.issues) return startWatching(result.value.user_id, result.value.video_id);
    const problems = result.issues.map(
      ({ path, message }) =>
        `${path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.') || 'body'}: ${message}`,
    );
    return reply.code(400).send({ status: 'error', message: problems.join('; ') });
  });
  app.setErrorHandler<FastifyError & { service?: string }>((error, _request, reply) => {
    const { statusCode = 500, message, service } = error;
    return reply.code(statusCode).send({ status: 'error', message, service });
  });
  return app;
}
