/** Every R2 key of the product. All objects of a repo share the prefix `repos/<id>/`, so deleting one is a sweep. */
export const keys = {
  repoPrefix: (repoId: string) => `repos/${repoId}/`,
  pack: (repoId: string, packId: string) => `repos/${repoId}/packs/${packId}.pack`,
  packIndex: (repoId: string, packId: string) => `repos/${repoId}/packs/${packId}.idx`,
  vectorsPrefix: (repoId: string) => `repos/${repoId}/vectors/`,
  vectors: (repoId: string, segmentId: string) => `repos/${repoId}/vectors/${segmentId}`,
  /** Never written: asking for it tells whether the bucket answers. */
  probe: 'health',
};
