/** Written by `npm run train`: which model `model.bin` is. */
export const MODEL = {
  id: 'static-256-ae410e35d248',
  dimensions: 256,
  hash: 'ae410e35d2484e4bd956b5aa7a5959dc8df3725e5ccc3f04e7c96117e5de2095',
};
