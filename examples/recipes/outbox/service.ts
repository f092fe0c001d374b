/**
 * A web service with a database. `POST /orders {customer, cents}` writes an order and its outbox row in one transaction,
 * and answers. A relay publishes the rows. So the service takes orders also while the NATS server is away.
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import Fastify from 'fastify';
import { relay, type Relay } from 'jetplug/client';
import { z } from 'zod';
import { listen, runAsCommand, type Running } from '../../server';
import { connectWhenThere } from './connect';
import type { Orders } from './orders';
import { openPostgres } from './postgres';
import { openSqlite } from './sqlite';

const Body = z.object({ customer: z.string().min(1), cents: z.int().positive() });

/** @param placed is called after each commit */
function orderEndpoint(orders: Orders, placed: () => void) {
  const app = Fastify({ forceCloseConnections: true });
  app.post('/orders', async (request, reply) => {
    const body = Body.safeParse(request.body);
    if (!body.success) return reply.code(400).send({ message: z.prettifyError(body.error) });
    const order = { order_id: randomUUID(), ...body.data };
    await orders.place(order);
    placed();
    return reply.code(201).send(order);
  });
  return app;
}

/** @param port 0 for any free port */
export async function startOrderService(orders: Orders, servers: string[], port = 0): Promise<Running> {
  const stopping = new AbortController();
  let relaying: Relay | undefined;
  const connecting = connectWhenThere(servers, stopping.signal).then((bus) => {
    if (bus) relaying = relay(bus, orders.outbox, { name: 'shop.orders' });
    return bus;
  });
  const server = await listen(
    orderEndpoint(orders, () => relaying?.wake()),
    port,
  );
  return {
    url: server.url,
    // First no more requests, then the relay, and then the two connections that it uses.
    close: async () => {
      await server.close();
      stopping.abort();
      const bus = await connecting;
      await relaying?.stop();
      await bus?.close();
      await orders.close();
    },
  };
}

async function start(): Promise<Running> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      servers: { type: 'string', multiple: true, default: ['nats://127.0.0.1:4222'] },
      sqlite: { type: 'string', default: 'orders.db' },
      postgres: { type: 'string' },
    },
  });
  const { postgres, sqlite, servers, port } = values;
  const orders = postgres === undefined ? openSqlite(sqlite) : await openPostgres(postgres);
  return startOrderService(orders, servers, Number(port));
}

if (require.main === module) runAsCommand(start);
