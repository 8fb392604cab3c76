/** Written by `npm run train`: which model `model.bin` is. */
export const MODEL = {
  id: 'static-256-e6a00f9a83c0',
  dimensions: 256,
  hash: 'e6a00f9a83c0fe22bde7655958829a5922f73c57d26790919f936e057af2b215',
};
