/** Written by `npm run train`: which model `model.bin` is. */
export const MODEL = {
  id: 'static-256-23072c9188db',
  dimensions: 256,
  hash: '23072c9188dbdf22938bb139cd2de0eae24f2a798558511b1cf8cfd1d2f5b139',
};
