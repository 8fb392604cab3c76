/** Written by `npm run train`: which model `model.bin` is. */
export const MODEL = {
  id: 'static-256-156ab1636b20',
  dimensions: 256,
  hash: '156ab1636b20e7805f23955d0b90f86028adf54b9a1b254562362582323919f0',
};
