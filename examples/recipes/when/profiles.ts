/** The right choice: the handler of a request writes the row, and answers when it is written. */
import Fastify, { type FastifyInstance } from 'fastify';

interface User {
  Params: { id: string };
  Body: { name: string };
}

/** @param names the table of a database; a `Map` does for a test */
export function profileEndpoint(names: Map<string, string>): FastifyInstance {
  const app = Fastify();
  app.put<User>('/profiles/:id', ({ params, body }) => {
    names.set(params.id, body.name);
    return { name: body.name };
  });
  app.get<User>('/profiles/:id', ({ params }) => ({ name: names.get(params.id) ?? null }));
  return app;
}
