import { z } from '@hono/zod-openapi';
import { PROVIDERS } from './provider.ts';

/** Any text, so that a provider that we do not have is a 404. */
export const providerParam = z.object({
  provider: z
    .string()
    .max(200)
    .openapi({
      description: `One of ${PROVIDERS.join(', ')}.`,
      example: 'github',
      enum: [...PROVIDERS],
    }),
});

export const authorizeQuery = z.object({
  return_to: z.string().min(1).max(2048).optional().openapi({
    description:
      'A page to come back to, of this deployment or of an origin in `CORS_ORIGINS`; it gets `code` in its query, for `POST /auth/exchange`. The rest of its query stays: a page can tell by it whether it asked for this login. Absent: the callback answers the tokens.',
    example: 'https://app.example.com/signed-in',
  }),
});

/** Providers send more than this; what else they send is theirs. */
export const callbackQuery = z
  .object({
    state: z.string().min(1).max(200).openapi({
      description: 'As the provider was given it; good once, for ten minutes, in the same browser.',
      example: 'q3Jm0w...',
    }),
    code: z.string().min(1).max(8192).optional().openapi({ description: 'From the provider.' }),
    error: z.string().max(1000).optional().openapi({
      description: 'From the provider, in place of a code.',
      example: 'access_denied',
    }),
  })
  .refine((query) => query.code !== undefined || query.error !== undefined, {
    path: ['code'],
    message: 'is required',
  });

export const exchangeRequest = z
  .strictObject({
    code: z.string().min(1).max(200).openapi({ example: 'q3Jm0w...' }),
  })
  .openapi('ExchangeRequest', { description: 'What `return_to` was given after a browser login.' });
