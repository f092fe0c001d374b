import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';

/** Somebody played a video; `n` is the number of the event. */
export class Played extends defineEvent(
  'bench.played',
  z.object({
    n: z.int().min(0),
    user_id: z.string().min(1),
    video_id: z.string().min(1),
    device: z.string(),
    position_s: z.int(),
    sent_ms: z.number().optional(),
  }),
) {}
