/** Written by `npm run train`: which model `model.bin` is. */
export const MODEL = {
  id: 'static-256-9658106078a9',
  dimensions: 256,
  hash: '9658106078a97d5571a63af19f6616fa2d823db1e91ac5668160475a98c8ac1e',
};
