/** A payment service for the tests of recipes. It answers a repeated idempotency key as it did before. */
import { Receiver, type ReceiverAnswer, type ReceivedRequest } from './receiver';

export class PaymentService {
  /** The orders whose payment it declines. */
  readonly declined = new Set<string>();
  /** Whether it answers 503 to everything. */
  isDown = false;
  private readonly answers = new Map<string, ReceiverAnswer>();

  private constructor(private readonly receiver: Receiver) {}

  static async start(): Promise<PaymentService> {
    const service = new PaymentService(await Receiver.start());
    service.receiver.rule = (request) => service.answer(request);
    return service;
  }

  get url(): string {
    return this.receiver.url;
  }

  /** All requests, repeats included: `charges o1`, `refunds p-o1`. */
  get requests(): string[] {
    return this.receiver.requests.map(({ path, body }) => `${path.slice(1)} ${subjectOf(body)}`);
  }

  /** The charges and refunds that were made, each once. */
  get made(): string[] {
    return [...this.answers].filter(([, { status }]) => status === 200).map(([key]) => key);
  }

  stop(): Promise<void> {
    return this.receiver.stop();
  }

  private answer({ headers, body }: ReceivedRequest): ReceiverAnswer {
    if (this.isDown) return { status: 503 };
    const key = headers['idempotency-key'] as string;
    const subject = subjectOf(body);
    const answer = this.declined.has(subject) ? { status: 402 } : { status: 200, body: { payment_id: `p-${subject}` } };
    const first = this.answers.get(key) ?? answer;
    this.answers.set(key, first);
    return first;
  }
}

function subjectOf(body: string): string {
  const { order_id, payment_id } = JSON.parse(body) as { order_id?: string; payment_id?: string };
  return order_id ?? payment_id ?? '';
}
