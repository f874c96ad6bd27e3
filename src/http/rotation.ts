import { z } from '@hono/zod-openapi';

/** The longest overlap of an old and a new secret, in hours: a week. */
const maxOverlapHours = 168;

/** What a rotation may be asked: for how long the old secret or token stays valid beside the new one. */
export const rotationSchema = z.object({
  overlapHours: z
    .int('must be a whole number')
    .min(0, 'must be at least 0')
    .max(maxOverlapHours, `must be at most ${maxOverlapHours}`)
    .default(24)
    .openapi({ description: 'How long the old one stays valid beside the new one' }),
});
